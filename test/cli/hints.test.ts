import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
	ConflictError,
	CorruptError,
	InputError,
	NotFoundError,
	StorageError,
	TargetError,
	UnsupportedError,
} from "@varve/core";
import { describe, expect, test } from "vitest";
import { hintedCodes, hintOf } from "../../packages/cli/src/hints.ts";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

/** All sources but those of the hints. */
function sources(): string {
	return ["format", "kernel", "store", "core", "cli"]
		.map((name) => join(packages, name, "src"))
		.flatMap((home) =>
			readdirSync(home, { recursive: true, withFileTypes: true }),
		)
		.filter(({ name }) => name.endsWith(".ts") && name !== "hints.ts")
		.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
		.join("\n");
}

describe("hintOf", () => {
	test("has words for codes that are in use, and for no others", () => {
		const text = sources();
		for (const code of hintedCodes()) expect(text).toContain(`"${code}"`);
	});

	test("tells what to do where the message does not", () => {
		const hint = hintOf(new NotFoundError("NO_REPOSITORY", ""));
		expect(hint).toContain("varve init -r DIR");
		const space = hintOf(new StorageError("NO_SPACE", ""));
		expect(space).toContain("earlier ones are whole");
		const target = hintOf(new TargetError("NO_SPACE", ""));
		expect(target).toContain("another disk");
	});

	test("sends to verify whoever meets damage, and to a newer program whoever needs one", () => {
		expect(hintOf(new CorruptError("BAD_ANYTHING", ""))).toContain("verify");
		const newer = new UnsupportedError("UNKNOWN_FRAME", "", { feature: "x" });
		expect(hintOf(newer)).toContain("newer version");
	});

	test("sends nobody to the leases of a repository who met another restore", () => {
		expect(hintOf(new ConflictError("LOCKED", ""))).toContain("unlock");
		const path = "/srv";
		const other = hintOf(new ConflictError("LOCKED", "", { path }));
		expect(other).not.toContain("unlock");
	});

	test("says nothing where there is nothing to say", () => {
		expect(hintOf(new InputError("BAD_TIME", ""))).toBeUndefined();
		expect(hintOf(new UnsupportedError("NOT_HERE", ""))).toBeUndefined();
		expect(hintOf(new TypeError("a bug"))).toBeUndefined();
		expect(hintOf("text")).toBeUndefined();
	});
});

import { readFileSync } from "node:fs";
import {
	ConflictError,
	CorruptError,
	InputError,
	NotFoundError,
	SourceError,
	StorageError,
	TargetError,
	UnsupportedError,
} from "@varve/core";
import { describe, expect, test } from "vitest";
import { ExitCode, exitCodeOf } from "../../packages/cli/src/exit-code.ts";
import { Interrupted } from "../../packages/cli/src/interrupted.ts";

const coded = (code: string) => Object.assign(new Error(code), { code });

const cases: readonly [unknown, number][] = [
	[new InputError("BAD_SELECTOR", ""), 2],
	[new InputError("AMBIGUOUS", ""), 2],
	[new InputError("NO_SUCH_PATH", ""), 2],
	[new NotFoundError("NO_REPOSITORY", ""), 10],
	[new InputError("NOT_A_DIRECTORY", ""), 10],
	[new NotFoundError("NO_SUCH_SNAPSHOT", ""), 1],
	[new NotFoundError("NO_SUCH_PATH", ""), 1],
	[new ConflictError("FENCED", ""), 11],
	[new ConflictError("EXISTS", ""), 1],
	[new UnsupportedError("NEWER_FORMAT", ""), 14],
	[new UnsupportedError("UNKNOWN_FEATURE", ""), 14],
	[new UnsupportedError("UNKNOWN_FRAME", "", { feature: "frame-9-0" }), 14],
	[new UnsupportedError("NOT_HERE", ""), 1],
	[new CorruptError("BAD_CHUNK", ""), 4],
	[new StorageError("NO_SPACE", ""), 13],
	[new TargetError("NO_SPACE", ""), 13],
	[new StorageError("REFUSED", ""), 15],
	[new StorageError("STORAGE_FAILED", ""), 1],
	[new StorageError("STORAGE_FAILED", "", { committed: true }), 9],
	[new SourceError("NOTHING_READ", ""), 1],
	[new TargetError("TARGET_NOT_EMPTY", ""), 1],
	[new Interrupted("SIGINT"), 130],
	[new Interrupted("SIGTERM"), 143],
	[coded("EPIPE"), 0],
	[coded("ENOSPC"), 1],
	[coded("commander.unknownOption"), 2],
	[coded("commander.help"), 2],
	[coded("commander.helpDisplayed"), 0],
	[coded("commander.version"), 0],
	[new TypeError("a bug"), 1],
	["thrown text", 1],
	[undefined, 1],
];

describe("exitCodeOf", () => {
	test.each(cases)("%o ends with %d", (error, code) => {
		expect(exitCodeOf(error)).toBe(code);
	});

	test("an error of another copy of the classes counts too", () => {
		const foreign = Object.assign(new Error("full"), {
			name: "StorageError",
			code: "NO_SPACE",
			details: {},
			[Symbol.for("varve.error")]: true,
		});
		expect(exitCodeOf(foreign)).toBe(13);
	});

	test("every code stands in docs/exit-codes.md", () => {
		const page = readFileSync(
			new URL("../../docs/exit-codes.md", import.meta.url),
			"utf8",
		);
		for (const code of [...Object.values(ExitCode), 130, 143])
			expect(page).toMatch(new RegExp(`^\\| .*\\b${code}\\b.* \\|`, "m"));
	});
});

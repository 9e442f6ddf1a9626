import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { golden } from "./golden.ts";
import { hex } from "./sturdy.ts";

const folder = new URL("../golden/v1/", import.meta.url);

function toText(file: string, bytes: Uint8Array): string {
	if (!file.endsWith(".hex")) return Buffer.from(bytes).toString("utf8");
	return hex(bytes).replace(/.{1,64}/g, "$&\n");
}

function fromText(file: string, text: string): Uint8Array {
	const hexOnly = file.endsWith(".hex");
	return new Uint8Array(
		hexOnly ? Buffer.from(text.replace(/\n/g, ""), "hex") : Buffer.from(text),
	);
}

function readGolden(file: string): Uint8Array {
	return fromText(file, readFileSync(new URL(file, folder), "utf8"));
}

/** Only to add an object kind: files that exist are never written again. */
function addMissing(): void {
	for (const { file, encode } of golden)
		if (!existsSync(new URL(file, folder)))
			writeFileSync(new URL(file, folder), toText(file, encode()));
}

if (process.env["VARVE_ADD_GOLDEN"] === "1") addMissing();

describe("golden bytes of format 1", () => {
	test("there is one file for each sample, and no other", () => {
		const files = readdirSync(folder).filter((file) => file !== "README.md");
		expect(files.sort()).toEqual(golden.map(({ file }) => file).sort());
	});

	test.each(golden)("$file is written byte by byte", ({ file, encode }) => {
		expect(hex(encode())).toBe(hex(readGolden(file)));
	});

	test.each(golden)("$file is read as what it was", ({ file, ...object }) => {
		expect(object.decode(readGolden(file))).toEqual(object.value);
	});
});

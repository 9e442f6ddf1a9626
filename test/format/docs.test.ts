import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sha256Hex, xxh64 } from "./hashes.ts";
import { hex } from "./sturdy.ts";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/format-v1.md", root), "utf8");

/** Fenced blocks of the page that show a golden file: `hex` ones with remarks, from two spaces after the bytes on. */
const examples = [
	...page.matchAll(/^```(hex|json) (\S+)\n([\s\S]*?)^```$/gm),
].map(([, language, file = "", text = ""]) => ({ language, file, text }));

const bytesOfLine = (line: string) =>
	/^(?:[0-9a-f]{2} {1,2})*(?:[0-9a-f]{2}(?= |$))?/.exec(line)?.[0] ?? "";

describe("the page of format 1", () => {
	test("has a frame, a tree, a pack and a JSON object as examples", () => {
		expect(examples.map(({ file }) => file)).toEqual([
			"frame-raw.hex",
			"frame-delta.hex",
			"tree-small.hex",
			"pack-content.hex",
			"label-add-tag.json",
		]);
	});

	test.each(examples)("$file is shown as it is", ({ language, file, text }) => {
		const golden = readFileSync(
			new URL(`test/golden/v1/${file}`, root),
			"utf8",
		);
		if (language === "json") expect(text).toBe(`${golden}\n`);
		else {
			const shown = text.split("\n").map(bytesOfLine).join("");
			expect(shown.replace(/ /g, "")).toBe(golden.replace(/\n/g, ""));
		}
	});

	test("tells right how checksums are taken", () => {
		const golden = (file: string) =>
			readFileSync(new URL(`test/golden/v1/${file}`, root), "utf8");
		const label = golden("label-add-tag.json");
		const check = /"check":"([0-9a-f]{64})",/.exec(label);
		const without = label.replace(check?.[0] ?? "", "");
		expect(sha256Hex(Buffer.from(without))).toBe(check?.[1]);
		const pack = Buffer.from(
			golden("pack-content.hex").replace(/\n/g, ""),
			"hex",
		);
		const little = (n: bigint) => {
			const bytes = Buffer.alloc(8);
			bytes.writeBigUInt64LE(n);
			return hex(bytes);
		};
		expect(little(xxh64(pack.subarray(0, 174)))).toBe("22144e53c6ad242d");
		expect(little(xxh64(pack.subarray(174, 206)))).toBe("a9396327f59483fc");
	});
});

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	escapeText,
	quoteForShell,
} from "../../packages/cli/src/escape-text.ts";

describe("escapeText", () => {
	test.each([
		["a plain name.txt", "a plain name.txt"],
		["naïve 日本 👨‍👩‍👧 क्‍ष", "naïve 日本 👨‍👩‍👧 क्‍ष"],
		["two\nlines\tand\rback", "two\\nlines\\tand\\rback"],
		["\u001b[31mred\u001b[0m", "\\x1b[31mred\\x1b[0m"],
		["\u0007bell\u007f", "\\x07bell\\x7f"],
		["\u009b31m", "\\u009b31m"],
		["cod\u202etxt.exe", "cod\\u202etxt.exe"],
		["zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"],
		["byte \udcff\udc80", "byte \\xff\\x80"],
		["line\u2028end", "line\\u2028end"],
		["tag\u{e0041}", "tag\\U000e0041"],
	])("%j is shown as %s", (text, shown) => {
		expect(escapeText(text)).toBe(shown);
	});

	test("no control character of any text is left (T67)", () => {
		const units = fc
			.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
			.map((codes) => String.fromCharCode(...codes));
		fc.assert(
			fc.property(units, (text) => {
				const shown = escapeText(text);
				expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
				expect(escapeText(shown)).toBe(shown);
			}),
		);
	});
});

describe("quoteForShell", () => {
	test.each([
		["plain/path-1.txt", "plain/path-1.txt"],
		["two words", "'two words'"],
		["it's", "'it'\\''s'"],
		["", "''"],
		["$HOME", "'$HOME'"],
	])("%j is written as %s", (word, written) => {
		expect(quoteForShell(word)).toBe(written);
	});

	test("bash reads any word back, and nothing in it drives the terminal", () => {
		const words = [
			"a'b\\c\n\u001b[0m\tü",
			"\u202e\u0085'\\'",
			"tab\tand é",
			"-n",
			"*",
		];
		for (const word of words) {
			const written = quoteForShell(word);
			expect(escapeText(written)).toBe(written);
			const { stdout, error } = spawnSync(
				"bash",
				["-c", `printf %s ${written}`],
				{
					env: { LC_ALL: "C.UTF-8", PATH: process.env["PATH"] },
				},
			);
			expect(error).toBeUndefined();
			expect(stdout.toString()).toBe(word);
		}
	});
});

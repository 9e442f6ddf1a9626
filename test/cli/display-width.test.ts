import { describe, expect, test } from "vitest";
import {
	displayWidth,
	keepBeginning,
	keepEnd,
	padEnd,
	padStart,
} from "../../packages/cli/src/display-width.ts";

describe("display width", () => {
	test.each([
		["plain", 5],
		["naïve", 5],
		["nai\u0308ve", 5],
		["日本", 4],
		["👍", 2],
		["", 0],
	])("of %j is %d columns", (text, width) => {
		expect(displayWidth(text)).toBe(width);
	});

	test("texts are cut to fit", () => {
		expect(keepEnd("/usr/share/doc", 8)).toBe("…are/doc");
		expect(keepEnd("日本日本", 6)).toBe("…日本");
		expect(keepEnd("short", 8)).toBe("short");
		expect(keepEnd("any", 0)).toBe("");
		expect(keepBeginning("日本日本", 5)).toBe("日本");
		expect(keepBeginning("short", 8)).toBe("short");
	});

	test("columns are filled up by what is seen", () => {
		expect(padEnd("日本", 6)).toBe("日本  ");
		expect(padStart("12", 4)).toBe("  12");
		expect(padEnd("too long", 4)).toBe("too long");
	});
});

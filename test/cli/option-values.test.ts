import { describe, expect, test } from "vitest";
import {
	countValue,
	gather,
	gatherWords,
	positiveValue,
	rateValue,
	sizeValue,
	workersOption,
} from "../../packages/cli/src/option-values.ts";
import { subsetValue } from "../../packages/cli/src/read-subset.ts";

describe("values of options", () => {
	test("gather up over several flags", () => {
		expect(gather("b,c", gather("a", undefined))).toEqual(["a", "b,c"]);
		expect(gatherWords("b, c", gatherWords("a", undefined))).toEqual([
			"a",
			"b",
			"c",
		]);
		expect(() => gatherWords("a,,b", undefined)).toThrow("empty word");
	});

	test.each([
		[sizeValue, "100M", 104_857_600],
		[rateValue, "1M/s", 1_048_576],
		[countValue, "0", 0],
		[positiveValue, "7", 7],
	])("%o reads %s as %d", (read, text, value) => {
		expect(read(text)).toBe(value);
	});

	test.each([
		[sizeValue, "large"],
		[rateValue, "0"],
		[countValue, "1.5"],
		[countValue, "-1"],
		[positiveValue, "0"],
	])("%o refuses %s", (read, text) => {
		expect(() => read(text)).toThrow();
	});

	test("so many threads are refused", () => {
		const read = workersOption().parseArg as (value: string) => number;
		expect(read("256")).toBe(256);
		expect(() => read("257")).toThrow("at most 256");
	});
});

describe("--read-data-subset", () => {
	test.each([
		["2/5", { kind: "nth", n: 2, t: 5 }],
		["1/1", { kind: "nth", n: 1, t: 1 }],
		["10%", { kind: "percent", percent: 10 }],
		["2.5%", { kind: "percent", percent: 2.5 }],
		["100%", { kind: "percent", percent: 100 }],
		["2G", { kind: "bytes", bytes: 2 ** 31 }],
	])("%s is read", (text, subset) => {
		expect(subsetValue(text)).toEqual(subset);
	});

	test.each(["0/5", "6/5", "1/0", "0%", "101%", "0", "some", "", "-1%"])(
		"%j is refused",
		(text) => {
			expect(() => subsetValue(text)).toThrow("Write 2/5");
		},
	);
});

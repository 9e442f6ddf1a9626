import { expect, test } from "vitest";
import { parseWait, waitValue } from "../../packages/cli/src/durations.ts";

test.each([
	["0", 0],
	["30s", 30_000],
	["5m", 300_000],
	["5min", 300_000],
	["1h30m", 5_400_000],
	["2d", 172_800_000],
	["0.5s", 500],
])("%s is a time one can wait", (text, milliseconds) => {
	expect(parseWait(text)).toBe(milliseconds);
});

test.each(["", "5", "m", "-1s", "5 m", "1y", "5mm", "1.2345s"])(
	"%j is none",
	(text) => {
		expect(parseWait(text)).toBeUndefined();
		expect(() => waitValue(text)).toThrow("30s");
	},
);

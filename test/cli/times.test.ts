import { describe, expect, test } from "vitest";
import {
	formatNanoseconds,
	formatRfc3339,
	formatTime,
	parseTime,
} from "../../packages/cli/src/times.ts";

const utc = () => 0;
const berlinSummerStart = Date.UTC(2026, 2, 29, 1);
const berlinSummerEnd = Date.UTC(2026, 9, 25, 1);
const berlin = (time: number) =>
	time >= berlinSummerStart && time < berlinSummerEnd ? 120 : 60;
const newfoundland = () => -210;

describe("times", () => {
	test("are shown in local time with their offset", () => {
		const time = Date.UTC(2026, 10, 19, 13, 0, 5, 999);
		expect(formatTime(time, berlin)).toBe("2026-11-19 14:00:05 +0100");
		expect(formatTime(time, newfoundland)).toBe("2026-11-19 09:30:05 -0330");
		expect(formatRfc3339(time, berlin)).toBe("2026-11-19T14:00:05.999+01:00");
		expect(formatRfc3339(time, utc)).toBe("2026-11-19T13:00:05.999+00:00");
	});

	test.each([
		[0, 0, "1970-01-01T00:00:00Z"],
		[-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"],
		[1_700_000_000, 120_000_000, "2023-11-14T22:13:20.12Z"],
		[-(2 ** 40), 0, "-032873-11-12T23:23:44Z"],
		[2 ** 53, 0, "@9007199254740992"],
	])("%d s and %d ns are %s", (seconds, nanoseconds, text) => {
		expect(formatNanoseconds(seconds, nanoseconds)).toBe(text);
	});

	test.each([
		["2026-11-19", Date.UTC(2026, 10, 18, 23)],
		["2026-07-01", Date.UTC(2026, 5, 30, 22)],
		["2026-11-19 14:00", Date.UTC(2026, 10, 19, 13)],
		["2026-11-19T14:00:05", Date.UTC(2026, 10, 19, 13, 0, 5)],
		["2026-11-19 14:00:05.25", Date.UTC(2026, 10, 19, 13, 0, 5, 250)],
		["2026-11-19T14:00:05Z", Date.UTC(2026, 10, 19, 14, 0, 5)],
		["2026-11-19T14:00:05.123-03:30", Date.UTC(2026, 10, 19, 17, 30, 5, 123)],
		["2026-10-25 02:30", Date.UTC(2026, 9, 25, 0, 30)],
		["2026-02-30", undefined],
		["2026-13-01", undefined],
		["2026-11-19 24:00", undefined],
		["2026-11-19 23:60", undefined],
		["19.11.2026", undefined],
		["tomorrow", undefined],
		["", undefined],
	])("%j is read as a local time unless it names its offset", (text, time) => {
		expect(parseTime(text, berlin)).toBe(time);
	});
});

import { describe, expect, test } from "vitest";
import type { Clock } from "../../packages/core/src/ports.ts";
import {
	momentEnd,
	parseMoment,
} from "../../packages/core/src/query/moment.ts";

/** Central Europe: one hour ahead in winter, two in summer (from 2026-03-29 01:00Z to 2026-10-25 01:00Z). */
const berlin = (now: string): Clock => ({
	now: () => Date.parse(now),
	offsetMinutes: (time) =>
		time >= Date.parse("2026-03-29T01:00Z") &&
		time < Date.parse("2026-10-25T01:00Z")
			? 120
			: 60,
});

const now = "2026-11-19T12:30:15.250Z"; // 13:30 there

function end(text: string, clock = berlin(now)): string | undefined {
	const parsed = parseMoment(text);
	if (parsed === undefined || parsed.rest !== "") return undefined;
	return new Date(momentEnd(parsed.moment, clock)).toISOString();
}

describe("moment", () => {
	test.each([
		["2026-11-19", "2026-11-19T22:59:59.999Z"],
		["2026-07-19", "2026-07-19T21:59:59.999Z"],
		["2026-11-19T14:00", "2026-11-19T13:00:59.999Z"],
		["2026-11-19 14:00", "2026-11-19T13:00:59.999Z"],
		["2026-11-19T14:00:05", "2026-11-19T13:00:05.999Z"],
		["2026-11-19 14:00:05 +0100", "2026-11-19T13:00:05.999Z"],
		["2026-11-19T14:00:05.120", "2026-11-19T13:00:05.120Z"],
		["2026-11-19T14:00:05.120456789Z", "2026-11-19T14:00:05.120Z"],
		["2026-11-19T14:00Z", "2026-11-19T14:00:59.999Z"],
		["2026-11-19T14:00-05:30", "2026-11-19T19:30:59.999Z"],
		["2026-11-19T14-00-00", "2026-11-19T13:00:00.999Z"],
		["2026-11-19T14-07", "2026-11-19T13:07:59.999Z"],
		["20261119_140000", "2026-11-19T13:00:00.999Z"],
		["20261119_1400", "2026-11-19T13:00:59.999Z"],
		["20261119T140000", "2026-11-19T13:00:00.999Z"],
		["today", "2026-11-19T22:59:59.999Z"],
		["yesterday", "2026-11-18T22:59:59.999Z"],
		["2h", "2026-11-19T10:30:15.250Z"],
		["90min", "2026-11-19T11:00:15.250Z"],
		["30s", "2026-11-19T12:29:45.250Z"],
		["3d", "2026-11-16T12:30:15.250Z"],
		["1w", "2026-11-12T12:30:15.250Z"],
		["1w1d", "2026-11-11T12:30:15.250Z"],
		["1m", "2026-10-19T11:30:15.250Z"],
		["1y2m", "2025-09-19T12:30:15.250Z"],
		["1d2h", "2026-11-18T10:30:15.250Z"],
	])("%s ends at %s", (text, expected) => {
		expect(end(text)).toBe(expected);
	});

	test("months keep the day within the month they lead to", () => {
		expect(end("1m", berlin("2026-03-31T10:00:00Z"))).toBe(
			"2026-02-28T11:00:00.000Z",
		);
	});

	test("a time the clock shows twice is the later one, and one it skips counts by the offset before", () => {
		expect(end("2026-10-25T02:30")).toBe("2026-10-25T01:30:59.999Z");
		expect(end("2026-03-29T02:30")).toBe("2026-03-29T01:30:59.999Z");
	});

	test.each([
		["2026-13-01"],
		["2026-02-30"],
		["2026-11-19T24:00"],
		["2026-11-19T14"],
		["2026-11-19T14:60"],
		["20261319_140000"],
		["20261119"],
		["h"],
		["2x"],
		["2026"],
		["yesterdays"],
		["3days"],
		[""],
	])("%j is no moment", (text) => {
		expect(parseMoment(text)).toBeUndefined();
	});

	test("what follows a colon is left over", () => {
		expect(parseMoment("2026-11-19T14:00:05:/a")?.rest).toBe(":/a");
		expect(parseMoment("2026-11-19T14:00:a")?.rest).toBe(":a");
		expect(parseMoment("2026-11-19:a:b")?.rest).toBe(":a:b");
		expect(parseMoment("3d:")?.rest).toBe(":");
	});
});

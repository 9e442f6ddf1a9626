import type { PeriodName } from "@varve/format";
import type { Duration } from "./policy.ts";

/**
 * Times of records are told as the host's clock showed them, with its offset from UTC. Periods are those of that clock: the hour,
 * day, week, month or year in which the snapshot was taken there.
 */

/** Which hour, day, … of its own clock a time (RFC 3339) lies in: equal keys, same period. */
export function periodOf(period: PeriodName, time: string): string {
	switch (period) {
		case "Hourly":
			return time.slice(0, 13);
		case "Daily":
			return time.slice(0, 10);
		case "Weekly":
			return isoWeek(time);
		case "Monthly":
			return time.slice(0, 7);
		case "Yearly":
			return time.slice(0, 4);
		default:
			return period satisfies never;
	}
}

const dayLength = 86_400_000;

/** Year and number of the ISO week: weeks begin on Monday and belong to the year that has their Thursday. */
function isoWeek(time: string): string {
	const day = Date.parse(`${time.slice(0, 10)}T00:00:00Z`);
	const sinceMonday = (new Date(day).getUTCDay() + 6) % 7;
	const thursday = new Date(day + (3 - sinceMonday) * dayLength);
	const year = thursday.getUTCFullYear();
	const week = Math.floor(
		(thursday.getTime() - Date.UTC(year, 0)) / dayLength / 7,
	);
	return `${year}-W${week + 1}`;
}

/**
 * The moment (ms since 1970) that lies so long before a time, by the clock that told it. Years and months first, the day kept within
 * its month (a month before March 31 is the last of February), then days, then hours.
 */
export function timeBefore(
	time: string,
	{ years, months, days, hours }: Duration,
): number {
	const at = Date.parse(time);
	const offset = Date.parse(`${time.slice(0, 23)}Z`) - at;
	const wall = new Date(at + offset);
	const month =
		wall.getUTCFullYear() * 12 + wall.getUTCMonth() - years * 12 - months;
	const first = new Date(0);
	// Not Date.UTC, which takes years below 100 for those of the last century.
	first.setUTCFullYear(
		Math.floor(month / 12),
		month - Math.floor(month / 12) * 12,
		1,
	);
	const last = new Date(first);
	last.setUTCFullYear(first.getUTCFullYear(), first.getUTCMonth() + 1, 0);
	const day = Math.min(wall.getUTCDate(), last.getUTCDate());
	const ofDay = ((wall.getTime() % dayLength) + dayLength) % dayLength;
	const moved = first.getTime() + (day - 1 - days) * dayLength + ofDay;
	return moved - hours * 3_600_000 - offset;
}

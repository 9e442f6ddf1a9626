import { createHash } from "node:crypto";
import type { SnapshotId } from "@varve/format";
import fc from "fast-check";
import type { Snapshot } from "../../packages/core/src/repository.ts";

export interface FakeSnapshot {
	/** RFC 3339 with an offset, milliseconds or not. */
	readonly time: string;
	readonly host?: string;
	readonly paths?: readonly string[];
	readonly tags?: readonly string[];
	readonly pin?: boolean;
	readonly expires?: string;
	readonly forgotten?: boolean;
}

/** As much of a snapshot as retention looks at. */
export function fakeSnapshot({
	time,
	host = "a",
	paths = ["/"],
	tags = [],
	pin = false,
	expires,
	forgotten = false,
}: FakeSnapshot): Snapshot {
	const id = createHash("sha256").update(`${time} ${host} ${paths}`);
	const roots = paths.map((path) => ({ path }));
	return {
		id: id.digest("hex") as SnapshotId,
		record: { time, host, roots },
		tags,
		pin,
		note: "",
		expires,
		forgotten,
	} as unknown as Snapshot;
}

/** "2025-04-21 11:00", "2025-04-21" for noon; the year may be left out if the one before has it. */
export function atTimes(list: string): Snapshot[] {
	return list.split(",").map((word) => {
		const [day, clock = "12:00"] = word.trim().split(" ");
		return fakeSnapshot({ time: `${day}T${clock}:00.000Z` });
	});
}

/** "2025-04-21 11:00", or without the time if it is noon. */
export function shortTime({ record }: Snapshot): string {
	return `${record.time.slice(0, 10)} ${record.time.slice(11, 16)}`.replace(
		" 12:00",
		"",
	);
}

const offset = fc.constantFrom("Z", "+01:00", "+05:30", "-08:00", "+14:00");

/** Different times before 2024, in some hours, days or years, so that periods have several of them. */
export const manyTimes: fc.Arbitrary<string[]> = fc
	.tuple(
		fc.constantFrom(36e5, 864e5, 30 * 864e5, 1000 * 864e5),
		fc.integer({ min: 1e12, max: 1.7e12 }),
	)
	.chain(([spread, end]) =>
		fc
			.uniqueArray(
				fc.tuple(fc.integer({ min: 0, max: 40 }), fc.nat(999), offset),
				{
					selector: ([a, b]) => a * 1000 + b,
					minLength: 1,
					maxLength: 30,
					size: "max",
				},
			)
			.map((all) =>
				all.map(([whole, part, zone]) => {
					const at = end - Math.floor((whole + part / 1000) * spread);
					return inZone(at - (at % 1000), zone);
				}),
			),
	)
	.map((times) => [
		...new Map(times.map((time) => [Date.parse(time), time])).values(),
	]);

function inZone(at: number, zone: string): string {
	const minutes =
		zone === "Z"
			? 0
			: Date.parse("2000-01-01T00:00:00Z") -
				Date.parse(`2000-01-01T00:00:00${zone}`);
	return new Date(at + minutes).toISOString().replace("Z", zone);
}

const count = fc.option(fc.constantFrom(0, 1, 2, 3, 5, 10, -1), {
	nil: undefined,
	freq: 2,
});
const span = fc.option(
	fc.constantFrom("1h", "36h", "1d", "7d", "1m", "5m3d", "1y", "1y5m7d2h"),
	{ nil: undefined, freq: 2 },
);

/** Policies with few rules, none of them impossible. */
export const somePolicy = fc.record(
	{
		keepLast: count,
		keepHourly: count,
		keepDaily: count,
		keepWeekly: count,
		keepMonthly: count,
		keepYearly: count,
		keepWithin: span,
		keepWithinHourly: span,
		keepWithinDaily: span,
		keepWithinWeekly: span,
		keepWithinMonthly: span,
		keepWithinYearly: span,
	},
	{ requiredKeys: [] },
);

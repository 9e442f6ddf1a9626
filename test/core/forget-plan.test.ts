import { InputError, type Policy } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	periodOf,
	timeBefore,
} from "../../packages/core/src/forget/calendar.ts";
import {
	type ForgetRequest,
	planByHand,
	planForget,
	removedBy,
} from "../../packages/core/src/forget/plan.ts";
import {
	describePolicy,
	parseDuration,
	parseGroupBy,
	parseKeepCount,
} from "../../packages/core/src/forget/policy.ts";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import {
	atTimes,
	fakeSnapshot,
	manyTimes,
	shortTime,
	somePolicy,
} from "./forget-fakes.ts";

const late = Date.parse("2100-01-01T00:00:00Z");
const code = (name: string) => expect.objectContaining({ code: name });

function plan(
	snapshots: readonly Snapshot[],
	policy: Policy,
	request: Partial<ForgetRequest> = {},
) {
	return planForget(snapshots, { policy, now: late, ...request });
}

const kept = (snapshots: readonly Snapshot[], policy: Policy, now = late) =>
	plan(snapshots, policy, { now }).groups.flatMap(({ keep }) =>
		keep.map(({ snapshot }) => shortTime(snapshot)),
	);

const v1 =
	"2025-04-21 11:00, 2025-04-22 11:00, 2025-04-23 11:00, 2025-04-24 11:00, 2025-04-25 11:00, 2025-04-25 23:00, 2025-04-28 11:00, 2025-04-29 11:00, 2025-05-01 11:00, 2025-05-02 11:00, 2025-05-02 23:00";
const v2 = "2024-01-10, 2024-01-20, 2024-02-05";
const v3 =
	"2024-03-01, 2024-03-02, 2024-03-03, 2024-03-04, 2024-03-05, 2024-03-06, 2024-03-07, 2024-03-08, 2024-03-09, 2024-03-10";
const v4 =
	"2024-02-29, 2024-03-01, 2024-03-02, 2024-03-02 12:01, 2024-03-24, 2024-03-24 12:01, 2024-03-31";
const v5 =
	"2024-12-29, 2024-12-30, 2024-12-31, 2025-01-01, 2025-01-05, 2025-01-06";
const v6 =
	"2024-06-01, 2024-06-02, 2024-06-03, 2024-06-04, 2024-06-05, 2024-06-06, 2024-06-07, 2024-07-15";
const v7 = "2024-03-01, 2024-03-09, 2024-03-10, 2099-01-01";

describe("what a policy keeps", () => {
	test.each<[string, string, Policy, string]>([
		[
			"days without a snapshot take no slot",
			v1,
			{ keepDaily: 5 },
			"2025-05-02 23:00, 2025-05-01 11:00, 2025-04-29 11:00, 2025-04-28 11:00, 2025-04-25 23:00",
		],
		[
			"within counts from the newest snapshot",
			v1,
			{ keepWithinDaily: "7d" },
			"2025-05-02 23:00, 2025-05-01 11:00, 2025-04-29 11:00, 2025-04-28 11:00",
		],
		[
			"the oldest fills a slot that is left",
			v2,
			{ keepMonthly: 3 },
			"2024-02-05, 2024-01-20, 2024-01-10",
		],
		[
			"the oldest goes where no slot is left",
			v2,
			{ keepMonthly: 2 },
			"2024-02-05, 2024-01-20",
		],
		[
			"what one rule keeps another may count too",
			v3,
			{ keepDaily: 2, keepWeekly: 2 },
			"2024-03-10, 2024-03-09, 2024-03-03",
		],
		[
			"a month before the 31st is the end of a shorter month",
			v4,
			{ keepWithin: "1m" },
			"2024-03-31, 2024-03-24 12:01, 2024-03-24, 2024-03-02 12:01, 2024-03-02, 2024-03-01",
		],
		[
			"weeks are those of ISO 8601, across the new year",
			v5,
			{ keepWeekly: 3 },
			"2025-01-06, 2025-01-05, 2024-12-29",
		],
		[
			"a gap of weeks takes no slot",
			v6,
			{ keepDaily: 5 },
			"2024-07-15, 2024-06-07, 2024-06-06, 2024-06-05, 2024-06-04",
		],
	])("%s", (_, times, policy, expected) => {
		expect(kept(atTimes(times), policy).join(", ")).toBe(expected);
	});

	test("T32 a snapshot dated in the future stays, takes no slot, and is warned of", () => {
		const now = Date.parse("2024-03-10T13:00:00Z");
		const snapshots = atTimes(v7);
		const policy = { keepDaily: 2 };
		const expected = ["2099-01-01", "2024-03-10", "2024-03-09"];
		expect(kept(snapshots, policy, now)).toEqual(expected);
		const { warnings, groups } = plan(snapshots, policy, { now });
		expect(warnings).toEqual([expect.stringContaining("2099-01-01")]);
		expect(groups[0]?.keep[0]?.reasons).toEqual(["dated in the future"]);
	});

	test("-1 keeps one of every period, and 0 is no rule", () => {
		expect(kept(atTimes(v3), { keepDaily: -1, keepLast: 0 })).toHaveLength(10);
		expect(kept(atTimes(v5), { keepYearly: -1 })).toEqual([
			"2025-01-06",
			"2024-12-31",
			"2024-12-29",
		]);
	});

	test("days are those of the clock of the snapshot's host", () => {
		const snapshots = [
			fakeSnapshot({ time: "2024-03-02T01:00:00.000+05:00" }),
			fakeSnapshot({ time: "2024-03-01T19:00:00.000Z" }),
			fakeSnapshot({ time: "2024-03-01T01:00:00.000+05:00" }),
		];
		const [group] = plan(snapshots, { keepDaily: 2 }).groups;
		const times = group?.keep.map(({ snapshot }) => snapshot.record.time);
		expect(times).toEqual([
			"2024-03-02T01:00:00.000+05:00",
			"2024-03-01T19:00:00.000Z",
		]);
	});

	test("tags keep a snapshot that has all of one list; an empty list keeps those without tags", () => {
		const snapshots = [
			fakeSnapshot({ time: "2024-03-01T00:00:00.000Z", tags: ["a", "b"] }),
			fakeSnapshot({ time: "2024-03-02T00:00:00.000Z", tags: ["a"] }),
			fakeSnapshot({ time: "2024-03-03T00:00:00.000Z" }),
		];
		const days = (keepTags: string[]) =>
			kept(snapshots, { keepTags }).map((time) => time.slice(8, 10));
		expect(days(["a,b"])).toEqual(["01"]);
		expect(days(["a"])).toEqual(["02", "01"]);
		expect(days(["b", ""])).toEqual(["03", "01"]);
	});

	test("pinned snapshots stay, and those that are not to be forgotten yet", () => {
		const snapshots = [
			fakeSnapshot({ time: "2024-03-01T00:00:00.000Z", pin: true }),
			fakeSnapshot({
				time: "2024-03-02T00:00:00.000Z",
				expires: "2024-04-01T00:00:00.000Z",
			}),
			fakeSnapshot({ time: "2024-03-03T00:00:00.000Z" }),
			fakeSnapshot({ time: "2024-03-04T00:00:00.000Z", forgotten: true }),
		];
		const reasons = (now: string) =>
			plan(snapshots, { keepLast: 1 }, { now: Date.parse(now) }).groups.flatMap(
				({ keep }) => keep.map((one) => one.reasons),
			);
		expect(reasons("2024-03-15T00:00:00Z")).toEqual([
			["last snapshot"],
			["not to be forgotten before 2024-04-01T00:00:00.000Z"],
			["pinned"],
		]);
		expect(reasons("2024-04-02T00:00:00Z")).toEqual([
			["last snapshot"],
			["pinned"],
		]);
	});

	test("every reason is told", () => {
		const [group] = plan(atTimes(v3), {
			keepLast: 1,
			keepWeekly: 3,
			keepWithin: "1d",
			keepWithinMonthly: "1y",
		}).groups;
		expect(group?.keep.map(({ reasons }) => reasons)).toEqual([
			["within 1d", "last snapshot", "weekly snapshot", "monthly within 1y"],
			["weekly snapshot"],
			["oldest weekly snapshot", "oldest monthly within 1y"],
		]);
	});
});

describe("groups", () => {
	const time = (day: number) => `2024-03-${day}T12:00:00.000Z`;
	const templates = [11, 12, 13, 14].map((day) =>
		fakeSnapshot({ time: time(day), paths: ["/t"], tags: ["templates"] }),
	);
	const others = [11, 12, 13, 14, 15].map((day) =>
		fakeSnapshot({ time: time(day), paths: ["/t"], host: "b" }),
	);
	const all = [...templates, ...others];

	test("snapshots of different hosts or paths do not count for each other", () => {
		const { groups } = plan(all, { keepLast: 1 });
		expect(groups.map(({ key }) => key)).toEqual([
			{ host: "a", paths: ["/t"] },
			{ host: "b", paths: ["/t"] },
		]);
		expect(plan(all, { keepLast: 1 }, { groupBy: [] }).groups).toMatchObject([
			{ key: {}, keep: [{}], remove: { length: 8 } },
		]);
		const byTags = plan(all, { keepLast: 1 }, { groupBy: ["tags"] }).groups;
		expect(byTags.map(({ key }) => key.tags)).toEqual([["templates"], []]);
	});

	test("an exception has a policy and groups of its own", () => {
		const exceptions = [{ tags: ["templates"], policy: { keepLast: 2 } }];
		const { groups } = plan(all, { keepLast: 4 }, { exceptions });
		expect(groups.map(({ keep }) => keep.length)).toEqual([4, 2]);
		const one = { exceptions, groupBy: [] };
		const together = plan(all, { keepLast: 4 }, one).groups;
		expect(together.map(({ keep }) => keep.length)).toEqual([4, 2]);
	});

	test("an exception that means no snapshot is warned of", () => {
		const exceptions = [{ tags: ["tempaltes"], policy: { keepLast: 2 } }];
		const { warnings } = plan(all, { keepLast: 4 }, { exceptions });
		expect(warnings).toEqual([expect.stringContaining("keep-last 2")]);
	});

	test("the group of one snapshot alone can be judged, whatever is with others", () => {
		const only = templates[0]?.id;
		const policy = { keepTags: ["templates,x"], keepLast: 1 };
		const removed = removedBy(plan(all, policy, { only }));
		expect(removed.sort()).toEqual(
			templates
				.slice(0, 3)
				.map(({ id }) => id)
				.sort(),
		);
		const tags = { keepTags: ["templates"] };
		expect(() => plan(all, tags)).toThrow(code("WOULD_REMOVE_ALL"));
		expect(removedBy(plan(all, tags, { only }))).toEqual([]);
	});
});

describe("guards", () => {
	const snapshots = atTimes(v3);

	test("T30 a policy that keeps nothing is refused", () => {
		for (const policy of [{}, { keepLast: 0 }, { keepTags: [] }])
			expect(() => plan(snapshots, policy)).toThrow(code("EMPTY_POLICY"));
		const exceptions = [{ hosts: ["b"], policy: {} }];
		expect(() => plan(snapshots, { keepLast: 1 }, { exceptions })).toThrow(
			code("EMPTY_POLICY"),
		);
	});

	test("T30 a policy that leaves nothing of a group is refused", () => {
		const typo = { keepTags: ["bfore-upgrade"] };
		expect(() => plan(snapshots, typo)).toThrow(code("WOULD_REMOVE_ALL"));
		const future = [
			...snapshots,
			fakeSnapshot({ time: "2199-01-01T00:00:00.000Z" }),
		];
		expect(() => plan(future, typo)).toThrow(code("WOULD_REMOVE_ALL"));
		const all = plan(snapshots, typo, { allowRemoveAll: true });
		expect(removedBy(all)).toHaveLength(10);
	});

	test("T30 an unknown rule or an impossible value is refused", () => {
		const wrong: object[] = [
			{ keepForever: 1 },
			{ keepLast: 1.5 },
			{ keepLast: -2 },
			{ keepWithin: "soon" },
		];
		for (const policy of wrong)
			expect(() => plan(snapshots, policy as Policy)).toThrow(
				code("BAD_POLICY"),
			);
		const groupBy = ["colour"];
		expect(() => plan(snapshots, { keepLast: 1 }, { groupBy })).toThrow(
			code("BAD_POLICY"),
		);
	});

	test("named by hand all may go, but no pinned one", () => {
		expect(removedBy(planByHand(snapshots))).toHaveLength(10);
		const pinned = fakeSnapshot({ time: "2024-01-01T00:00:00Z", pin: true });
		expect(() => planByHand([...snapshots, pinned])).toThrow(code("PINNED"));
	});
});

describe("whatever the times and the policy are", () => {
	const options = { seed: 7, numRuns: 500 };
	const snapshotsOf = (times: readonly string[]) =>
		times.map((time, i) => fakeSnapshot({ time, pin: i % 7 === 3 }));
	const judged = (snapshots: readonly Snapshot[], policy: Policy) =>
		plan(snapshots, policy, { allowRemoveAll: true }).groups;

	test("each snapshot is kept for a reason, or removed for want of one", () => {
		fc.assert(
			fc.property(manyTimes, somePolicy, (times, policy) => {
				const snapshots = snapshotsOf(times);
				const [group] = judged(snapshots, policy);
				const { keep = [], remove = [] } = group ?? {};
				for (const { reasons } of keep) expect(reasons).not.toEqual([]);
				const ids = [...keep.map(({ snapshot }) => snapshot), ...remove];
				expect(new Set(ids)).toEqual(new Set(snapshots));
				expect(ids).toHaveLength(snapshots.length);
				expect(remove.filter(({ pin }) => pin)).toEqual([]);
			}),
			options,
		);
	});

	test("keep-last 1 keeps the newest", () => {
		fc.assert(
			fc.property(manyTimes, somePolicy, (times, policy) => {
				const snapshots = snapshotsOf(times);
				const [group] = judged(snapshots, { ...policy, keepLast: 1 });
				const newest = Math.max(...times.map((time) => Date.parse(time)));
				const first = group?.keep[0]?.snapshot.record.time ?? "";
				expect(Date.parse(first)).toBe(newest);
			}),
			options,
		);
	});

	test("a policy with more rules keeps what the one with fewer keeps", () => {
		fc.assert(
			fc.property(manyTimes, somePolicy, somePolicy, (times, a, b) => {
				const snapshots = snapshotsOf(times);
				const less = Object.fromEntries(
					Object.entries(a).filter(([rule]) => !(rule in b)),
				);
				const idsOf = (policy: Policy) =>
					judged(snapshots, policy).flatMap(({ keep }) =>
						keep.map(({ snapshot }) => snapshot.id),
					);
				const more = new Set(idsOf({ ...less, ...b }));
				expect(idsOf(less).filter((id) => !more.has(id))).toEqual([]);
			}),
			options,
		);
	});

	test("a period with more slots keeps more of the periods", () => {
		fc.assert(
			fc.property(manyTimes, fc.nat(6), (times, slots) => {
				const snapshots = times.map((time) => fakeSnapshot({ time }));
				const daysOf = (keepDaily: number) =>
					judged(snapshots, { keepDaily }).flatMap(({ keep }) =>
						keep
							.filter(({ reasons }) => reasons.includes("daily snapshot"))
							.map(({ snapshot }) => snapshot.id),
					);
				const more = new Set(daysOf(slots + 1));
				expect(daysOf(slots).filter((id) => !more.has(id))).toEqual([]);
			}),
			options,
		);
	});

	test("the order in which snapshots are given does not matter", () => {
		fc.assert(
			fc.property(manyTimes, somePolicy, (times, policy) => {
				const snapshots = snapshotsOf(times);
				const there = judged(snapshots, policy);
				expect(judged([...snapshots].reverse(), policy)).toEqual(there);
			}),
			options,
		);
	});
});

describe("words of a policy", () => {
	test("durations are years, months, days and hours", () => {
		expect(parseDuration("1y5m7d2h")).toEqual({
			years: 1,
			months: 5,
			days: 7,
			hours: 2,
		});
		expect(parseDuration("36h")).toMatchObject({ days: 0, hours: 36 });
		for (const text of ["", "7", "0d", "2h1d", "1w", "-1d", "1d1d", "1 d"])
			expect(() => parseDuration(text)).toThrow(InputError);
	});

	test("counts are numbers, -1 or unlimited", () => {
		expect(["0", "12", "-1", "unlimited"].map(parseKeepCount)).toEqual([
			0, 12, -1, -1,
		]);
		for (const text of ["", "-2", "1.5", "many", "1e3"])
			expect(() => parseKeepCount(text)).toThrow(InputError);
	});

	test("fields to group by are told apart by commas", () => {
		expect(parseGroupBy("")).toEqual([]);
		expect(parseGroupBy("paths,host")).toEqual(["host", "paths"]);
		expect(() => parseGroupBy("host,colour")).toThrow(InputError);
	});

	test("a policy is told in the words of its flags", () => {
		const policy = {
			keepLast: 0,
			keepDaily: 7,
			keepMonthly: -1,
			keepWithinHourly: "2d",
			keepTags: ["a,b", ""],
		};
		expect(describePolicy(policy)).toBe(
			'keep-daily 7, keep-monthly unlimited, keep-within-hourly 2d, keep-tag a,b, keep-tag ""',
		);
	});
});

describe("the calendar", () => {
	test.each([
		["2024-03-31T12:00:00.000Z", "1m", "2024-02-29T12:00:00.000Z"],
		["2023-03-31T12:00:00.000Z", "1m", "2023-02-28T12:00:00.000Z"],
		["2024-02-29T12:00:00.000Z", "1y", "2023-02-28T12:00:00.000Z"],
		["2024-03-01T00:30:00.000+01:00", "1d", "2024-02-28T23:30:00.000Z"],
		["2024-01-01T00:00:00.000Z", "1y1m1d1h", "2022-11-29T23:00:00.000Z"],
		["0001-03-01T00:00:00.000Z", "2m", "0001-01-01T00:00:00.000Z"],
	])("%s less %s is %s", (time, span, expected) => {
		const before = timeBefore(time, parseDuration(span));
		expect(new Date(before).toISOString()).toBe(expected);
	});

	test.each([
		["2024-12-29T23:59:59.999Z", "2024-W52"],
		["2024-12-30T00:00:00.000-08:00", "2025-W1"],
		["2021-01-03T12:00:00.000Z", "2020-W53"],
		["2026-01-01T12:00:00.000Z", "2026-W1"],
	])("%s lies in week %s", (time, week) => {
		expect(periodOf("Weekly", time)).toBe(week);
	});
});

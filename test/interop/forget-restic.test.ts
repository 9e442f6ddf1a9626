import { countRules, type Policy, spanRules } from "@varve/format";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { KeptSnapshot } from "../../packages/core/src/forget/judge-group.ts";
import { planForget } from "../../packages/core/src/forget/plan.ts";
import {
	flagOf,
	isEmptyPolicy,
	parseDuration,
} from "../../packages/core/src/forget/policy.ts";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import { fakeSnapshot, manyTimes, somePolicy } from "../core/forget-fakes.ts";
import { ResticRepository, resticVersion } from "./restic-snapshots.ts";

/**
 * The same snapshots and policies given to restic and to us. What may differ: month arithmetic at the end of months, and that
 * restic before 0.16 does not let the oldest snapshot fill a slot that is left. Nothing here is dated in the future, which is another
 * difference: restic counts it.
 */

const sets = 100;
/** Each is applied to all sets. VARVE_RESTIC_POLICIES=200 for a long run. */
const policyCount = Number(process.env["VARVE_RESTIC_POLICIES"] ?? 12);
const seed = Number(process.env["VARVE_RESTIC_SEED"] ?? 1);
const later = Date.parse("2200-01-01T00:00:00Z");

const version = resticVersion();
if (version === undefined)
	console.warn("restic is not installed: forget is not compared with it");

/** A policy of nothing but tags may leave nothing, which newer versions of restic refuse too. */
const policies = fc
	.tuple(
		somePolicy,
		fc.subarray(["a", "a,b", "b,c", ""], { maxLength: 2 }),
		fc.boolean(),
	)
	.map(([policy, keepTags, hasTags]) =>
		hasTags ? { ...policy, keepTags } : policy,
	)
	.filter((policy) => !isEmptyPolicy({ ...policy, keepTags: [] }));

const tagged = fc.tuple(manyTimes, fc.array(fc.subarray(["a", "b", "c"])));

function flagsOf(policy: Policy): string[] {
	const { keepTags = [] } = policy;
	return [
		...countRules.flatMap((rule) => {
			// No number of ours reaches a million, and all versions of restic know numbers.
			const count = policy[rule] === -1 ? 1_000_000 : (policy[rule] ?? 0);
			return count === 0 ? [] : [`--${flagOf(rule)}`, String(count)];
		}),
		...spanRules.flatMap((rule) =>
			policy[rule] === undefined ? [] : [`--${flagOf(rule)}`, policy[rule]],
		),
		...keepTags.flatMap((list) => ["--keep-tag", list]),
	];
}

/** Where restic, or Go, cuts off: February 31 is March 3 there. */
function goCutOff(time: string, span: string): number {
	const { years, months, days, hours } = parseDuration(span);
	const at = Date.parse(time);
	const offset = Date.parse(`${time.slice(0, 23)}Z`) - at;
	const wall = new Date(at + offset);
	wall.setUTCFullYear(
		wall.getUTCFullYear() - years,
		wall.getUTCMonth() - months,
		wall.getUTCDate() - days,
	);
	return wall.getTime() - offset - hours * 3_600_000;
}

/** What we may keep and restic not: that lies between two ends of a month. */
function isByMonthEnd(
	{ snapshot }: KeptSnapshot,
	policy: Policy,
	newest: string,
): boolean {
	const { time } = snapshot.record;
	return spanRules.some((rule) => {
		const span = policy[rule];
		return (
			span !== undefined &&
			Number(newest.slice(8, 10)) > 28 &&
			/[ym]/.test(span) &&
			Date.parse(time) <= goCutOff(newest, span)
		);
	});
}

const newestOf = (snapshots: readonly Snapshot[]) =>
	snapshots
		.map(({ record }) => record.time)
		.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));

describe.skipIf(version === undefined)(`restic ${version}`, () => {
	const restic = new ResticRepository();
	afterAll(() => restic.remove());

	const groups = new Map<string, Snapshot[]>();
	for (const [i, [times, tags]] of fc
		.sample(tagged, { seed, numRuns: sets })
		.entries()) {
		const host = `h${i}`;
		const group = times.map((time, j) =>
			fakeSnapshot({ time, host, tags: tags[j] ?? [] }),
		);
		groups.set(host, group);
		for (const { record, tags } of group)
			restic.add({ time: record.time, hostname: host, tags });
	}
	const probe = ["2024-01-10", "2024-01-20", "2024-02-05"];
	for (const day of probe)
		restic.add({ time: `${day}T12:00:00Z`, hostname: "probe", tags: [] });
	const keepsOldest =
		restic.plan(["--keep-monthly", "3"]).find(({ host }) => host === "probe")
			?.keep?.length === 3;

	const chosen = fc.sample(policies, { seed, numRuns: policyCount });
	test.each(chosen.map((policy) => [flagsOf(policy).join(" "), policy]))(
		`keeps the same of ${sets} sets: %s`,
		(_, policy) => {
			const theirs = new Map(
				restic
					.plan(flagsOf(policy as Policy))
					.map(({ host, keep }) => [host, keep ?? []]),
			);
			for (const [host, snapshots] of groups) {
				const request = { policy: policy as Policy, now: later };
				const { keep } = planForget(snapshots, {
					...request,
					allowRemoveAll: true,
				}).groups[0] ?? { keep: [] };
				const newest = newestOf(snapshots);
				const kept = theirs.get(host) ?? [];
				const times = new Set(kept.map(({ time }) => Date.parse(time)));
				const ours = keep.filter(
					(one) =>
						times.has(Date.parse(one.snapshot.record.time)) ||
						!(
							isByMonthEnd(one, policy as Policy, newest) ||
							(!keepsOldest && isOldestOnly(one))
						),
				);
				expect(
					ours.map(({ snapshot }) => Date.parse(snapshot.record.time)),
				).toEqual(kept.map(({ time }) => Date.parse(time)));
			}
		},
	);
});

function isOldestOnly({ reasons }: KeptSnapshot): boolean {
	return reasons.every((reason) => reason.startsWith("oldest "));
}

import { type PeriodName, type Policy, periods } from "@varve/format";
import { hasTags } from "../query/list-snapshots.ts";
import type { Snapshot } from "../repository.ts";
import { periodOf, timeBefore } from "./calendar.ts";
import { parseDuration } from "./policy.ts";

/** A snapshot that stays, and why: never for no reason. */
export interface KeptSnapshot {
	readonly snapshot: Snapshot;
	/** "daily snapshot", "within 7d", "pinned", … */
	readonly reasons: readonly string[];
}

export interface Judgement {
	/** The newest first, as are the others. */
	readonly keep: readonly KeptSnapshot[];
	readonly remove: readonly Snapshot[];
}

/**
 * Which snapshots of a group (the newest first) a policy keeps. A snapshot stays if any rule keeps it, and may fill a slot of several
 * rules. One that is dated after `now` (ms since 1970) stays and fills none: it would take the slots of real ones.
 */
export function judgeGroup(
	snapshots: readonly Snapshot[],
	policy: Policy,
	now: number,
): Judgement {
	const counted = snapshots.filter((one) => !isFuture(one, now));
	const newest = counted[0]?.record.time;
	const rules = newest === undefined ? [] : rulesOf(policy, newest);
	const keep: KeptSnapshot[] = [];
	const remove: Snapshot[] = [];
	for (const snapshot of snapshots) {
		const isOldest = snapshot === counted.at(-1);
		const reasons = [
			...protections(snapshot, now),
			...(isFuture(snapshot, now)
				? [dated]
				: rules.flatMap((rule) => rule(snapshot, isOldest) ?? [])),
		];
		if (reasons.length > 0) keep.push({ snapshot, reasons });
		else remove.push(snapshot);
	}
	return { keep, remove };
}

/** The reason to keep what is dated after now. */
export const dated = "dated in the future";

export function isFuture({ record }: Snapshot, now: number): boolean {
	return Date.parse(record.time) > now;
}

/** What keeps a snapshot whatever the policy says. */
export function protections(
	{ pin, expires }: Pick<Snapshot, "pin" | "expires">,
	now: number,
): string[] {
	return [
		...(pin ? ["pinned"] : []),
		...(expires !== undefined && Date.parse(expires) > now
			? [`not to be forgotten before ${expires}`]
			: []),
	];
}

/** Gives the reason to keep a snapshot, or undefined. Asked once for each, from the newest to the oldest: rules count. */
type Rule = (snapshot: Snapshot, isOldest: boolean) => string | undefined;

function rulesOf(policy: Policy, newest: string): Rule[] {
	return [
		...(policy.keepTags ?? []).map(tagRule),
		...withinRules(policy, newest),
		...countingRules(policy),
		...withinPeriodRules(policy, newest),
	];
}

function tagRule(list: string): Rule {
	const wanted = list.split(",").filter((tag) => tag !== "");
	const reason =
		wanted.length === 0 ? "has no tags" : `has tags ${wanted.join(", ")}`;
	return ({ tags }) => (hasTags(tags, wanted) ? reason : undefined);
}

function withinRules({ keepWithin }: Policy, newest: string): Rule[] {
	if (keepWithin === undefined) return [];
	const isWithin = youngerThan(keepWithin, newest);
	return [(one) => (isWithin(one) ? `within ${keepWithin}` : undefined)];
}

function countingRules(policy: Policy): Rule[] {
	const { keepLast = 0 } = policy;
	const each = (_: Snapshot) => ({});
	const rules = [slotsOf("last snapshot", keepLast, each)];
	for (const period of periods) {
		const slots = policy[`keep${period}`] ?? 0;
		const reason = `${period.toLowerCase()} snapshot`;
		rules.push(slotsOf(reason, slots, keyOf(period)));
	}
	return rules;
}

function withinPeriodRules(policy: Policy, newest: string): Rule[] {
	return periods.flatMap((period) => {
		const span = policy[`keepWithin${period}`];
		if (span === undefined) return [];
		const isWithin = youngerThan(span, newest);
		const reason = `${period.toLowerCase()} within ${span}`;
		const rule = slotsOf(reason, -1, keyOf(period));
		return [
			(one: Snapshot, isOldest: boolean) =>
				isWithin(one) ? rule(one, isOldest) : undefined,
		];
	});
}

const keyOf =
	(period: PeriodName) =>
	({ record }: Snapshot) =>
		periodOf(period, record.time);

/**
 * Keeps the newest of each run of equal keys, as long as there are slots (−1: without end). The oldest of all fills a slot that is
 * left even if its key is not new, so that the history reaches back as far as it can.
 */
function slotsOf(
	reason: string,
	slots: number,
	key: (snapshot: Snapshot) => unknown,
): Rule {
	let left = slots;
	let last: unknown;
	return (snapshot, isOldest) => {
		if (left === 0) return undefined;
		const now = key(snapshot);
		const isNew = now !== last;
		if (!isNew && !isOldest) return undefined;
		last = now;
		if (left > 0) left--;
		return isNew ? reason : `oldest ${reason}`;
	};
}

/** True for what was taken less than so long before the newest; exactly so long is too old. */
function youngerThan(span: string, newest: string) {
	const cutOff = timeBefore(newest, parseDuration(span));
	return ({ record }: Snapshot) => Date.parse(record.time) > cutOff;
}

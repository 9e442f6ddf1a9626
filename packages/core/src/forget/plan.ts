import {
	type GroupField,
	InputError,
	type Policy,
	type PolicyException,
	type SnapshotId,
} from "@varve/format";
import { matcher, sortByTime } from "../query/list-snapshots.ts";
import type { Snapshot } from "../repository.ts";
import { dated, isFuture, type Judgement, judgeGroup } from "./judge-group.ts";
import {
	describePolicy,
	isEmptyPolicy,
	requireGroupField,
	requirePolicy,
} from "./policy.ts";

export interface ForgetRequest {
	readonly policy: Policy;
	/** Snapshots with a policy of their own, which form groups of their own. The first that means a snapshot judges it. */
	readonly exceptions?: readonly PolicyException[] | undefined;
	/** Fields of the record in which the snapshots of a group are equal; host and paths if not said, none for one group of all. */
	readonly groupBy?: readonly string[] | undefined;
	/** ms since 1970. What is dated later stays. */
	readonly now: number;
	/** Judges only the group that has this snapshot. */
	readonly only?: SnapshotId | undefined;
	/** Allows a policy that keeps nothing, and one that leaves nothing of a group. */
	readonly allowRemoveAll?: boolean | undefined;
}

/** What the snapshots of a group have in common; a member for each field they are grouped by. */
export interface GroupKey {
	readonly host?: string;
	/** Sorted, as name texts. */
	readonly paths?: readonly string[];
	/** Sorted. */
	readonly tags?: readonly string[];
}

export interface PlannedGroup extends Judgement {
	readonly key: GroupKey;
	/** The policy that judged it; undefined for snapshots named by hand. */
	readonly policy: Policy | undefined;
}

/** What forget is going to do. Made by a pure function, printed by a dry run, carried out by `forget`. */
export interface ForgetPlan {
	readonly groups: readonly PlannedGroup[];
	/** What a user should know of it. */
	readonly warnings: readonly string[];
}

export const defaultGroupBy: readonly GroupField[] = ["host", "paths"];

/**
 * Judges snapshots (in any order) by rules. Forgotten ones do not count. InputError "EMPTY_POLICY" for a policy that keeps nothing,
 * "WOULD_REMOVE_ALL" where nothing would be left of a group, "BAD_POLICY" for impossible rules.
 */
export function planForget(
	snapshots: readonly Snapshot[],
	request: ForgetRequest,
): ForgetPlan {
	const { exceptions = [], now, allowRemoveAll = false } = request;
	const policies = [request.policy, ...exceptions.map(({ policy }) => policy)];
	for (const policy of policies) {
		requirePolicy(policy);
		if (isEmptyPolicy(policy) && !allowRemoveAll) throw emptyPolicy();
	}
	const live = snapshots.filter(({ forgotten }) => !forgotten);
	const groups = groupSnapshots(live, request)
		.filter(({ members }) => isAsked(members, request))
		.map(
			({ key, policy, members }): PlannedGroup => ({
				key,
				policy,
				...judgeGroup(members, policy, now),
			}),
		);
	if (!allowRemoveAll) for (const group of groups) requireSome(group);
	return { groups, warnings: warningsOf(live, request) };
}

/**
 * The plan to forget these snapshots, whatever a policy would say. InputError "PINNED" if one of them is exempt: a pin is taken away
 * first.
 */
export function planByHand(snapshots: readonly Snapshot[]): ForgetPlan {
	const pinned = snapshots.find(({ pin }) => pin);
	if (pinned !== undefined)
		throw new InputError(
			"PINNED",
			`the snapshot ${pinned.id.slice(0, 8)} is pinned: unpin it first`,
			{ snapshot: pinned.id },
		);
	const remove = sortByTime(snapshots).reverse();
	const groups =
		remove.length === 0
			? []
			: [{ key: {}, policy: undefined, keep: [], remove }];
	return { groups, warnings: [] };
}

/** Ids of all that a plan removes. */
export const removedBy = ({ groups }: ForgetPlan) =>
	groups.flatMap(({ remove }) => remove.map(({ id }) => id));

interface Group {
	readonly key: GroupKey;
	readonly policy: Policy;
	/** The newest first. */
	readonly members: Snapshot[];
}

function groupSnapshots(
	snapshots: readonly Snapshot[],
	{ policy, exceptions = [], groupBy = defaultGroupBy }: ForgetRequest,
): Group[] {
	const fields = groupBy.map(requireGroupField);
	const matches = exceptions.map((exception) => matcher(exception));
	const groups = new Map<string, Group>();
	for (const snapshot of sortByTime(snapshots).reverse()) {
		const which = matches.findIndex((isMeant) => isMeant(snapshot));
		const key = keyOf(snapshot, fields);
		const name = JSON.stringify([which, key]);
		const group = groups.get(name);
		if (group !== undefined) group.members.push(snapshot);
		else
			groups.set(name, {
				key,
				policy: exceptions[which]?.policy ?? policy,
				members: [snapshot],
			});
	}
	return [...groups]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([, group]) => group);
}

function isAsked(
	members: readonly Snapshot[],
	{ only }: ForgetRequest,
): boolean {
	return only === undefined || members.some(({ id }) => id === only);
}

/** How each field is read. Whoever adds one adds it to `groupFields` of the format. */
const readField: {
	readonly [F in GroupField]: (snapshot: Snapshot) => string | string[];
} = {
	host: ({ record }) => record.host,
	paths: ({ record }) => record.roots.map(({ path }) => path).sort(),
	tags: ({ tags }) => [...tags].sort(),
};

function keyOf(snapshot: Snapshot, fields: readonly GroupField[]): GroupKey {
	return Object.fromEntries(
		fields.map((field) => [field, readField[field](snapshot)]),
	);
}

function emptyPolicy(): InputError {
	return new InputError(
		"EMPTY_POLICY",
		"a policy without a rule would keep nothing: say what to keep",
	);
}

function requireSome({ key, policy, keep, remove }: PlannedGroup): void {
	// One that is dated in the future is no snapshot to fall back on.
	const isKept = keep.some(({ reasons }) => !reasons.includes(dated));
	if (isKept || remove.length === 0 || policy === undefined) return;
	throw new InputError(
		"WOULD_REMOVE_ALL",
		`${describePolicy(policy)} would leave none of the ${remove.length} snapshots of ${describeKey(key)}`,
		{ removing: remove.length },
	);
}

/** "host a, paths /b, /c". */
export function describeKey({ host, paths, tags }: GroupKey): string {
	const parts = [
		...(host === undefined ? [] : [`host ${host}`]),
		...(paths === undefined ? [] : [`paths ${paths.join(", ")}`]),
		...(tags === undefined
			? []
			: [tags.length > 0 ? `tags ${tags.join(", ")}` : "no tags"]),
	];
	return parts.join("; ") || "all";
}

function warningsOf(
	snapshots: readonly Snapshot[],
	{ exceptions = [], now, only }: ForgetRequest,
): string[] {
	const future = snapshots.filter((one) => isFuture(one, now));
	const idle = exceptions.filter(
		(exception) => only === undefined && !snapshots.some(matcher(exception)),
	);
	return [
		...future.map(
			({ id, record }) =>
				`the snapshot ${id.slice(0, 8)} is dated in the future (${record.time}): it stays, and counts for no rule`,
		),
		...idle.map(
			({ policy }) =>
				`no snapshot is meant by the exception of ${describePolicy(policy)}`,
		),
	];
}

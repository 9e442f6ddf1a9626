import {
	describeKey,
	describePolicy,
	type ForgetPlan,
	type ForgetResult,
	type PlannedGroup,
	type Policy,
	pathFields,
	type Snapshot,
} from "@varve/core";
import type { Message } from "./json-line.ts";
import { shortId } from "./short-id.ts";
import { snapshotFields } from "./snapshot-fields.ts";
import { tableLines } from "./table.ts";
import { formatTime, type OffsetAt } from "./times.ts";
import { formatBytes, formatCounted } from "./units.ts";

/** A group as programs read it, in restic's names. */
export function groupMessage(group: PlannedGroup): Message {
	const { key, policy, keep, remove } = group;
	const paths = key.paths?.map(pathFields);
	const bytes = paths?.map(({ path_b64 }) => path_b64 ?? null);
	return {
		host: key.host,
		paths: paths?.map(({ path }) => path),
		...(bytes?.some((path) => path !== null) ? { paths_b64: bytes } : {}),
		tags: key.tags,
		policy: policy === undefined ? undefined : policyFields(policy),
		keep: keep.map(({ snapshot }) => snapshotFields(snapshot)),
		remove: remove.map(snapshotFields),
		reasons: keep.map(({ snapshot, reasons }) => ({
			snapshot: snapshotFields(snapshot),
			matches: reasons,
		})),
	};
}

/** Members as the flags are called: "keep_within_daily". */
export function policyFields(policy: Policy): Message {
	return Object.fromEntries(
		Object.entries(policy).map(([rule, value]) => [
			rule.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
			value,
		]),
	);
}

export interface ForgetAccount {
	readonly plan: ForgetPlan;
	/** undefined for a dry run. */
	readonly result: ForgetResult | undefined;
	/** Bytes that a gc could free then, where that is known. */
	readonly freed: number | undefined;
}

export function forgetSummary({ plan, result, freed }: ForgetAccount): Message {
	const { kept, removed } = countsOf(plan);
	return {
		dry_run: result === undefined,
		snapshots_kept: kept + (result?.spared.length ?? 0),
		snapshots_forgotten: result?.forgotten.length ?? removed,
		spared: result?.spared.map(({ id, reason }) => ({
			snapshot_id: id,
			reason,
		})),
		data_freed: freed,
	};
}

/** What becomes of each group; with `all`, of each snapshot that stays too, and why. */
export function groupLines(
	group: PlannedGroup,
	{ all, offsetAt }: { readonly all: boolean; readonly offsetAt: OffsetAt },
): string[] {
	const { key, policy, keep, remove } = group;
	const counts = `keep ${keep.length}, forget ${remove.length}`;
	const rules = policy === undefined ? "" : ` (${describePolicy(policy)})`;
	const name = policy === undefined ? "named by hand" : describeKey(key);
	const reasons = new Map(keep.map((one) => [one.snapshot, one.reasons]));
	const rows = [...(all ? reasons.keys() : []), ...remove]
		.sort(newestFirst)
		.map((snapshot) => {
			const why = reasons.get(snapshot);
			const late = storedLate(snapshot, offsetAt);
			return [
				why === undefined ? "forget" : "keep",
				shortId(snapshot.id),
				formatTime(Date.parse(snapshot.record.time), offsetAt),
				snapshot.tags.join(" "),
				all ? [...(why ?? [whyNot(group)]), ...late].join("; ") : "",
			];
		});
	const columns = ["", "id", "time", "tags", all ? "why" : ""];
	const table = tableLines(
		columns.map((title) => ({ title })),
		rows,
	);
	return [
		`${name}: ${counts}${rules}`,
		...(rows.length > 0 ? table.map((line) => `  ${line}`) : []),
	];
}

/** Of one whose time may be wrong: rules go by it all the same. */
function storedLate(
	{ storedLate: stored }: Snapshot,
	offsetAt: OffsetAt,
): string[] {
	return stored === undefined
		? []
		: [`stored ${formatTime(Date.parse(stored), offsetAt)}`];
}

function whyNot({ policy }: PlannedGroup): string {
	return policy === undefined ? "named by hand" : "no rule keeps it";
}

function newestFirst(a: Snapshot, b: Snapshot): number {
	const later = Date.parse(b.record.time) - Date.parse(a.record.time);
	return later || (a.id < b.id ? 1 : -1);
}

/** The closing lines for people. */
export function closingLines({ plan, result, freed }: ForgetAccount): string[] {
	const { kept, removed } = countsOf(plan);
	const spared = result?.spared ?? [];
	const staying = kept + spared.length;
	const going = result?.forgotten.length ?? removed;
	const forgotten = formatCounted(going, "snapshot");
	const room =
		freed === undefined || going === 0
			? []
			: [`a gc could free ${formatBytes(freed)} more then`];
	if (result === undefined)
		return [`would forget ${forgotten} and keep ${staying}`, ...room];
	return [
		...spared.map(({ id, reason }) => `kept ${shortId(id)}: ${reason}`),
		`forgot ${forgotten}, kept ${staying}`,
		...room,
		...(going > 0
			? ["varve unforget brings them back, until a gc deletes them"]
			: []),
	];
}

function countsOf({ groups }: ForgetPlan) {
	const sum = (count: (group: PlannedGroup) => number) =>
		groups.reduce((total, group) => total + count(group), 0);
	return {
		kept: sum(({ keep }) => keep.length),
		removed: sum(({ remove }) => remove.length),
	};
}

import {
	type FinishReport,
	type OntoReport,
	ontoOutcome,
	type PlanLine,
	pathFields,
} from "@varve/core";
import { ExitCode } from "./exit-code.ts";
import type { Message } from "./json-line.ts";
import { exitCodes, lossLines, restoredFields } from "./restore-account.ts";
import { shortId } from "./short-id.ts";
import {
	formatBytes,
	formatCount,
	formatCounted,
	formatDuration,
} from "./units.ts";

export function ontoExitCode(report: OntoReport): ExitCode {
	return exitCodes[ontoOutcome(report)];
}

/** One line of a plan, as programs read it. */
export function planFields(line: PlanLine): Message {
	const { path, action, conflict, changes, bytes, removes, beside } = line;
	return {
		...pathFields(path),
		action: action.replace("-", "_"),
		conflict,
		changes,
		bytes,
		removes,
		beside,
	};
}

const actionWords = {
	unchanged: "as it is",
	create: "create",
	update: "update",
	replace: "replace",
	metadata: "metadata",
	delete: "delete",
	conflict: "conflict",
	keep: "keep",
	"keep-both": "keep both",
} as const;

/** The same for people. */
export function planLine(line: PlanLine): string {
	const { action, path, changes, conflict, bytes, removes, beside } = line;
	const notes = [
		...(changes.length > 0 ? [changes.join(", ")] : []),
		...(conflict === undefined ? [] : [conflictWords[conflict]]),
		...(bytes > 0 ? [formatBytes(bytes)] : []),
		...(removes > 1 ? [`${formatCount(removes)} entries go`] : []),
		...(beside === undefined ? [] : [`as ${beside}`]),
	];
	const note = notes.length === 0 ? "" : `  (${notes.join("; ")})`;
	return `${actionWords[action].padEnd(9)}  ${path}${note}`;
}

const conflictWords = {
	newer: "changed after the snapshot",
	kind: "of another kind",
	filled: "a directory with something in it",
} as const;

/** The last message of `restore --json`, where it was onto what is there. */
export function ontoSummary(report: OntoReport): Message {
	const { sums } = report;
	return {
		...restoredFields(report),
		outcome: ontoOutcome(report),
		entries_unchanged: sums.unchanged,
		entries_created: sums.create,
		entries_updated: sums.update,
		entries_replaced: sums.replace,
		entries_touched: sums.metadata,
		entries_deleted: sums.delete,
		entries_kept: sums.keep,
		entries_kept_both: sums["keep-both"],
		conflicts: sums.conflict,
		entries_failed: report.failed,
		notes: report.notes,
		journal: report.journal,
	};
}

/** The closing lines for people. */
export function ontoAccount(report: OntoReport): string[] {
	const { sums, failed, dryRun, bytes, duration, verified, journal } = report;
	const parts = [
		[sums.create, "created"],
		[sums.update, "updated"],
		[sums.replace, "replaced"],
		[sums.metadata, "with other attributes only"],
		[sums.delete, "deleted"],
		[sums["keep-both"], "kept both"],
		[sums.keep, "kept"],
		[sums.conflict, "in conflict, and left"],
		[failed, dryRun ? "that would fail" : "failed"],
		[sums.unchanged, "as they were"],
	] as const;
	const words = parts
		.filter(([count]) => count > 0)
		.map(([count, what]) => `${formatCount(count)} ${what}`);
	const verb = dryRun ? "would restore" : "restored";
	return [
		`${verb} ${shortId(report.snapshot)} onto ${report.target}`,
		`  ${words.join(", ") || "nothing matched what was asked for"}`,
		...(dryRun
			? []
			: [`  ${formatBytes(bytes)} written in ${formatDuration(duration)}`]),
		...(verified === undefined
			? []
			: [
					`  read back and found equal: ${formatCounted(verified.files, "file")}, ${formatBytes(verified.bytes)}`,
				]),
		...lossLines(report),
		...problemCount(report.problems.length),
		...(journal === undefined ? [] : ["  varve undo takes it back"]),
	];
}

function problemCount(count: number): string[] {
	return count === 0
		? []
		: [`  ${formatCounted(count, "entry", "entries")} not as in the snapshot`];
}

export function finishExitCode({ problems }: FinishReport): ExitCode {
	return problems.length > 0 ? ExitCode.unfaithful : ExitCode.done;
}

/** The last message of a restore that was finished or taken back. */
export function finishSummary(report: FinishReport): Message {
	const { outcome, path, snapshot, steps, problems, journal } = report;
	return {
		snapshot_id: snapshot,
		target: path,
		outcome,
		steps,
		error_count: problems.length,
		journal,
	};
}

const finishWords = {
	resumed: "finished the restore of",
	aborted: "put back what was there before the restore of",
	undone: "took back the restore of",
	forgotten: "gave up what was kept to take back the restore of",
} as const;

export function finishAccount(report: FinishReport): string[] {
	const { outcome, path, snapshot, problems, journal } = report;
	const isBack = outcome === "aborted" || outcome === "undone";
	return [
		`${finishWords[outcome]} ${shortId(snapshot)} in ${path}`,
		...(problems.length === 0
			? []
			: [
					`  left as found: ${formatCounted(problems.length, "entry", "entries")}`,
				]),
		...(isBack && journal !== undefined
			? [
					`  what could not be put back is kept in ${journal}; varve undo --forget ${path} gives it up`,
				]
			: []),
	];
}

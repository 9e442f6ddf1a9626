import type { EntryProblem, RestoreReport } from "../report.ts";
import type { Action, Conflict } from "./decide.ts";
import type { Change, Item } from "./items.ts";

/** One line of a plan, as users see it. */
export interface PlanLine {
	/** Absolute, where it is in the file system. */
	readonly path: string;
	readonly action: Action;
	readonly conflict: Conflict | undefined;
	readonly changes: readonly Change[];
	/** Content bytes to be written: all of a file, or the parts of a large one that differ. */
	readonly bytes: number;
	/** Entries that go away. */
	readonly removes: number;
	/** Under which other name the snapshot's version comes. */
	readonly beside: string | undefined;
}

/** How many entries, by what was done about them; all entries of directories that come or go are counted. */
export type PlanSums = { readonly [action in Action]: number };

export interface OntoReport extends RestoreReport {
	/** What was done; of a dry run, what would be. */
	readonly sums: PlanSums;
	/** Entries that something should have been done about, and it was not. */
	readonly failed: number;
	/** The folder of the journal, as long as the restore can be taken back. */
	readonly journal: string | undefined;
}

export function emptySums(): { [action in Action]: number } {
	return {
		unchanged: 0,
		create: 0,
		update: 0,
		replace: 0,
		metadata: 0,
		delete: 0,
		conflict: 0,
		keep: 0,
		"keep-both": 0,
	};
}

/** What is told of a conflict that nobody has asked to be left. */
export function problemOfConflict({
	path,
	isBarred,
	conflict,
}: Item): EntryProblem {
	return {
		path,
		kind: "unwritten",
		reason: isBarred ? "NOT_DELETABLE" : "CONFLICT",
		message: isBarred
			? "a directory stands there that holds what a restore does not delete"
			: conflict === "kind"
				? "a symlink stands where a directory was: it is not followed, and --on-conflict says what to do"
				: "a directory with something in it stands there: --delete or --on-conflict says what to do",
	};
}

/** As `restoreOutcome`; that all is as it should be is whole too. */
export function ontoOutcome(
	report: OntoReport,
): "whole" | "unfaithful" | "damaged" {
	const { problems, sums } = report;
	if (problems.some(({ kind }) => kind === "damaged")) return "damaged";
	const seen = Object.values(sums).some((count) => count > 0);
	return problems.length > 0 || !seen ? "unfaithful" : "whole";
}

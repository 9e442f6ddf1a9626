import type { Snapshot } from "../../repository.ts";
import type { Changes } from "./changes.ts";
import type { OpenConflict } from "./collect-plan.ts";
import type { OnConflict, Overwrite, Resolution } from "./decide.ts";
import type { PlanLine } from "./onto-report.ts";

export interface OntoOptions {
	readonly snapshot: Snapshot;
	/** As of `restore`. */
	readonly subpath?: string | undefined;
	/** A directory that is there; undefined restores each root to where it came from. */
	readonly target: string | undefined;
	readonly include?: readonly string[] | undefined;
	readonly exclude?: readonly string[] | undefined;
	readonly overwrite?: Overwrite | undefined;
	readonly onConflict?: OnConflict | undefined;
	/** Deletes what the snapshot has not, as far as it would have captured it. */
	readonly delete?: boolean | undefined;
	/** Changes nothing unless all that is needed can be read, and reads everything back. */
	readonly verify?: boolean | undefined;
	/** Keeps the journal, so that the restore can be taken back. */
	readonly undo?: boolean | undefined;
	readonly dryRun?: boolean | undefined;
	/** Users and groups keep their numbers, whatever their names are here. */
	readonly numericIds?: boolean | undefined;
	/** Asked about each conflict, where `onConflict` is "ask". */
	readonly ask?: ((conflict: OpenConflict) => Promise<Resolution>) | undefined;
	/** Told the plan, before anything is done. */
	readonly onPlan?: ((line: PlanLine) => void | Promise<void>) | undefined;
	/** Told by which path the journal is going to be found, before it is made. */
	readonly onHome?: ((path: string) => void) | undefined;
	readonly signal?: AbortSignal | undefined;
	/** For tests, as is `minPatched` (see StagePartsOptions): the system's own if not given. */
	readonly changes?: Changes | undefined;
	readonly minPatched?: number | undefined;
}

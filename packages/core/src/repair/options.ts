import type { PackId, SnapshotId } from "@varve/format";
import type { FoundLease } from "../lease-table.ts";
import type { Snapshot } from "../repository.ts";
import type { Hurt } from "../verify/finding.ts";
import type { MendedPolicies } from "./damaged-policies.ts";
import type { PutBack } from "./put-back.ts";

export interface RepairOptions {
	/** Finds out and changes nothing. */
	readonly dryRun?: boolean | undefined;
	/** Milliseconds to wait for those who read here, before a damaged pack is moved: none. What is left is moved by the next run. */
	readonly wait?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface RepairPacksOptions extends RepairOptions {
	/** These; undefined for those that verify finds. */
	readonly packs?: readonly PackId[] | undefined;
	/** Packs are decoded whole. Else their bytes are compared with the checksums in them, which finds all that has changed since they were written. */
	readonly readData?: boolean | undefined;
}

/** What was done with one damaged pack, or would be. */
export interface MendedPack {
	readonly pack: PackId;
	/**
	 * "sound": just as it was written, and left alone. "mended": all that could be had of it is in other packs, and it is in the quarantine.
	 * "restored": put back from its copy. "waiting": the same as mended, but somebody reads here, and the next run moves it away. "planned": a dry run.
	 */
	readonly state: "sound" | "mended" | "restored" | "waiting" | "planned";
	/** Chunks that were moved to new packs, and their bytes. */
	readonly chunks: number;
	readonly bytes: number;
	/** Chunks that another pack holds too. */
	readonly elsewhere: number;
	/** Chunks that are in no pack any more. */
	readonly lost: number;
	/** Nothing tells of all that it held: there may have been more. */
	readonly isComplete: boolean;
}

/** What cannot be had any more, and what that hurts. */
export interface Losses {
	/** Ids of chunks. */
	readonly chunks: readonly string[];
	readonly hurt: readonly Hurt[];
	/** How many more paths are hurt than are named. */
	readonly moreHurt: number;
	readonly snapshots: readonly SnapshotId[];
}

export interface PacksRepaired {
	readonly dryRun: boolean;
	/** Other files that were put back from their copies. */
	readonly putBack: readonly PutBack[];
	readonly packs: readonly MendedPack[];
	/** New packs, and their bytes. */
	readonly packsWritten: number;
	readonly bytesWritten: number;
	/** Packs that segments name, that are not there, and that anything may need still. */
	readonly missing: readonly PackId[];
	readonly losses: Losses;
	/** Who reads here still. */
	readonly waitingFor: readonly FoundLease[];
}

export interface IndexRepaired {
	readonly dryRun: boolean;
	/** Files that were put back from their copies. */
	readonly putBack: readonly PutBack[];
	/** Packs that no segment named, or none rightly, and that are named now. */
	readonly packsNamed: number;
	/** Packs that segments named and that are not there; of those that anything still needs, `missing` are left. */
	readonly packsUnnamed: number;
	readonly missing: readonly PackId[];
	/** Segments that are damaged, or contradict packs: in the quarantine. */
	readonly segmentsReplaced: number;
	/** gc lists that are damaged: in the quarantine. */
	readonly gcLists: number;
	/** Packs whose directories are damaged and that no segment names. */
	readonly mended: readonly MendedPack[];
	readonly losses: Losses;
	readonly waitingFor: readonly FoundLease[];
}

export interface RepairSnapshotsOptions extends Omit<RepairOptions, "wait"> {
	/** These; undefined for all that are not forgotten. */
	readonly snapshots?: readonly Pick<Snapshot, "id">[] | undefined;
	/** Marks those as forgotten in whose place another was made. */
	readonly forget?: boolean | undefined;
}

/** A snapshot with a hole. */
export interface MendedSnapshot {
	readonly id: SnapshotId;
	/** RFC 3339. */
	readonly time: string;
	/** The one in its place; undefined in a dry run, unless it is there already. */
	readonly replacement: SnapshotId | undefined;
	/** It was made now, or would be. */
	readonly isNew: boolean;
	readonly isForgotten: boolean;
	/** What the replacement lacks: absolute paths. Empty if only the table of hard links or the scan state is lost. */
	readonly lost: readonly {
		readonly path: string;
		/** "directory": some or all of what is in it. */
		readonly what: "file" | "directory";
	}[];
}

export interface SnapshotsRepaired {
	readonly dryRun: boolean;
	/** Files that were put back from their copies. */
	readonly putBack: readonly PutBack[];
	/** Labels and marks of forgetting that could not be read: in the quarantine. */
	readonly marks: number;
	/** Policies that could not be read. */
	readonly policies: MendedPolicies;
	readonly examined: number;
	/** Those with a hole. */
	readonly snapshots: readonly MendedSnapshot[];
	/** Records that cannot be read. */
	readonly unreadable: number;
}

/** A tree that no snapshot reached. */
export interface RecoveredTree {
	/** Where it is in the new snapshot. */
	readonly path: string;
	readonly files: number;
	readonly bytes: number;
	/** Entries that cannot be read and were left out. */
	readonly lost: number;
}

export interface Recovered {
	readonly dryRun: boolean;
	/** Files that were put back from their copies. */
	readonly putBack: readonly PutBack[];
	/** The new snapshot, if anything was found. */
	readonly id: SnapshotId | undefined;
	readonly trees: readonly RecoveredTree[];
	/** Damaged records that were set right, and those that were not, or that are gone and a label speaks of. */
	readonly recordsMended: readonly SnapshotId[];
	readonly recordsLost: readonly SnapshotId[];
}

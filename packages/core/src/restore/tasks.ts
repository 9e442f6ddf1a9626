import type { Attribute, Bytes } from "@varve/format";
import type { AccountMaps } from "../accounts.ts";
import type { BasePlaces } from "../base-places.ts";
import type { TargetRoot } from "./target-tree.ts";

/** What restore hands to its workers, and what they answer: plain objects of columns, cheap to clone. */

export interface RestoreSetup {
	/** Bytes of decoded frames a worker keeps. */
	readonly cacheBytes: number;
}

/** Whether and how files are given to their owners. */
export interface OwnerRules {
	/** Of this process. */
	readonly uid: number;
	readonly gid: number;
	/** Groups that files may be given to by someone who is not root. */
	readonly groups: readonly number[];
	/** New files get the group of their directory, not of this process: it must always be set. */
	readonly inheritsGroup: boolean;
	/** Users and groups that have other numbers here. */
	readonly accounts: AccountMaps;
}

/** Frames that files of a batch need, in the order of their places. */
export interface FrameColumns {
	/** Distinct packs. */
	readonly packs: readonly string[];
	/** Index into `packs`. */
	readonly pack: Uint32Array;
	readonly offset: Uint32Array;
	readonly storedLength: Uint32Array;
	readonly rawLength: Uint32Array;
}

export const PartFlag = {
	/** Zeros are left as holes. */
	holes: 1,
	/** The file ends where the part does. */
	end: 2,
} as const;

/** Files, or parts of large files, in columns. */
export interface PartColumns {
	/** Paths below the target, beginning with "/", as path texts. */
	readonly suffixes: readonly string[];
	/** Of a part of a large file: its open descriptor, which this process shares; else -1. */
	readonly descriptor: Int32Array;
	/** Where the part begins in its file. */
	readonly position: Float64Array;
	readonly mode: Uint32Array;
	readonly uid: Uint32Array;
	readonly gid: Uint32Array;
	readonly seconds: Float64Array;
	readonly nanoseconds: Uint32Array;
	/** By part; most have none. */
	readonly xattrs: ReadonlyMap<number, readonly Attribute[]>;
	readonly flags: Uint8Array;
	/** Items of part i are those from `firstItem[i]` up to `firstItem[i + 1]`. */
	readonly firstItem: Uint32Array;
	/** Index of the item's frame, or -1 for zeros. */
	readonly frame: Int32Array;
	readonly ordinal: Uint32Array;
	readonly length: Float64Array;
	/** 32 bytes for each item, also for zeros. */
	readonly ids: Bytes;
}

/** Files to make, and parts of open ones to write. */
export interface WriteTask {
	readonly type: "write";
	readonly id: number;
	readonly target: TargetRoot;
	readonly owners: OwnerRules;
	readonly frames: FrameColumns;
	/** Of the frames that have bases. */
	readonly bases: BasePlaces | undefined;
	readonly parts: PartColumns;
}

/** Files to read back and compare with the ids of their chunks. */
export interface CheckTask {
	readonly type: "check";
	readonly id: number;
	readonly target: TargetRoot;
	readonly parts: PartColumns;
}

export type RestoreTask = WriteTask | CheckTask;

/**
 * "damaged": the repository does not hold the content. "unwritten": the file could not be made, or is not what was written.
 * "unfaithful": it is there, but an attribute is not.
 */
export type ProblemKind = "damaged" | "unwritten" | "unfaithful";

export interface PartProblem {
	/** Index in the batch. */
	readonly part: number;
	readonly kind: ProblemKind;
	/** A word of errno, or the code of what is wrong in the repository. */
	readonly reason: string;
	readonly message: string;
}

export interface RestoreReply {
	/** Of the task. */
	readonly id: number;
	/** Files made whole, or compared and found equal; parts of large files are not counted. */
	readonly files: number;
	/** Content bytes written or compared. */
	readonly bytes: number;
	readonly problems: readonly PartProblem[];
	readonly losses: Losses;
}

/** What was knowingly not given back: how many entries, by what. */
export type Losses = { readonly [what: string]: number };

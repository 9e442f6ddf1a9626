import type { Bytes } from "@varve/format";
import type { BasePlaces } from "../base-places.ts";
import type { FrameColumns, PartColumns } from "../restore/tasks.ts";

/** What verify hands to its workers: ranges of packs that are looked at together, since their frames may have bases in common. */
export interface VerifyTask {
	readonly id: number;
	readonly ranges: readonly VerifyRange[];
	/** Of the frames that have bases. */
	readonly bases: BasePlaces | undefined;
}

/** A range of blocks of one pack, and the frames that begin in it. */
export interface VerifyRange {
	readonly pack: string;
	/** Its copy is read and not the pack. */
	readonly from?: "copies/packs" | undefined;
	/** Kind of all frames in the pack; 0 if it is not known. */
	readonly kind: number;
	/** First byte of the first block. */
	readonly at: number;
	/** End of the last block. */
	readonly end: number;
	/** XXH64 of each block; empty if they cannot be told. */
	readonly blocks: BigUint64Array;
	/** undefined: only blocks are checked. */
	readonly frames: FrameList | undefined;
}

/** Frames in columns. */
export interface FrameList {
	readonly offset: Float64Array;
	readonly storedLength: Uint32Array;
	/** Chunks of frame i are those from `firstChunk[i]` up to `firstChunk[i + 1]`. */
	readonly firstChunk: Uint32Array;
	readonly lengths: Uint32Array;
	readonly ids: Bytes;
	/** Bases of frame i are those from `firstBase[i]` up to `firstBase[i + 1]`. */
	readonly firstBase: Uint32Array;
	readonly bases: Bytes;
}

export interface VerifySetup {
	/** Bytes of decoded frames with bases of others that a worker keeps. */
	readonly cacheBytes: number;
}

export interface FrameProblem {
	readonly offset: number;
	readonly code: "BAD_FRAME" | "BAD_CHUNK";
	/** The frame is whole, but one of its bases is not there. */
	readonly baseless: boolean;
	readonly message: string;
	/** Ids of the chunks it costs, 32 bytes each. */
	readonly chunks: Bytes;
}

export interface BlockProblem {
	/** Where it begins in the pack. */
	readonly at: number;
	/** The block could not be read: why. undefined: it does not match its checksum. */
	readonly unreadable: string | undefined;
}

export interface VerifyReply {
	readonly id: number;
	/** In the order of the task. */
	readonly ranges: readonly RangeReport[];
}

export interface RangeReport {
	readonly blockProblems: readonly BlockProblem[];
	readonly frameProblems: readonly FrameProblem[];
	readonly frames: number;
	readonly chunks: number;
	/** Bytes read, and bytes of chunks proved. */
	readonly stored: number;
	readonly raw: number;
}

/** Files to go through as a restore would, with the frames they need. */
export interface SimulationTask {
	readonly id: number;
	readonly simulate: PartColumns;
	readonly frames: FrameColumns;
	/** Of the frames that have bases. */
	readonly bases: BasePlaces | undefined;
}

export interface SimulationReply {
	readonly id: number;
	/** Proved, and their bytes. */
	readonly chunks: number;
	readonly bytes: number;
	readonly problems: readonly {
		/** Of the file. */
		readonly suffix: string;
		/** In hex. */
		readonly chunk: string;
		readonly message: string;
	}[];
	/** One of the files. */
	readonly path: string | undefined;
}

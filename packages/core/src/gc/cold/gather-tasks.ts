import type { Bytes, PackId } from "@varve/format";
import type { ColdCompression, WrittenPack } from "@varve/kernel";
import type { StageDescriptor } from "@varve/store";
import type { BasePlaces } from "../../base-places.ts";

/** What one who puts old chunks together hands to its workers, and what they answer. */

export interface GatherSetup {
	/** undefined where one who works in this thread has the stage itself. */
	readonly stage: StageDescriptor | undefined;
	readonly compression: ColdCompression;
}

/** A frame that chunks are taken from. */
export interface SourceFrame {
	readonly pack: PackId;
	readonly offset: number;
	readonly storedLength: number;
	readonly rawLength: number;
	/** A chunk that it gives needs no other place. */
	readonly isCold: boolean;
}

/** Chunks that are to lie in one frame, in this order. */
export interface GatherTask {
	readonly type: "gather";
	readonly id: number;
	/** 32 bytes each. */
	readonly ids: Bytes;
	/** Of each chunk the number of its first place; behind the last, that of all places. Cold ones come first. */
	readonly first: Uint32Array;
	/** Of each place the number of its frame, and which of its chunks it is. */
	readonly frameOf: Uint32Array;
	readonly ordinalOf: Uint16Array;
	readonly frames: readonly SourceFrame[];
	readonly bases: BasePlaces | undefined;
}

/** Closes the pack that is open. */
export interface FinishTask {
	readonly type: "finish";
	readonly id: number;
}

/** A pack that does not give a chunk which is wanted of it. */
export interface PackDamage {
	readonly pack: PackId;
	readonly message: string;
}

export interface GatherReply {
	readonly id: number;
	/** Packs that must stay. */
	readonly damages: readonly PackDamage[];
	/** Written since the last reply of this thread. */
	readonly packs: readonly WrittenPack[];
}

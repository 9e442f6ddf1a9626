import type { Bytes, PackFrame, PackId, PackKind } from "@varve/format";
import type { WrittenPack } from "@varve/kernel";
import type { StageDescriptor } from "@varve/store";
import type { BasePlaces } from "../base-places.ts";

/** What gc hands to its workers, and what they answer. */

export interface RepackSetup {
	/** undefined where one who works in this thread has the stage itself. */
	readonly stage: StageDescriptor | undefined;
}

/** A frame in which something is live. */
export interface MovingFrame {
	readonly frame: PackFrame;
	/** 1 for each chunk that is. */
	readonly live: Uint8Array;
	/** As it is stored; else its live chunks. */
	readonly movesWhole: boolean;
	/** Where it is to be made anew: those of its bases that stay, 32 bytes each. */
	readonly keptBases: Bytes | undefined;
}

export interface MoveTask {
	readonly type: "move";
	readonly id: number;
	readonly pack: PackId;
	readonly kind: PackKind;
	readonly frames: readonly MovingFrame[];
	readonly bases: BasePlaces | undefined;
	/** Where else chunks of it lie, in packs that stay: they are not moved if they are good there. */
	readonly elsewhere: BasePlaces | undefined;
}

/** Closes the packs that are open. */
export interface FinishTask {
	readonly type: "finish";
	readonly id: number;
}

export type RepackTask = MoveTask | FinishTask;

export interface RepackReply {
	readonly id: number;
	/** What is wrong with the pack, which then stays. */
	readonly damage: string | undefined;
	/** Written since the last reply of this thread. */
	readonly packs: readonly WrittenPack[];
}

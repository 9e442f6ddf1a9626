import type { Node } from "@varve/format";
import type { NodeChange } from "../../query/compare-nodes.ts";
import type { Action, Conflict } from "./decide.ts";
import type { DifferingPart } from "./differing-parts.ts";
import type { Live } from "./live-directory.ts";
import type { Top } from "./tops.ts";

/** "links": it is one file with names that it should not be one with, or not with those it should. */
export type Change = NodeChange | "links";

/** Comes now and then while something long is done, so that signals and progress can have their turn. */
export interface Pause {
	readonly type: "pause";
}

export const pause: Pause = { type: "pause" };

/** Where an entry lies in the target. */
export interface Spot {
	readonly top: Top;
	/** Below the top. */
	readonly suffix: string;
}

/** An entry of the snapshot. */
export interface Wanted {
	readonly root: number;
	/** Absolute, in the snapshot; "" for "/". */
	readonly path: string;
	/** Of a root: its attributes and tree. */
	readonly node: Node;
}

/** An entry of the snapshot in something that is created. */
export interface Piece {
	/** Below the place of the item, "" for that itself. */
	readonly rest: string;
	readonly wanted: Wanted;
}

/** What a restore is going to do about one entry; about all that lies below, too, where a directory is made, replaced or deleted. */
export interface Item extends Spot {
	readonly type: "item";
	/** Absolute path in the snapshot, or the path it would have there. */
	readonly path: string;
	readonly action: Action;
	readonly conflict: Conflict | undefined;
	readonly changes: readonly Change[];
	/** undefined for what is deleted. */
	readonly wanted: Wanted | undefined;
	/** undefined for what is created. */
	readonly live: Live | undefined;
	readonly parts: readonly DifferingPart[] | undefined;
	/** Of a conflict: what is there holds what may not be deleted, whatever anyone says. */
	readonly isBarred: boolean;
	/** Entries that go away with it, itself included. */
	readonly removes: number;
	/** What is made, if that is not `wanted` itself: directories that are missing above it are made too. */
	readonly pieces: readonly Piece[] | undefined;
	/** Of "keep-both": its suffix then. */
	readonly beside: string | undefined;
}

/** An entry of which nobody can say what is to be done about it. */
export interface Obstacle {
	readonly type: "obstacle";
	readonly path: string;
	readonly kind: "damaged" | "unwritten";
	readonly reason: string;
	readonly message: string;
	/** Where it is left as it is, with all below it. undefined: only some of what is in it cannot be told. */
	readonly spot?: Spot | undefined;
}

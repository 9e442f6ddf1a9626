import type {
	Bytes,
	LeaseId,
	PackFrame,
	PackId,
	PackKind,
} from "@varve/format";

/** A pack, and what of it is live. */
export interface PackUse {
	readonly id: PackId;
	/** Of the file, as listed. */
	readonly size: number;
	readonly kind: PackKind;
	/** Of the segment that names it; undefined if none does. */
	readonly lease: LeaseId | undefined;
	/** Stored bytes of live chunks: of each frame, their part. */
	readonly live: number;
	/** Stored bytes of dead chunks in frames that move as they are: a move takes them along. */
	readonly stuck: number;
	/** It holds frames that are to be made anew without some of their bases. */
	readonly mustMove: boolean;
	/** About how many bytes more these take then. */
	readonly grown: number;
	/** Stored bytes of all frames. */
	readonly stored: number;
	readonly chunks: number;
	readonly liveChunks: number;
}

/** A frame with a smaller dead part than this moves as it is. */
const leastDeadShare = 1 / 16;

/**
 * Whether a frame with something live in it moves as it is and is not taken apart. One with bases always does: its chunks are nothing
 * without them, and small.
 */
export function movesWhole(
	isBased: boolean,
	deadRaw: number,
	raw: number,
): boolean {
	return isBased || deadRaw < raw * leastDeadShare;
}

/** A frame of a pack, and which of its chunks are live. */
export class FrameUse {
	readonly frame: PackFrame;
	/** 1 for each chunk that is. */
	readonly live: Uint8Array;
	/** It is to be made anew, without those of its bases that are not live. */
	readonly isRemade: boolean;

	constructor(frame: PackFrame, live: Uint8Array, isRemade: boolean) {
		this.frame = frame;
		this.live = live;
		this.isRemade = isRemade;
	}

	/** The same frame, as if only these were live. */
	only(live: Uint8Array): FrameUse {
		return new FrameUse(this.frame, live, this.isRemade);
	}

	/** True if it is moved as it is, and not taken apart. */
	get movesWhole(): boolean {
		if (this.isRemade) return false;
		const { bases, rawLength, lengths } = this.frame;
		const dead = lengths.reduce(
			(sum, length, i) => sum + (this.live[i] === 0 ? length : 0),
			0,
		);
		return movesWhole(bases.length > 0, dead, rawLength);
	}
}

/** The frames of a pack. */
export interface PackFrames {
	readonly pack: PackId;
	readonly frames: readonly FrameUse[];
	/** Something that is live in it is so in another place too. */
	readonly isCopied: boolean;
}

/** A frame with bases in which something is live. */
export interface BasedFrame {
	/** In the part. */
	readonly frame: number;
	readonly pack: PackId;
	/** Ids, 32 bytes each. */
	readonly bases: Bytes;
	readonly stored: number;
	/** Stored bytes of what is live in it, and the length of that. */
	readonly live: number;
	readonly liveRaw: number;
	/** Something in it was live when `settle` was called. */
	readonly isSettled: boolean;
}

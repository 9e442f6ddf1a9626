import type { Bytes, PackId, PackKind, Place } from "@varve/format";

/** What the places of all chunks of a frame have in common: one object for all of them. */
export class FramePlace {
	readonly pack: PackId;
	readonly packSize: number;
	readonly kind: PackKind;
	readonly offset: number;
	readonly storedLength: number;
	readonly rawLength: number;
	readonly bases: Bytes;
	/** Whether its chunks count as stored: the pack is there, and so is each base. Undefined until someone asked. */
	counts: boolean | undefined;

	constructor(frame: Omit<Place, "ordinal" | "length">) {
		this.pack = frame.pack;
		this.packSize = frame.packSize;
		this.kind = frame.kind;
		this.offset = frame.offset;
		this.storedLength = frame.storedLength;
		this.rawLength = frame.rawLength;
		this.bases = frame.bases;
	}

	/** True if it has no bases. */
	get plain(): boolean {
		return this.bases.length === 0;
	}
}

/**
 * A place that shares its frame with the other chunks in it: places of one frame that come from one call have the same `frame`.
 * Its properties are getters, which neither spread nor structured clone copies.
 */
export class ChunkPlace implements Place {
	readonly frame: FramePlace;
	readonly ordinal: number;
	readonly length: number;

	constructor(frame: FramePlace, ordinal: number, length: number) {
		this.frame = frame;
		this.ordinal = ordinal;
		this.length = length;
	}

	get pack(): PackId {
		return this.frame.pack;
	}
	get packSize(): number {
		return this.frame.packSize;
	}
	get kind(): PackKind {
		return this.frame.kind;
	}
	get offset(): number {
		return this.frame.offset;
	}
	get storedLength(): number {
		return this.frame.storedLength;
	}
	get rawLength(): number {
		return this.frame.rawLength;
	}
	get bases(): Bytes {
		return this.frame.bases;
	}
}

import type { Bytes, PackId, Place } from "@varve/format";

/**
 * Answers where chunks lie, synchronously, in whichever thread holds it. Only places in packs of the present listing that are
 * not condemned, and have the size they were written with, are answered. A chunk in a frame with bases counts only if each base lies in such a pack too, in a frame without bases.
 */
export interface ChunkLookup {
	/** True if no chunk is known, so that nobody need ask. */
	readonly empty: boolean;
	/**
	 * A place of the chunk whose id stands at `at` of `ids`. Places in frames without bases are preferred. That there is none is
	 * enough to store the chunk (again), not to call it missing: where the index is damaged, RepositoryIndex.places knows more.
	 */
	find(ids: Bytes, at: number): Place | undefined;
	close(): void;
}

/** Plain object that crosses threads: what `openChunkLookup` needs in a worker. */
export interface LookupDescriptor {
	/** Folder of the LevelDB, if this process holds it and it holds segments of the listing. */
	readonly level: string | undefined;
	/** Paths of segments that LevelDB does not hold yet (or all of them, if another process holds it). */
	readonly segments: readonly string[];
	/** Segments that this process holds in memory, for want of a cache. */
	readonly memory: readonly MemorySegment[];
	/** Paths of the segments it holds: asked in its place if it turns out to be damaged. */
	readonly merged: readonly string[];
	/** Ids of the packs in the listing that count, ascending, 32 bytes each, in shared memory. */
	readonly packs: SharedArrayBuffer;
	/** Sizes of these in bytes, as floats of 64 bits. */
	readonly packSizes: SharedArrayBuffer;
	readonly empty: boolean;
}

export interface MemorySegment {
	readonly name: string;
	/** In shared memory if it may be large. */
	readonly bytes: Uint8Array;
}

/** Where a pack's frames lie, as segments and directories tell. */
export interface PackFacts {
	readonly id: PackId;
	readonly size: number;
}

import type {
	Bytes,
	LeaseId,
	PackId,
	Place,
	SegmentPack,
	SnapshotId,
	SnapshotRecord,
} from "@varve/format";
import type { ListedFile } from "./backend.ts";
import type { ChunkLookup, LookupDescriptor } from "./chunk-lookup.ts";

/** What is listed in a repository at one moment. */
export interface Listing {
	readonly packs: readonly ListedFile[];
	readonly segments: readonly ListedFile[];
	readonly snapshots: readonly ListedFile[];
	/** Packs that a pending gc condemned: they count as absent for whoever writes. */
	readonly condemned: ReadonlySet<string>;
}

export interface PlaceOptions {
	/** A place in a frame without bases is wanted, as for a base, also if it is in a condemned pack and another one is not. */
	readonly plain?: boolean;
}

/**
 * The derived index on the client: chunk → place and snapshot → record. Deleted, damaged, old or held by another process: the
 * answers are the same, only slower. Opening LevelDB is put off until something needs it.
 */
export interface RepositoryIndex extends AsyncDisposable {
	/**
	 * Records of the snapshots with these ids, from the index where it has them, else from the backend; new ones are remembered. A
	 * record that has vanished or is damaged is left out (damaged: with the warning "BAD_RECORD"): whoever must know of each snapshot compares.
	 */
	records(ids: readonly SnapshotId[]): Promise<Map<SnapshotId, SnapshotRecord>>;
	/** Remembers a record this process just wrote. */
	addRecord(id: SnapshotId, record: SnapshotRecord): Promise<void>;
	/**
	 * Brings chunk look-ups up to the listing: a few segments are searched in place, more are merged into LevelDB; removed ones and
	 * records of unlisted snapshots are taken out, packs that no segment names adopted from their directories. A damaged segment
	 * is as absent, a pack that cannot be adopted or has the wrong size too; of each there is a warning.
	 * Must be called before the five below, and may be called again: descriptors from before stand for the old listing, `lookup` for the last one.
	 */
	catchUp(
		listing: Listing,
		options?: { signal?: AbortSignal | undefined },
	): Promise<void>;
	/** For this thread, until the index is closed. */
	readonly lookup: ChunkLookup;
	/** For worker threads, opened there with `openChunkLookup`. */
	readonly lookupDescriptor: LookupDescriptor;
	/**
	 * Places of many chunks at once: `ids` holds 32 bytes each, in ascending order. Reads segments front to back where that is
	 * cheaper than searching. Places in one frame share one object (ChunkPlace.frame).
	 * For whoever reads: a chunk that lies in condemned packs only has its place there as long as they are there. What has no place here
	 * is in no pack at all. Nothing may be built on it, see `lookup`.
	 */
	places(ids: Bytes, options?: PlaceOptions): (Place | undefined)[];
	/** Packs in the listing that no segment names, as their directories tell: a snapshot's own segment takes them along. */
	readonly adopted: readonly SegmentPack[];
	/**
	 * Ids of packs that segments name and that are not in the listing, or not with the size they were written with, though no gc condemned
	 * them: what was in them is not to be had, and whatever builds on older snapshots must not take it for stored.
	 */
	readonly lost: readonly string[];
	/** A segment this process just wrote: kept where the backend is not local. Look-ups know it after the next `catchUp`. */
	addSegment(name: string, bytes: Bytes, lease: LeaseId): Promise<void>;
	/** When (ms since 1970) all of a pack was last read and found good, by pack. */
	verified(packs: readonly PackId[]): Promise<Map<PackId, number>>;
	setVerified(packs: readonly PackId[], time: number): Promise<void>;
	/** Idempotent. To be called when the look-ups that other threads opened are closed: the files of LevelDB are sealed as they are then. */
	close(): Promise<void>;
}

/** Files on the client that can be lost at any moment: scan states, for one. Each carries a checksum; a damaged one is as absent. */
export interface ClientCache {
	readonly folder: string | undefined;
	get(name: string): Promise<Bytes | undefined>;
	put(name: string, bytes: Bytes): Promise<void>;
	/** Bytes and number of files, by what they are for. */
	usage(): Promise<
		readonly {
			readonly name: string;
			readonly bytes: number;
			readonly files: number;
		}[]
	>;
	/** Deletes all of this repository's cache. */
	clear(): Promise<void>;
}

import type { LeaseId, PackId, SnapshotId } from "@varve/format";
import type { ColdCompression } from "@varve/kernel";
import type { FoundLease } from "../lease-table.ts";

/** What may stay unused: bytes, or a share of what the packs hold afterwards. */
export type UnusedLimit =
	| { readonly bytes: number }
	| { readonly share: number };

export interface GcOptions {
	/** Finds out and changes nothing. */
	readonly dryRun?: boolean | undefined;
	/** Milliseconds for which a forgotten snapshot can be brought back: seven days. */
	readonly grace?: number | undefined;
	/** Dead bytes among live ones that are not worth moving: a twentieth. */
	readonly maxUnused?: UnusedLimit | undefined;
	/** Bytes of packs that are rewritten at most. */
	readonly maxRepack?: number | undefined;
	/** Puts old content together in cold frames. */
	readonly repack?: RepackOptions | undefined;
	/** Refuses to begin while anybody else works here, and so frees all at once. */
	readonly exclusive?: boolean | undefined;
	/** Milliseconds to wait for those who still work here: none. What is condemned is then freed by the next gc. */
	readonly wait?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface RepackOptions {
	/** Milliseconds: content is old that a snapshot reaches which is older. Thirty days. */
	readonly age?: number | undefined;
	/** "cold" if not said. */
	readonly compression?: ColdCompression | undefined;
}

export interface GcResult {
	/**
	 * "nothing": there was nothing to free. "planned": a dry run. "pending": condemned, and freed by the next gc once those in `waitingFor` have
	 * ended. "swept": freed.
	 */
	readonly state: "nothing" | "planned" | "pending" | "swept";
	/** A generation that an earlier gc had left was swept first. */
	readonly resumed: boolean;
	/** Removed, or condemned. */
	readonly snapshots: readonly SnapshotId[];
	readonly packs: number;
	/** Bytes of these packs. */
	readonly packBytes: number;
	/** Packs rewritten because much of them was dead, or they were small: they are among `packs`. */
	readonly packsRepacked: number;
	/** Bytes of the packs that hold now what was live in those. */
	readonly bytesRepacked: number;
	/** Packs whose old content was put together anew, which are among `packs`, their bytes, and those of the packs that hold it now: 0 in a dry run. */
	readonly packsRegrouped: number;
	readonly bytesRegrouped: number;
	readonly bytesCold: number;
	/** Bytes freed, or to be freed: `packBytes` less `bytesRepacked` and `bytesCold`; a dry run cannot tell how much smaller content gets. */
	readonly bytesFreed: number;
	/** Bytes of all packs afterwards, and the part of them that no snapshot refers to. */
	readonly bytesKept: number;
	readonly bytesUnused: number;
	readonly segmentsBefore: number;
	readonly segmentsAfter: number;
	readonly waitingFor: readonly FoundLease[];
}

/** What is to be condemned. */
export interface GcPlan {
	/** Packs in which nothing is live. */
	readonly dead: readonly PackId[];
	readonly deadBytes: number;
	/** Packs whose live part is to be moved. */
	readonly repack: readonly PackId[];
	readonly repackBytes: number;
	/** Stored bytes of their live chunks and of what moves along with them: about what they will take. */
	readonly repackLive: number;
	/** Of all packs that stay, before the repacking; and what is unused in them after it. */
	readonly keptBytes: number;
	readonly unusedBytes: number;
}

/** Whose packs are spared. */
export interface LiveHolders {
	/** Packs listed before the leases were: any others may be of one who came since. */
	readonly packs: ReadonlySet<string>;
	readonly leases: ReadonlySet<LeaseId>;
	/** Somebody may have written packs that no segment names yet. */
	readonly writers: boolean;
}

/** Milliseconds: frames that only younger snapshots reach are not made anew. */
export const settledAge = 7 * 24 * 3600 * 1000;
export const defaultRepackAge = 30 * 24 * 3600 * 1000;
export const defaultGrace = 7 * 24 * 3600 * 1000;
export const defaultMaxUnused: UnusedLimit = { share: 0.05 };

import type {
	Json,
	Scope,
	SnapshotId,
	SnapshotRecord,
	Unread,
} from "@varve/format";
import type { Compression } from "@varve/kernel";
import type { SourceFs } from "./source-fs.ts";

/** One root to take: a directory, or some entries of one. */
export interface SourceRoot {
	/** Absolute, as a name text, without "/" at the end but for "/" itself. */
	readonly path: string;
	readonly kind: "directory" | "entries";
	/** Of kind "entries": names, sorted by bytes. */
	readonly names: readonly string[];
}

/** A stream to be kept as one file. */
export interface SourceStream {
	/** File name in the snapshot. */
	readonly name: string;
	readonly bytes: AsyncIterable<Uint8Array>;
	/** Rejects if what produces the stream failed: then no snapshot is made. */
	readonly done: Promise<void>;
}

export interface SnapshotOptions {
	readonly roots: readonly SourceRoot[];
	readonly stream?: SourceStream | undefined;
	/** Paths that were asked for and are not there: noted in the record. */
	readonly missing?: readonly Unread[] | undefined;
	readonly scope: Scope;
	readonly tags?: readonly string[] | undefined;
	readonly pin?: boolean | undefined;
	readonly note?: string | undefined;
	/** Instead of the name of this machine. */
	readonly host?: string | undefined;
	/** ms since 1970, instead of now. */
	readonly time?: number | undefined;
	/** Instead of the newest snapshot of the same roots on the same host. */
	readonly parent?: SnapshotId | undefined;
	/** Reads all content again. */
	readonly force?: boolean | undefined;
	/** Finds out what would be stored; writes nothing. */
	readonly dryRun?: boolean | undefined;
	/** Makes no record if all trees are as in the parent. */
	readonly skipIfUnchanged?: boolean | undefined;
	/** Reads back what was stored before the record is written. */
	readonly verify?: boolean | undefined;
	/** Hashes every chunk again after compression, and reads back what was stored: finds faults of this machine's memory. */
	readonly paranoid?: boolean | undefined;
	readonly compression?: Compression | undefined;
	/** False stores changed files without their former versions as bases. */
	readonly delta?: boolean | undefined;
	/** Bytes a second. */
	readonly readRate?: number | undefined;
	readonly provenance?: { readonly [key: string]: Json } | undefined;
	/** How the walk sees the source, instead of plainly: for tests of what may go wrong. */
	readonly sourceFs?: SourceFs | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface SnapshotResult {
	/** undefined for a dry run, or if it was skipped. */
	readonly id: SnapshotId | undefined;
	readonly record: SnapshotRecord;
	/** Nothing changed and no record was wanted then. */
	readonly skipped: boolean;
	readonly vanished: number;
	readonly excluded: number;
}

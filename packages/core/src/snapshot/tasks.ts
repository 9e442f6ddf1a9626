import {
	type Attribute,
	type ByteReader,
	type Bytes,
	type ByteWriter,
	decodeItemHeaders,
	encodeItemHeaders,
	idBytes,
} from "@varve/format";
import type { Compression } from "@varve/kernel";
import type { LookupDescriptor, StageDescriptor } from "@varve/store";
import { noXattrs, type XattrsFound } from "../native/xattr-reader.ts";
import type { FormerColumns } from "./delta/former.ts";
import type { IngestYield } from "./harvest.ts";
import type { SpanItems } from "./ingest.ts";
import type { StatColumns } from "./stat-columns.ts";

/** What a snapshot's workers are told when they start. */
export interface SnapshotSetup {
	readonly lookup: LookupDescriptor;
	readonly stage: StageDescriptor | undefined;
	readonly claims: readonly SharedArrayBuffer[];
	readonly compression: Compression;
	readonly dryRun: boolean;
	readonly paranoid: boolean;
	/** Bytes a second this thread may read; undefined for no limit. */
	readonly readRate: number | undefined;
}

/** Files of one or several directories, to be read whole. */
export interface FilesTask {
	readonly type: "files";
	readonly id: number;
	/** Name texts; a file's path is directory + name. Each directory ends with "/". */
	readonly directories: readonly string[];
	/** Index into `directories` for each file. */
	readonly directoryOf: readonly number[];
	readonly names: readonly string[];
	/** What lstat said of each, packed (see StatColumns). */
	readonly stats: StatColumns;
	/** What the files, or this part of the file, held before. */
	readonly former: FormerColumns | undefined;
	/** All tables of claims so far: a worker attaches to those it does not have yet. */
	readonly claims: readonly SharedArrayBuffer[];
}

/** What is to be read of a file, at most 64 MiB. */
export interface SpanPart {
	readonly start: number;
	readonly length: number;
	/** Starts and ends of what lies in holes, in the file: not read. */
	readonly skips: readonly number[];
	/** The file has no other part. */
	readonly isWhole: boolean;
}

/** 64 MiB of a large file, or a sparse one. */
export interface SpanTask {
	readonly type: "span";
	readonly id: number;
	readonly path: string;
	readonly span: SpanPart;
	readonly stats: StatColumns;
	/** What the files, or this part of the file, held before. */
	readonly former: FormerColumns | undefined;
	/** All tables of claims so far: a worker attaches to those it does not have yet. */
	readonly claims: readonly SharedArrayBuffer[];
}

/** Store what is not stored yet. */
export interface FlushTask {
	readonly type: "flush";
	readonly id: number;
}

export type SnapshotTask = FilesTask | SpanTask | FlushTask;

/** What became of a file. */
export const Outcome = {
	read: 0,
	torn: 1,
	vanished: 2,
	failed: 3,
	notAFile: 4,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

export interface SnapshotReply {
	readonly id: number;
	/** Results of the files in order (see encodeResult); empty for a flush. */
	readonly results: Bytes;
	readonly stored: IngestYield;
}

export type FileResult =
	| {
			readonly outcome: typeof Outcome.read | typeof Outcome.torn;
			readonly items: SpanItems;
			/** What fstat said, if it differs from lstat. */
			readonly stat: FreshStat | undefined;
			/** None but of a file's first span. */
			readonly xattrs: XattrsFound;
	  }
	| { readonly outcome: typeof Outcome.vanished }
	| { readonly outcome: typeof Outcome.notAFile }
	| { readonly outcome: typeof Outcome.failed; readonly reason: string };

/** What fstat said of a file that changed since lstat. */
export interface FreshStat {
	readonly ino: bigint;
	readonly size: bigint;
	/** Also what does not fit 64 bits. */
	readonly mtimeNs: bigint;
	readonly ctimeNs: bigint;
	readonly birthNs: bigint;
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Fewer blocks than bytes. */
	readonly sparse: boolean;
}

/**
 * Outcome (1 byte), then for what was read: flags (1 byte: 1 a fresh stat follows, 2 extended attributes follow, 4 some could not be read),
 * the stat, number of attributes with name and value (blocks) of each, span count, span ends, item count, headers, ids; for a failure the reason.
 */
export function encodeResult(w: ByteWriter, result: FileResult): void {
	w.u8(result.outcome);
	if (result.outcome === Outcome.failed) w.text(result.reason);
	if (!("items" in result)) return;
	const { xattrs, partial } = result.xattrs;
	const hasSome = xattrs.length > 0;
	w.u8(
		(result.stat === undefined ? 0 : 1) + (hasSome ? 2 : 0) + (partial ? 4 : 0),
	);
	if (result.stat !== undefined) encodeStat(w, result.stat);
	if (hasSome) encodeXattrs(w, xattrs);
	w.varint(result.items.spanEnds.length);
	for (const end of result.items.spanEnds) w.varint(end);
	w.varint(result.items.kinds.length);
	encodeItemHeaders(w, result.items);
	w.bytes(result.items.ids);
}

export function decodeResult(r: ByteReader): FileResult {
	const outcome = r.u8() as Outcome;
	if (outcome === Outcome.failed) return { outcome, reason: r.text() };
	if (outcome === Outcome.vanished || outcome === Outcome.notAFile)
		return { outcome };
	const flags = r.u8();
	const stat = (flags & 1) === 0 ? undefined : decodeStat(r);
	const found = (flags & 2) === 0 ? [] : decodeXattrs(r);
	const partial = (flags & 4) !== 0;
	const spanEnds: number[] = [];
	for (let left = r.varint(); left > 0; left--) spanEnds.push(r.varint());
	const { kinds, lengths, idCount } = decodeItemHeaders(r, r.varint());
	return {
		outcome,
		items: { kinds, lengths, ids: r.bytes(idCount * idBytes), spanEnds },
		stat,
		xattrs: partial || found.length > 0 ? { xattrs: found, partial } : noXattrs,
	};
}

function encodeXattrs(w: ByteWriter, xattrs: readonly Attribute[]): void {
	w.varint(xattrs.length);
	for (const { name, value } of xattrs) {
		w.block(name);
		w.block(value);
	}
}

function decodeXattrs(r: ByteReader): Attribute[] {
	const xattrs: Attribute[] = [];
	// Copies: a view would hold the whole reply as long as the node is needed.
	for (let left = r.varint(); left > 0; left--)
		xattrs.push({ name: r.block().slice(), value: r.block().slice() });
	return xattrs;
}

function encodeStat(w: ByteWriter, s: FreshStat): void {
	const times = [s.mtimeNs, s.mtimeNs >> 64n, s.ctimeNs, s.birthNs];
	for (const value of [s.ino, s.size, ...times])
		w.big64(BigInt.asUintN(64, value));
	for (const value of [s.mode, s.uid, s.gid, s.sparse ? 1 : 0]) w.u32(value);
}

function decodeStat(r: ByteReader): FreshStat {
	const signed = () => BigInt.asIntN(64, r.big64());
	return {
		ino: r.big64(),
		size: r.big64(),
		mtimeNs: r.big64() + (signed() << 64n),
		ctimeNs: signed(),
		birthNs: signed(),
		mode: r.u32(),
		uid: r.u32(),
		gid: r.u32(),
		sparse: r.u32() === 1,
	};
}

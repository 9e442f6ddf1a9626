import { closeSync, constants, openSync, readSync } from "node:fs";
import { reach } from "../native/long-path.ts";
import {
	noXattrs,
	type XattrReader,
	type XattrsFound,
} from "../native/xattr-reader.ts";
import { codeOf, isGone } from "../system.ts";
import type { FormerFile } from "./delta/former-file.ts";
import type { FileStat } from "./file-stat.ts";
import type { Ingest } from "./ingest.ts";
import { readAround } from "./read-around.ts";
import {
	ctimeOf,
	gidOf,
	inodeOf,
	modeOf,
	mtimeOf,
	newStatColumns,
	type StatColumns,
	sameStat,
	sizeOf,
	uidOf,
} from "./stat-columns.ts";
import {
	type FileResult,
	type FreshStat,
	Outcome,
	type SpanPart,
} from "./tasks.ts";

/** Never blocks on a FIFO swapped in, never follows a link swapped in. */
const openFlags =
	constants.O_RDONLY |
	constants.O_NONBLOCK |
	constants.O_NOFOLLOW |
	(constants.O_NOATIME ?? 0);
const gentleFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const attempts = 3;
const fileType = constants.S_IFMT;
const regular = constants.S_IFREG;

export interface ReadRequest {
	readonly path: string;
	readonly stats: StatColumns;
	readonly index: number;
	/** Of a large file: only this part. */
	readonly span: SpanPart | undefined;
	readonly throttle: (bytes: number) => void;
	readonly manners: OpenManners;
	readonly stat: FileStat;
	readonly xattrs: XattrReader;
	/** What the file, or this part of it, was before. */
	readonly former: FormerFile | undefined;
}

/** Reading should not touch access times; the kernel allows that only to owners, so one refusal ends the attempts. */
export interface OpenManners {
	noAccessTime: boolean;
}

/** Reads a file, or a span of one, into `ingest`. Failures are results; only the ingest's own (storage) errors are thrown. */
export function readFile(ingest: Ingest, request: ReadRequest): FileResult {
	const opened = openFile(request.path, request.manners);
	if (typeof opened !== "number") return opened;
	try {
		return readOpened(ingest, opened, request);
	} finally {
		closeSync(opened);
	}
}

function openFile(path: string, manners: OpenManners): number | FileResult {
	try {
		return reach(path, (reached) => openGently(reached, manners));
	} catch (error) {
		return failure(error);
	}
}

function openGently(target: string | Buffer, manners: OpenManners): number {
	if (manners.noAccessTime) {
		try {
			return openSync(target, openFlags);
		} catch (error) {
			if (codeOf(error) !== "EPERM") throw error;
			manners.noAccessTime = false;
		}
	}
	return openSync(target, gentleFlags);
}

/** A file that changes while it is read is read again, up to three times, then kept as it came and marked. */
function readOpened(
	ingest: Ingest,
	fd: number,
	request: ReadRequest,
): FileResult {
	const { stat } = request;
	let before: StatColumns | undefined;
	for (let attempt = 1; ; attempt++) {
		ingest.begin(request.former);
		// Only as long as nothing changes may a hole be believed.
		const part = attempt === 1 ? request : { ...request, span: undefined };
		const failed = readInto(ingest, fd, part) ?? lookAgain(fd, stat);
		if (failed !== undefined) {
			ingest.abandon();
			return failed;
		}
		if (
			before === undefined
				? sameStat(stat.row, 0, request.stats, request.index)
				: sameContent(before, stat.row)
		) {
			const items = ingest.finish();
			return {
				outcome: Outcome.read,
				items,
				stat: before === undefined ? undefined : freshStat(stat),
				xattrs: xattrsOf(fd, request),
			};
		}
		if (attempt >= attempts || request.span?.isWhole === false)
			return {
				outcome: Outcome.torn,
				items: ingest.finish(),
				stat: freshStat(stat),
				xattrs: xattrsOf(fd, request),
			};
		ingest.abandon();
		before = copyOf(stat.row);
	}
}

/** Asked once for each file, and after fstat: what changes them later changes the ctime that was seen. */
function xattrsOf(fd: number, { span, xattrs }: ReadRequest): XattrsFound {
	return span === undefined || span.start === 0 ? xattrs.ofOpen(fd) : noXattrs;
}

/** What the open file is now, in `stat`. */
function lookAgain(fd: number, stat: FileStat): FileResult | undefined {
	try {
		stat.look(fd);
	} catch (error) {
		return failure(error);
	}
	return (modeOf(stat.row, 0) & fileType) === regular
		? undefined
		: { outcome: Outcome.notAFile };
}

function readInto(
	ingest: Ingest,
	fd: number,
	{ span, throttle, stats, index, stat, former }: ReadRequest,
): FileResult | undefined {
	if (span !== undefined && span.skips.length > 0) {
		const around = readAround({ ingest, fd, throttle }, span);
		if (typeof around === "object") return failure(around.error);
		if (around !== "not zeros") return undefined;
		ingest.abandon();
		ingest.begin(former);
	}
	const start = span?.start ?? 0;
	// One byte more than lstat said finds a file that has grown, and saves the read that would only say "end".
	let left = span?.length ?? Number.POSITIVE_INFINITY;
	const expected = span?.length ?? sizeOf(stats, index);
	let at = start;
	let grown = false;
	while (left > 0) {
		const window = ingest.window();
		const wanted = Math.min(window.length, left);
		let count: number;
		try {
			count = readSync(fd, window, 0, wanted, at);
		} catch (error) {
			return failure(error);
		}
		if (count === 0) return undefined;
		ingest.take(count);
		throttle(count);
		at += count;
		left -= count;
		// A short read of a regular file is its end; fstat tells whether that was true.
		if (count < wanted && at - start >= expected) return undefined;
		if (grown || at - start <= expected) continue;
		// Not grown but swapped for a device, it might never end.
		const other = lookAgain(fd, stat);
		if (other !== undefined) return other;
		// Nor if it grows as fast as it is read.
		left = Math.max(0, sizeOf(stat.row, 0) - at);
		grown = true;
	}
	return undefined;
}

function sameContent(a: StatColumns, b: StatColumns): boolean {
	return (
		sizeOf(a, 0) === sizeOf(b, 0) &&
		mtimeOf(a, 0) === mtimeOf(b, 0) &&
		ctimeOf(a, 0) === ctimeOf(b, 0)
	);
}

function copyOf(row: StatColumns): StatColumns {
	const copy = newStatColumns(1);
	copy.bytes.set(row.bytes);
	return copy;
}

function freshStat({ row, sparse, mtimeNs, birthNs }: FileStat): FreshStat {
	return {
		ino: BigInt.asUintN(64, inodeOf(row, 0)),
		size: row.wide[1] as bigint,
		mtimeNs,
		ctimeNs: ctimeOf(row, 0),
		birthNs,
		mode: modeOf(row, 0),
		uid: uidOf(row, 0),
		gid: gidOf(row, 0),
		sparse,
	};
}

function failure(error: unknown): FileResult {
	const code = codeOf(error);
	if (code !== undefined && isGone(code)) return { outcome: Outcome.vanished };
	if (code === "ELOOP" || code === "ENXIO" || code === "ESPIPE")
		return { outcome: Outcome.notAFile };
	if (code === undefined) throw error;
	return { outcome: Outcome.failed, reason: code };
}

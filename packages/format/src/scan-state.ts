import { decodeBirths, isBirths } from "./births.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import { beginObject, openObject } from "./magic.ts";
import { isNodeNameAt, isNodePath } from "./node.ts";
import { maxPageNodes } from "./tree.ts";
import { compareWalkOrder } from "./walk-order.ts";

/**
 * What lstat said of every entry at the last snapshot, in the order of the walk: roots in order, each directory before what is
 * below it, names in the order of bytes. It is kept in pieces (chunks of kind meta) that end at block boundaries; each piece is
 * "VS1\0" and then blocks. A block is one page of one directory (see PageBoundaries); most directories have one page, number 0.
 *
 * A block: root index (varint), path below the root (block, "" for the root itself), page number (varint), entry count n (varint),
 * names (block: joined by zero bytes), then columns: inode (8 bytes each), size (8), mtime in ns (8, signed), ctime in ns (8,
 * signed), st_mode (4), uid (4), gid (4).
 *
 * Device numbers are not kept: they may change with a reboot. Birth times stand in pieces of their own behind these (see births.ts).
 */
export interface ScanBlock {
	readonly root: number;
	readonly path: Bytes;
	readonly page: number;
	/** 0 to 8,192; 0 only for an empty directory. */
	readonly count: number;
	/** Joined by zero bytes. */
	readonly names: Bytes;
	/** `count` × 44 bytes, in columns. */
	readonly rows: Bytes;
}

export const scanRowBytes = 44;
/** Stands for the ctime of an entry that must be read again whatever lstat says. */
export const untrustedCtime = -(2n ** 63n);
/** A piece is closed once it has this many bytes and a block's boundary allows it. */
export const minScanPiece = 64 * 1024;
/** A piece is closed at the first block boundary at or after this many bytes. */
export const maxScanPiece = 1024 * 1024;

const letters = "VS";

export function beginScanPiece(writer: ByteWriter): void {
	writer.reset();
	beginObject(writer, letters);
}

/** Throws a plain Error for a block whose columns do not fit its count. */
export function encodeScanBlock(writer: ByteWriter, block: ScanBlock): void {
	const { root, path, page, count, names, rows } = block;
	if (count > maxPageNodes || rows.length !== count * scanRowBytes)
		throw new Error("a block of the scan state has columns that do not fit");
	writer.varint(root);
	writer.block(path);
	writer.varint(page);
	writer.varint(count);
	writer.block(names);
	writer.bytes(rows);
}

/** The blocks of one piece; views into it. A piece of birth times has none. Throws a CorruptError for blocks or names out of order and for anything else no writer writes. */
export function* decodeScanPiece(piece: Bytes): Generator<ScanBlock> {
	if (isBirths(piece)) {
		decodeBirths(piece);
		return;
	}
	const reader = new ByteReader(piece, "scan state");
	openObject(reader, letters, "scan");
	if (reader.left === 0) reader.fail("holds nothing");
	let before: ScanBlock | undefined;
	while (reader.left > 0) {
		const block = decodeScanBlock(reader);
		const fault = blockFault(before, block);
		if (fault !== undefined) reader.fail(fault);
		before = block;
		yield block;
	}
}

function decodeScanBlock(reader: ByteReader): ScanBlock {
	const root = reader.varint();
	const path = reader.block();
	const page = reader.varint();
	const count = reader.count(scanRowBytes, "entries");
	const names = reader.block();
	const rows = reader.bytes(count * scanRowBytes);
	return { root, path, page, count, names, rows };
}

function blockFault(
	before: ScanBlock | undefined,
	block: ScanBlock,
): string | undefined {
	const { path, page, count } = block;
	if (path.length > 0 && !isNodePath(path)) return "holds an impossible path";
	if (count > maxPageNodes || (count === 0 && page > 0))
		return `holds a page of ${count} entries`;
	if (before !== undefined && compareScanPositions(before, block) >= 0)
		return "holds blocks out of order";
	return namesFault(block);
}

/** Where a block stands among others. */
export type ScanPosition = Pick<ScanBlock, "root" | "path" | "page">;

/** Negative, zero or positive, as `a` comes before `b`, is it, or comes behind it. */
export function compareScanPositions(a: ScanPosition, b: ScanPosition): number {
	return a.root - b.root || compareWalkOrder(a.path, b.path) || a.page - b.page;
}

function namesFault({ names, count }: ScanBlock): string | undefined {
	if (count === 0) return names.length > 0 ? "has names too many" : undefined;
	let last = names.subarray(0, 0);
	let start = 0;
	for (let i = 0; i < count; i++) {
		const zero = names.indexOf(0, start);
		const isLast = i + 1 === count;
		if (isLast !== zero < 0) return "does not hold as many names as entries";
		const end = isLast ? names.length : zero;
		if (!isNodeNameAt(names, start, end)) return "holds an impossible name";
		const name = names.subarray(start, end);
		if (compareBytes(last, name) >= 0) return "holds names out of order";
		last = name;
		start = end + 1;
	}
	return undefined;
}

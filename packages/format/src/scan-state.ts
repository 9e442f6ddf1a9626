import { ByteReader, type Bytes, type ByteWriter } from "./bytes.ts";

/**
 * What lstat said of every entry at the last snapshot, in the order of the walk: roots in order, each directory before what is
 * below it, names in the order of bytes. It is kept in pieces (chunks of kind meta) that end at block boundaries; each piece is
 * "VS1\0" and then blocks. A block is one page of one directory (see PageBoundaries); most directories have one page, number 0.
 *
 * A block: root index (varint), path below the root (block, "" for the root itself), page number (varint), entry count n (varint),
 * names (block: joined by zero bytes), then columns: inode (8 bytes each), size (8), mtime in ns (8, signed), ctime in ns (8,
 * signed), st_mode (4), uid (4), gid (4).
 *
 * Device numbers are not kept: they may change with a reboot.
 */
export interface ScanBlock {
	readonly root: number;
	readonly path: Bytes;
	readonly page: number;
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
export const maxScanPiece = 1024 * 1024;

const pieceMagic = 0x00315356; // "VS1\0"

export function beginScanPiece(writer: ByteWriter): void {
	writer.reset();
	writer.u32(pieceMagic);
}

export function encodeScanBlock(writer: ByteWriter, block: ScanBlock): void {
	writer.varint(block.root);
	writer.block(block.path);
	writer.varint(block.page);
	writer.varint(block.count);
	writer.block(block.names);
	writer.bytes(block.rows);
}

/** The blocks of one piece; views into it. */
export function* decodeScanPiece(piece: Bytes): Generator<ScanBlock> {
	const reader = new ByteReader(piece, "scan state");
	if (reader.u32() !== pieceMagic) reader.fail("does not begin with VS1");
	while (reader.left > 0) {
		const root = reader.varint();
		const path = reader.block();
		const page = reader.varint();
		const count = reader.varint();
		const names = reader.block();
		const rows = reader.bytes(count * scanRowBytes);
		yield { root, path, page, count, names, rows };
	}
}

/** Order of the walk for two paths below one root: by bytes, "/" before every other byte. */
export function compareWalkOrder(a: Bytes, b: Bytes): number {
	const n = Math.min(a.length, b.length);
	for (let i = 0; i < n; i++) {
		const x = a[i] as number;
		const y = b[i] as number;
		if (x === y) continue;
		if (x === 0x2f) return -1;
		if (y === 0x2f) return 1;
		return x - y;
	}
	return a.length - b.length;
}

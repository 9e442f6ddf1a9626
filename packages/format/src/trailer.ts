import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { CorruptError } from "./errors.ts";
import { frameHeaderBytes } from "./frame.ts";
import { readMagic, writeMagic } from "./magic.ts";
import { packHeaderBytes } from "./pack.ts";

/**
 * The trailer of a pack, never sealed: XXH64 (seed 0) of each 1 MiB of the covered bytes (all before the trailer), 8 bytes each,
 * then a footer of 40 bytes:
 *     0  8  offset of the directory frame
 *     8  8  covered length
 *    16  4  number of block checksums
 *    20  4  zero
 *    24  8  XXH64 of the block checksums and the 24 bytes above
 *    32  8  "VARVEEND"
 */

export const packFooterBytes = 40;
export const scrubBlockBytes = 1024 * 1024;
const endMagic = "VARVEEND";

/** XXH64 with seed 0. */
export type Hash64 = (bytes: Bytes) => bigint;

/** `blocks` holds the XXH64 of each 1 MiB of the covered bytes. */
export function encodeTrailer(
	blocks: readonly bigint[],
	ends: { directoryOffset: number; coveredLength: number },
	hash64: Hash64,
): Bytes {
	const writer = new ByteWriter(blocks.length * 8 + packFooterBytes);
	for (const block of blocks) writer.big64(block);
	writer.u64(ends.directoryOffset);
	writer.u64(ends.coveredLength);
	writer.u32(blocks.length);
	writer.u32(0);
	writer.big64(hash64(writer.view()));
	writeMagic(writer, endMagic);
	return writer.finish();
}

export interface Trailer {
	readonly directoryOffset: number;
	readonly coveredLength: number;
	readonly blocks: readonly bigint[];
	/** Of the whole trailer, in bytes. */
	readonly length: number;
}

/** How many bytes at the end of a pack hold its trailer, from its last 40 bytes. With `packSize` it is never more than that. */
export function trailerLength(footer: Bytes, packSize = Infinity): number {
	const start = footer.length - packFooterBytes;
	const reader = new ByteReader(footer, "pack footer", start);
	reader.skip(8);
	const coveredLength = reader.u64();
	const count = reader.u32();
	const length = count * 8 + packFooterBytes;
	if (
		count !== Math.ceil(coveredLength / scrubBlockBytes) ||
		coveredLength + length > packSize
	)
		throw new CorruptError("BAD_TRAILER", "the pack's trailer is damaged");
	return length;
}

/** Decodes and checks the trailer at the end of `tail`, the last bytes of a pack of `packSize` bytes. */
export function decodeTrailer(
	tail: Bytes,
	packSize: number,
	hash64: Hash64,
): Trailer {
	const length = trailerLength(tail, packSize);
	const reader = new ByteReader(tail, "pack trailer", tail.length - length);
	const start = reader.at;
	const count = (length - packFooterBytes) / 8;
	const blocks = Array.from({ length: count }, () => reader.big64());
	const directoryOffset = reader.u64();
	const coveredLength = reader.u64();
	reader.skip(4);
	reader.zeros(4);
	const checked = tail.subarray(start, reader.at);
	const check = reader.big64();
	readMagic(reader, endMagic);
	if (
		check !== hash64(checked) ||
		coveredLength + length !== packSize ||
		directoryOffset < packHeaderBytes ||
		directoryOffset + frameHeaderBytes > coveredLength
	)
		throw new CorruptError("BAD_TRAILER", "the pack's trailer is damaged");
	return { directoryOffset, coveredLength, blocks, length };
}

import { ByteReader, type Bytes, ByteWriter } from "./bytes.ts";
import { CorruptError, UnsupportedError } from "./errors.ts";
import { FrameKind, frameHeaderBytes, maxFrameRaw } from "./frame.ts";
import { idBytes } from "./id.ts";

/**
 * A pack file: header, frames, directory (itself a frame of kind 3), trailer. Its id is the SHA-256 of the whole file.
 *
 * Header, 48 bytes:
 *     0  8  "VARVEPAK"
 *     8  1  version: 1
 *     9  1  kind of the frames in it: 1 or 2
 *    10  6  zero
 *    16 32  random, so that no pack id ever recurs
 *
 * Trailer, clear: XXH64 (seed 0) of each 1 MiB of the covered bytes (all before the trailer), 8 bytes each, then
 *     0  8  offset of the directory frame
 *     8  8  covered length
 *    16  4  number of block checksums
 *    20  4  zero
 *    24  8  XXH64 of the block checksums and the 24 bytes above
 *    32  8  "VARVEEND"
 */

export const packHeaderBytes = 48;
export const packFooterBytes = 40;
export const scrubBlockBytes = 1024 * 1024;
const headMagic = "VARVEPAK";
const endMagic = "VARVEEND";

export type PackKind = typeof FrameKind.content | typeof FrameKind.meta;

/** XXH64 with seed 0. */
export type Hash64 = (bytes: Bytes) => bigint;

export interface PackFrame {
	readonly offset: number;
	/** Header and body. */
	readonly storedLength: number;
	/** Bytes of all its chunks. */
	readonly rawLength: number;
	/** 32 bytes for each base. */
	readonly bases: Bytes;
	/** 32 bytes for each chunk. */
	readonly ids: Bytes;
	readonly lengths: Uint32Array;
}

export function encodePackHeader(kind: PackKind, random: Bytes): Bytes {
	if (random.length !== 32)
		throw new Error("a pack header takes 32 random bytes");
	const writer = new ByteWriter(packHeaderBytes);
	writeMagic(writer, headMagic);
	writer.u8(1);
	writer.u8(kind);
	writer.reserve(6);
	writer.bytes(random);
	return writer.finish();
}

export function decodePackHeader(bytes: Bytes): { kind: PackKind } {
	const reader = new ByteReader(bytes, "pack header");
	readMagic(reader, headMagic);
	const version = reader.u8();
	const kind = reader.u8();
	if (version !== 1 || (kind !== FrameKind.content && kind !== FrameKind.meta))
		throw new UnsupportedError(
			"UNKNOWN_PACK",
			`the pack is of a newer kind (version ${version}, kind ${kind})`,
			{ feature: `pack-${version}-${kind}` },
		);
	return { kind };
}

/**
 * The body of a directory frame: frame count (varint), then for each frame its stored length with header (varint), base
 * count (varint), base ids, chunk count (varint), chunk lengths (varint each), chunk ids. Frames follow each other from
 * byte 48 without gaps, so that offsets need not be stored.
 */
export function encodeDirectory(
	frames: readonly Omit<PackFrame, "offset" | "rawLength">[],
): Bytes {
	const writer = new ByteWriter(64 * 1024);
	writer.varint(frames.length);
	for (const frame of frames) {
		writer.varint(frame.storedLength);
		writer.varint(frame.bases.length / idBytes);
		writer.bytes(frame.bases);
		writer.varint(frame.lengths.length);
		for (const length of frame.lengths) writer.varint(length);
		writer.bytes(frame.ids);
	}
	return writer.finish();
}

export function decodeDirectory(body: Bytes): PackFrame[] {
	const reader = new ByteReader(body, "pack directory");
	const count = reader.varint();
	const frames: PackFrame[] = [];
	let offset = packHeaderBytes;
	for (let i = 0; i < count; i++) {
		const frame = decodeDirectoryEntry(reader, offset);
		frames.push(frame);
		offset += frame.storedLength;
	}
	reader.end();
	return frames;
}

function decodeDirectoryEntry(reader: ByteReader, offset: number): PackFrame {
	const storedLength = reader.varint();
	if (storedLength <= frameHeaderBytes) reader.fail("names an empty frame");
	const bases = reader.bytes(reader.varint() * idBytes);
	const chunks = reader.varint();
	if (chunks < 1 || chunks > reader.left) reader.fail(`names ${chunks} chunks`);
	const lengths = new Uint32Array(chunks);
	let rawLength = 0;
	for (let c = 0; c < chunks; c++) {
		const length = reader.varint();
		rawLength += length;
		if (length < 1 || rawLength > maxFrameRaw)
			reader.fail("names too long a chunk");
		lengths[c] = length;
	}
	const ids = reader.bytes(chunks * idBytes);
	return { offset, storedLength, rawLength, bases, ids, lengths };
}

/** `blocks` holds the XXH64 of each 1 MiB of the covered bytes, 8 bytes each. */
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

/** How many bytes at the end of a pack hold its trailer, from its last 40 bytes. */
export function trailerLength(footer: Bytes): number {
	const reader = new ByteReader(
		footer,
		"pack footer",
		footer.length - packFooterBytes,
	);
	reader.skip(16);
	return reader.u32() * 8 + packFooterBytes;
}

/** Decodes and checks the trailer at the end of `tail`, the last bytes of a pack of `packSize` bytes. */
export function decodeTrailer(
	tail: Bytes,
	packSize: number,
	hash64: Hash64,
): Trailer {
	if (tail.length < packFooterBytes)
		throw new CorruptError(
			"BAD_TRAILER",
			"the pack is too short to hold a trailer",
		);
	const length = trailerLength(tail);
	if (length > tail.length)
		throw new CorruptError(
			"BAD_TRAILER",
			"the pack's trailer is longer than the pack",
		);
	const bytes = tail.subarray(tail.length - length);
	const reader = new ByteReader(bytes, "pack trailer");
	const count = (length - packFooterBytes) / 8;
	const blocks = Array.from({ length: count }, () => reader.big64());
	const directoryOffset = reader.u64();
	const coveredLength = reader.u64();
	reader.skip(8);
	const check = reader.big64();
	readMagic(reader, endMagic);
	if (
		check !== hash64(bytes.subarray(0, length - 16)) ||
		coveredLength + length !== packSize ||
		count !== Math.ceil(coveredLength / scrubBlockBytes) ||
		directoryOffset < packHeaderBytes ||
		directoryOffset + frameHeaderBytes > coveredLength
	)
		throw new CorruptError("BAD_TRAILER", "the pack's trailer is damaged");
	return { directoryOffset, coveredLength, blocks, length };
}

function writeMagic(writer: ByteWriter, magic: string): void {
	for (let i = 0; i < magic.length; i++) writer.u8(magic.charCodeAt(i));
}

function readMagic(reader: ByteReader, magic: string): void {
	for (let i = 0; i < magic.length; i++)
		if (reader.u8() !== magic.charCodeAt(i))
			reader.fail(`does not hold ${magic}`);
}

import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { UnsupportedError } from "./errors.ts";
import {
	decodeBases,
	decodeLengths,
	encodeBases,
	FrameKind,
	frameHeaderBytes,
	maxFrameStored,
} from "./frame.ts";
import { idBytes } from "./id.ts";
import { readMagic, writeMagic } from "./magic.ts";

/**
 * A pack file: header, frames, directory (itself a frame of kind 3), trailer. Its id is the SHA-256 of the whole file.
 *
 * Header, 48 bytes:
 *     0  8  "VARVEPAK"
 *     8  1  version: 1
 *     9  1  kind of the frames in it: 1 or 2
 *    10  6  zero
 *    16 32  random, so that no pack id ever recurs
 */

export const packHeaderBytes = 48;
const headMagic = "VARVEPAK";

export type PackKind = typeof FrameKind.content | typeof FrameKind.meta;

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
	writer.zeros(6);
	writer.bytes(random);
	return writer.finish();
}

/** The first 48 bytes of a pack, or more. */
export function decodePackHeader(bytes: Bytes): { kind: PackKind } {
	const reader = new ByteReader(bytes, "pack header");
	readMagic(reader, headMagic);
	const version = reader.u8();
	const kind = reader.u8();
	requirePackKind(kind, version);
	reader.zeros(6);
	reader.skip(32);
	return { kind };
}

/** Throws an UnsupportedError for packs this program does not know. */
export function requirePackKind(
	kind: number,
	version = 1,
): asserts kind is PackKind {
	if (version !== 1 || (kind !== FrameKind.content && kind !== FrameKind.meta))
		throw new UnsupportedError(
			"UNKNOWN_PACK",
			`the pack is of a newer kind (version ${version}, kind ${kind})`,
			{ feature: `pack-${version}-${kind}` },
		);
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
		encodeBases(writer, frame.bases);
		writer.varint(frame.lengths.length);
		for (const length of frame.lengths) writer.varint(length);
		writer.bytes(frame.ids);
	}
	return writer.finish();
}

/** A length and an id for each chunk. */
const leastChunkBytes = 1 + idBytes;
/** Stored length, no bases, one chunk. */
const leastFrameBytes = 3 + leastChunkBytes;
/** Header, codec, no bases, the length of one chunk, one byte of it. */
const leastFrameStored = frameHeaderBytes + 5;

/**
 * `end` is where the directory frame begins, if the caller knows: the frames must reach to there. Throws a CorruptError for
 * anything that is not written so, before it allocates more than a small multiple of the body.
 */
export function decodeDirectory(body: Bytes, end?: number): PackFrame[] {
	const reader = new ByteReader(body, "pack directory");
	const count = reader.count(leastFrameBytes, "frames");
	if (count === 0) reader.fail("names no frame");
	const frames: PackFrame[] = [];
	let offset = packHeaderBytes;
	for (let i = 0; i < count; i++) {
		const frame = decodeDirectoryEntry(reader, offset);
		frames.push(frame);
		offset += frame.storedLength;
	}
	reader.end();
	if (end !== undefined && offset !== end)
		reader.fail(`names frames up to byte ${offset} instead of ${end}`);
	return frames;
}

function decodeDirectoryEntry(reader: ByteReader, offset: number): PackFrame {
	const storedLength = reader.varint();
	if (
		storedLength < leastFrameStored ||
		storedLength > frameHeaderBytes + maxFrameStored
	)
		reader.fail(`names a frame of ${storedLength} bytes`);
	const bases = decodeBases(reader);
	const { lengths, rawLength } = decodeLengths(reader, leastChunkBytes);
	const ids = reader.bytes(lengths.length * idBytes);
	return { offset, storedLength, rawLength, bases, ids, lengths };
}

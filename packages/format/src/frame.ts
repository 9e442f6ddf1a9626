import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { CorruptError, UnsupportedError } from "./errors.ts";
import { idBytes } from "./id.ts";

/**
 * A frame on disk: a clear header of 16 bytes, then a body of `storedLength` bytes that a repository with keys seals.
 *
 *     0  4  "VFRM"
 *     4  1  kind: 1 file content, 2 trees, lists and tables, 3 pack directory
 *     5  1  flags: bit 0 the body is sealed
 *     6  2  zero
 *     8  4  stored length: bytes of the body
 *    12  4  CRC-32 of bytes 0 to 11
 *
 * The body of kinds 1 and 2: codec (1 byte: 0 raw, 1 zstd), base count (varint), base ids (32 bytes each), chunk count
 * (varint), chunk lengths (varint each), then the bytes of the chunks, one after the other, raw or as one zstd frame.
 */

export const frameHeaderBytes = 16;
/** A reader refuses more raw bytes than this in one frame, before it allocates. */
export const maxFrameRaw = 64 * 1024 * 1024;
/** A reader refuses a body of more bytes than this, but for pack directories: all raw bytes, and room for what stands before them. */
export const maxFrameStored = maxFrameRaw + 4 * 1024 * 1024;
/** Raw bytes of all bases of one frame. */
export const maxBaseRaw = 4 * 1024 * 1024;
/** Zero bytes that stand before the bytes of the bases and keep zstd from taking them for a trained dictionary. */
export const dictionaryPrefixBytes = 8;
export const maxChunksPerFrame = 65_535;
export const maxBasesPerFrame = 65_535;

export const FrameKind = { content: 1, meta: 2, directory: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export const Codec = { raw: 0, zstd: 1 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

export interface FrameHeader {
	readonly kind: FrameKind;
	readonly sealed: boolean;
	/** Bytes that follow the header. */
	readonly storedLength: number;
}

const magic = 0x4d524656; // "VFRM", little endian
const firstLetter = 0x56;

export function encodeFrameHeader(
	target: Bytes,
	at: number,
	header: FrameHeader,
): void {
	const view = headerView(target, at);
	view.setUint32(0, magic, true);
	view.setUint8(4, header.kind);
	view.setUint8(5, header.sealed ? 1 : 0);
	view.setUint16(6, 0, true);
	view.setUint32(8, header.storedLength, true);
	view.setUint32(12, crc32(target, at, at + 12), true);
}

function headerView(bytes: Bytes, at: number): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset + at, frameHeaderBytes);
}

/** True if a well-formed frame header stands at `at`: how a damaged pack is searched for what is left of it. */
export function looksLikeFrame(bytes: Bytes, at: number): boolean {
	// Most places are ruled out by one byte.
	if (bytes[at] !== firstLetter || at + frameHeaderBytes > bytes.length)
		return false;
	const view = headerView(bytes, at);
	return (
		view.getUint32(0, true) === magic &&
		view.getUint32(12, true) === crc32(bytes, at, at + 12)
	);
}

export function decodeFrameHeader(bytes: Bytes, at: number): FrameHeader {
	if (!looksLikeFrame(bytes, at))
		throw new CorruptError("NO_FRAME", `no frame begins at byte ${at}`, { at });
	const view = headerView(bytes, at);
	const kind = view.getUint8(4);
	const flags = view.getUint8(5);
	if (kind < 1 || kind > 3 || flags > 1 || view.getUint16(6, true) !== 0)
		throw new UnsupportedError(
			"UNKNOWN_FRAME",
			`the frame at byte ${at} is of a newer kind (kind ${kind}, flags ${flags})`,
			{ feature: `frame-${kind}-${flags}` },
		);
	const storedLength = view.getUint32(8, true);
	if (kind !== FrameKind.directory && storedLength > maxFrameStored)
		throw new CorruptError(
			"BAD_FRAME",
			`the frame at byte ${at} names ${storedLength} bytes`,
			{ at },
		);
	return { kind: kind as FrameKind, sealed: flags === 1, storedLength };
}

/** What stands in a body before the chunks' bytes. */
export interface FrameBody {
	readonly codec: Codec;
	/** 32 bytes for each base. */
	readonly bases: Bytes;
	/** Length of each chunk in bytes. */
	readonly lengths: Uint32Array;
	/** Sum of the lengths. */
	readonly rawLength: number;
	/** The chunks' bytes as stored: a view. */
	readonly payload: Bytes;
}

/** Appends all of a body that precedes the payload. */
export function encodeFrameBodyHead(
	writer: ByteWriter,
	head: {
		codec: Codec;
		bases: Bytes;
		lengths: ArrayLike<number>;
		count: number;
	},
): void {
	writer.u8(head.codec);
	encodeBases(writer, head.bases);
	writer.varint(head.count);
	for (let i = 0; i < head.count; i++) writer.varint(head.lengths[i] as number);
}

/** Throws a CorruptError for anything that is not written so, before it allocates more than the body is long. */
export function decodeFrameBody(body: Bytes): FrameBody {
	const reader = new ByteReader(body, "frame body");
	const codec = reader.u8();
	if (codec > 1)
		throw new UnsupportedError("UNKNOWN_CODEC", `codec ${codec} is not known`, {
			feature: `codec-${codec}`,
		});
	const bases = decodeBases(reader);
	const { lengths, rawLength } = decodeLengths(reader, 1);
	const payload = body.subarray(reader.at);
	if (codec === Codec.raw && bases.length > 0)
		reader.fail("is raw and has bases");
	if (codec === Codec.raw && payload.length !== rawLength)
		reader.fail(`holds ${payload.length} bytes instead of ${rawLength}`);
	if (payload.length === 0) reader.fail("holds nothing");
	return { codec: codec as Codec, bases, lengths, rawLength, payload };
}

export function encodeBases(writer: ByteWriter, bases: Bytes): void {
	writer.varint(bases.length / idBytes);
	writer.bytes(bases);
}

export function decodeBases(reader: ByteReader): Bytes {
	const count = reader.count(idBytes, "bases");
	if (count > maxBasesPerFrame) reader.fail(`names ${count} bases`);
	return reader.bytes(count * idBytes);
}

/** Chunk count and lengths; each chunk takes at least `size` bytes of what follows. */
export function decodeLengths(
	reader: ByteReader,
	size: number,
): { lengths: Uint32Array; rawLength: number } {
	const count = reader.count(size, "chunks");
	if (count < 1 || count > maxChunksPerFrame)
		reader.fail(`names ${count} chunks`);
	const lengths = new Uint32Array(count);
	let rawLength = 0;
	for (let i = 0; i < count; i++) {
		const length = reader.varint();
		rawLength += length;
		if (length < 1 || rawLength > maxFrameRaw)
			reader.fail(`holds a chunk of ${length} bytes, ${rawLength} in all`);
		lengths[i] = length;
	}
	return { lengths, rawLength };
}

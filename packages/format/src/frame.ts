import { ByteReader, type Bytes, type ByteWriter } from "./bytes.ts";
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
/** Raw bytes of all bases of one frame. */
export const maxBaseRaw = 4 * 1024 * 1024;
export const maxChunksPerFrame = 65_535;

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

export function encodeFrameHeader(
	target: Bytes,
	at: number,
	header: FrameHeader,
): void {
	const view = new DataView(
		target.buffer,
		target.byteOffset + at,
		frameHeaderBytes,
	);
	view.setUint32(0, magic, true);
	view.setUint8(4, header.kind);
	view.setUint8(5, header.sealed ? 1 : 0);
	view.setUint16(6, 0, true);
	view.setUint32(8, header.storedLength, true);
	view.setUint32(12, crc32(target, at, at + 12), true);
}

/** True if a well-formed frame header stands at `at`: how a damaged pack is searched for what is left of it. */
export function looksLikeFrame(bytes: Bytes, at: number): boolean {
	if (at + frameHeaderBytes > bytes.length) return false;
	const view = new DataView(
		bytes.buffer,
		bytes.byteOffset + at,
		frameHeaderBytes,
	);
	return (
		view.getUint32(0, true) === magic &&
		view.getUint32(12, true) === crc32(bytes, at, at + 12)
	);
}

export function decodeFrameHeader(bytes: Bytes, at: number): FrameHeader {
	if (!looksLikeFrame(bytes, at))
		throw new CorruptError("NO_FRAME", `no frame begins at byte ${at}`, { at });
	const view = new DataView(
		bytes.buffer,
		bytes.byteOffset + at,
		frameHeaderBytes,
	);
	const kind = view.getUint8(4);
	const flags = view.getUint8(5);
	if (kind < 1 || kind > 3 || flags > 1 || view.getUint16(6, true) !== 0)
		throw new UnsupportedError(
			"UNKNOWN_FRAME",
			`the frame at byte ${at} is of a newer kind (kind ${kind}, flags ${flags})`,
			{ feature: `frame-${kind}-${flags}` },
		);
	return {
		kind: kind as FrameKind,
		sealed: flags === 1,
		storedLength: view.getUint32(8, true),
	};
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
	writer.varint(head.bases.length / idBytes);
	writer.bytes(head.bases);
	writer.varint(head.count);
	for (let i = 0; i < head.count; i++) writer.varint(head.lengths[i] as number);
}

export function decodeFrameBody(body: Bytes): FrameBody {
	const reader = new ByteReader(body, "frame body");
	const codec = reader.u8();
	if (codec > 1)
		throw new UnsupportedError("UNKNOWN_CODEC", `codec ${codec} is not known`, {
			feature: `codec-${codec}`,
		});
	const bases = reader.bytes(reader.varint() * idBytes);
	const count = reader.varint();
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
	const payload = body.subarray(reader.at);
	if (codec === Codec.raw && payload.length !== rawLength)
		reader.fail(`holds ${payload.length} bytes instead of ${rawLength}`);
	return { codec: codec as Codec, bases, lengths, rawLength, payload };
}

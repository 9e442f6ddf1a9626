import {
	type Bytes,
	Codec,
	CorruptError,
	decodeFrameBody,
	decodeFrameHeader,
	type FrameKind,
	frameHeaderBytes,
	UnsupportedError,
} from "@varve/format";

export interface DecodedFrame {
	readonly kind: FrameKind;
	/** Length of each chunk. */
	readonly lengths: Uint32Array;
	/** The chunks' bytes, one after the other. */
	readonly raw: Bytes;
}

export interface DecodeOptions {
	/**
	 * Eight zero bytes, and then the bytes of the base chunks with these ids (32 bytes each), one after the other; asked only for frames
	 * with bases, and used before decoding ends.
	 */
	readonly dictionary: (bases: Bytes) => Bytes;
	/** Where to put the raw bytes if they fit; else they get a buffer of their own. */
	readonly target?: Bytes | undefined;
}

/** Turns stored frames into chunk bytes. Lengths are checked, ids are not: whoever uses a chunk hashes it. */
export interface FrameDecoder {
	/** `frame` is header and body, no more. CorruptError if it cannot be what was written, UnsupportedError if it is newer. */
	decode(frame: Bytes, options: DecodeOptions): DecodedFrame;
}

/** The part of a zstd decompressor that decoding needs; both fill `target` exactly or throw a CorruptError. */
export interface Unpacker {
	decompress(source: Bytes, target: Bytes): number;
	decompressWithDictionary(
		dictionary: Bytes,
		source: Bytes,
		target: Bytes,
	): number;
}

export function createFrameDecoder(unpacker: Unpacker): FrameDecoder {
	return {
		decode(frame, { dictionary, target }) {
			const header = decodeFrameHeader(frame, 0);
			if (header.sealed)
				throw new UnsupportedError(
					"SEALED",
					"the frame is sealed and no key is open",
					{ feature: "sealed" },
				);
			if (header.storedLength !== frame.length - frameHeaderBytes)
				throw new CorruptError(
					"BAD_FRAME",
					`a frame names ${header.storedLength} bytes but has ${frame.length - frameHeaderBytes}`,
				);
			const body = decodeFrameBody(frame.subarray(frameHeaderBytes));
			const raw =
				target !== undefined && body.rawLength <= target.length
					? target.subarray(0, body.rawLength)
					: new Uint8Array(body.rawLength);
			if (body.codec === Codec.raw) raw.set(body.payload);
			else if (body.bases.length === 0) unpacker.decompress(body.payload, raw);
			else
				unpacker.decompressWithDictionary(
					dictionary(body.bases),
					body.payload,
					raw,
				);
			return { kind: header.kind, lengths: body.lengths, raw };
		},
	};
}

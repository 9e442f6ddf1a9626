import type { Bytes, FrameKind } from "@varve/format";

export interface DecodedFrame {
	readonly kind: FrameKind;
	/** Length of each chunk. */
	readonly lengths: Uint32Array;
	/** The chunks' bytes, one after the other. */
	readonly raw: Bytes;
}

export interface DecodeOptions {
	/** Bytes of the base chunks with these ids (32 bytes each), one after the other; asked only for frames with bases. */
	readonly bases: (ids: Bytes) => Bytes;
	/** Where to put the raw bytes if they fit; else they get a buffer of their own. */
	readonly target?: Bytes | undefined;
}

/** Turns stored frames into chunk bytes. Lengths are checked, ids are not: whoever uses a chunk hashes it. */
export interface FrameDecoder {
	/** `frame` is header and body, no more. CorruptError if it cannot be what was written, UnsupportedError if it is newer. */
	decode(frame: Bytes, options: DecodeOptions): DecodedFrame;
}

import {
	type Bytes,
	ByteWriter,
	Codec,
	encodeFrameBodyHead,
	encodeFrameHeader,
	type FrameKind,
	frameHeaderBytes,
	StorageError,
} from "@varve/format";
import type { FrameDecoder } from "./frame-decoder.ts";

/** The part of a zstd compressor that encoding needs. */
export interface Squeezer {
	/** Returns the compressed length. `target` has room for `compressBound(source.length)`. */
	compress(source: Bytes, target: Bytes): number;
}

export interface FrameEncoderOptions {
	/** undefined stores everything raw. */
	readonly squeezer: Squeezer | undefined;
	/** True for bytes that are not worth an attempt. */
	readonly incompressible: (raw: Bytes) => boolean;
	/** Opens each frame again before it counts. */
	readonly decoder: FrameDecoder;
}

/** What a frame holds: chunk bytes one after the other, and the length of each. */
export interface FrameContent {
	readonly kind: FrameKind;
	readonly raw: Bytes;
	readonly lengths: Uint32Array;
	readonly count: number;
}

const noBytes = new Uint8Array(0);

/**
 * Makes frames, and proves each before it is used: it is decoded and compared with the bytes that went in, while these are still
 * there. A codec fault is answered by storing raw; if that cannot be read back either, memory is at fault and a StorageError says so.
 */
export class FrameEncoder {
	readonly #options: FrameEncoderOptions;
	readonly #head = new ByteWriter(64 * 1024);
	#output = new Uint8Array(0);
	#check = new Uint8Array(0);
	/** Frames whose compressed form could not be read back. */
	faults = 0;

	constructor(options: FrameEncoderOptions) {
		this.#options = options;
	}

	/** The frame, header and body; valid until the next call. */
	encode(content: FrameContent): Bytes {
		this.#makeRoom(content.raw.length);
		const { squeezer, incompressible } = this.#options;
		if (squeezer !== undefined && !incompressible(content.raw)) {
			const frame = this.#encodeWith(content, squeezer);
			if (frame !== undefined && this.#isFaithful(frame, content)) return frame;
			if (frame !== undefined) this.faults++;
		}
		const frame = this.#encodeRaw(content);
		if (!this.#isFaithful(frame, content))
			throw new StorageError(
				"MEMORY_FAULT",
				"a frame just made cannot be read back: the memory of this machine is not sound",
			);
		return frame;
	}

	/** undefined where compression gains nothing. */
	#encodeWith(content: FrameContent, squeezer: Squeezer): Bytes | undefined {
		const payloadAt = this.#writeHead(content, Codec.zstd);
		const length = squeezer.compress(
			content.raw,
			this.#output.subarray(payloadAt),
		);
		return length < content.raw.length
			? this.#finish(content, payloadAt + length)
			: undefined;
	}

	#encodeRaw(content: FrameContent): Bytes {
		const payloadAt = this.#writeHead(content, Codec.raw);
		this.#output.set(content.raw, payloadAt);
		return this.#finish(content, payloadAt + content.raw.length);
	}

	#writeHead({ lengths, count }: FrameContent, codec: Codec): number {
		this.#head.reset();
		encodeFrameBodyHead(this.#head, { codec, bases: noBytes, lengths, count });
		const head = this.#head.view();
		this.#output.set(head, frameHeaderBytes);
		return frameHeaderBytes + head.length;
	}

	#finish({ kind }: FrameContent, end: number): Bytes {
		encodeFrameHeader(this.#output, 0, {
			kind,
			sealed: false,
			storedLength: end - frameHeaderBytes,
		});
		return this.#output.subarray(0, end);
	}

	#isFaithful(frame: Bytes, { raw }: FrameContent): boolean {
		try {
			const opened = this.#options.decoder.decode(frame, {
				bases: () => noBytes,
				target: this.#check,
			});
			return Buffer.compare(opened.raw, raw) === 0;
		} catch {
			// Whatever the codec finds wrong with its own output, the answer is the same: do not store it.
			return false;
		}
	}

	/** zstd may write length + length / 256 + 64 KiB at the worst; a frame has at most 65,535 chunk lengths of at most 4 bytes. */
	#makeRoom(rawLength: number): void {
		const needed = rawLength + (rawLength >>> 8) + 384 * 1024;
		if (this.#output.length < needed) this.#output = new Uint8Array(needed);
		if (this.#check.length < rawLength) this.#check = new Uint8Array(rawLength);
	}
}

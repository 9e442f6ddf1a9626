import {
	type Bytes,
	ByteWriter,
	Codec,
	encodeFrameBodyHead,
	encodeFrameHeader,
	type FrameKind,
	frameHeaderBytes,
	idBytes,
	StorageError,
} from "@varve/format";
import type { FrameDecoder } from "./frame-decoder.ts";

/** The part of a zstd compressor that encoding needs. */
export interface Squeezer {
	/** Returns the compressed length. `target` has room for `compressBound(source.length)`. */
	compress(source: Bytes, target: Bytes): number;
	/** The same, with content that may recur in `source`; `dictionary` begins with eight zero bytes. */
	compressWithDictionary(
		dictionary: Bytes,
		source: Bytes,
		target: Bytes,
	): number;
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

/** Chunks that the content of a frame resembles. */
export interface FrameBases {
	/** 32 bytes each, in the order of their bytes in `dictionary`. */
	readonly ids: Bytes;
	/** Eight zero bytes, then the bytes of the bases. */
	readonly dictionary: Bytes;
}

/** A frame that was made for content with bases. */
export interface FrameBeside {
	/** Header and body; valid until the next call. */
	readonly frame: Bytes;
	/** False if it has no bases after all. */
	readonly based: boolean;
}

const noBytes = new Uint8Array(0);
/** Largest part of the plain frame that a frame with bases may take: less gain is not worth what then hangs on the bases. */
const largestDelta = 0.6;
/** What gets smaller than this part of the content needs no comparison with the plain frame: see docs/adr/0006-deltas.md. */
const surelySmall = 1 / 12;

/**
 * Makes frames, and proves each before it is used: it is decoded and compared with the bytes that went in, while these are still
 * there. A codec fault is answered by storing raw; if that cannot be read back either, memory is at fault and a StorageError says so.
 */
export class FrameEncoder {
	readonly #options: FrameEncoderOptions;
	readonly #head = new ByteWriter();
	#output = new Uint8Array(0);
	/** A frame with bases, until it is clear whether it is worth it. */
	#delta = new Uint8Array(0);
	#check = new Uint8Array(0);
	/** Frames whose compressed form could not be read back. */
	faults = 0;

	constructor(options: FrameEncoderOptions) {
		this.#options = options;
	}

	/** The frame, header and body; valid until the next call. */
	encode(content: FrameContent): Bytes {
		this.#output = roomFor(this.#output, content, 0);
		this.#makeCheckRoom(content);
		return this.#prove(this.#encodePlain(content), content);
	}

	/**
	 * The same for content that resembles `bases`: a frame with these bases if it is two fifths smaller than one without, else the
	 * one without.
	 */
	encodeBeside(content: FrameContent, bases: FrameBases): FrameBeside {
		const { squeezer } = this.#options;
		if (squeezer === undefined || bases.ids.length === 0)
			return { frame: this.encode(content), based: false };
		this.#output = roomFor(this.#output, content, 0);
		this.#delta = roomFor(this.#delta, content, bases.ids.length);
		this.#makeCheckRoom(content);
		const { raw } = content;
		const delta = this.#encodeDelta(content, squeezer, bases);
		// The ids of the bases stand in the frame, in the directory and in a segment.
		const cost = delta.length + 2 * bases.ids.length;
		if (cost <= raw.length * surelySmall)
			return this.#proveDelta(delta, content, bases);
		const plain = this.#encodePlain(content);
		return cost <= plain.length * largestDelta
			? this.#proveDelta(delta, content, bases)
			: { frame: this.#prove(plain, content), based: false };
	}

	#proveDelta(
		frame: Bytes,
		content: FrameContent,
		{ dictionary }: FrameBases,
	): FrameBeside {
		if (this.#isFaithful(frame, content, dictionary))
			return { frame, based: true };
		this.faults++;
		return { frame: this.encode(content), based: false };
	}

	#encodePlain(content: FrameContent): Bytes {
		const { squeezer, incompressible } = this.#options;
		return squeezer !== undefined && !incompressible(content.raw)
			? this.#encodeWith(content, squeezer)
			: this.#encodeRaw(content);
	}

	/** A frame that could not be read back is replaced by a raw one. */
	#prove(frame: Bytes, content: FrameContent): Bytes {
		if (this.#isFaithful(frame, content)) return frame;
		this.faults++;
		const raw = this.#encodeRaw(content);
		if (this.#isFaithful(raw, content)) return raw;
		throw new StorageError(
			"MEMORY_FAULT",
			"a frame just made cannot be read back: the memory of this machine is not sound",
		);
	}

	/** Raw where compression gains nothing. */
	#encodeWith(content: FrameContent, squeezer: Squeezer): Bytes {
		const { raw } = content;
		const output = this.#output;
		const at = this.#writeHead(output, content, Codec.zstd);
		const length = squeezer.compress(raw, output.subarray(at));
		return length < raw.length
			? finish(output, content, at + length)
			: this.#encodeRaw(content);
	}

	#encodeRaw(content: FrameContent): Bytes {
		const output = this.#output;
		const at = this.#writeHead(output, content, Codec.raw);
		output.set(content.raw, at);
		return finish(output, content, at + content.raw.length);
	}

	#encodeDelta(
		content: FrameContent,
		squeezer: Squeezer,
		{ ids, dictionary }: FrameBases,
	): Bytes {
		const output = this.#delta;
		const at = this.#writeHead(output, content, Codec.zstd, ids);
		const target = output.subarray(at);
		const { raw } = content;
		const length = squeezer.compressWithDictionary(dictionary, raw, target);
		return finish(output, content, at + length);
	}

	#writeHead(
		output: Uint8Array,
		{ lengths, count }: FrameContent,
		codec: Codec,
		bases: Bytes = noBytes,
	): number {
		this.#head.reset();
		encodeFrameBodyHead(this.#head, { codec, bases, lengths, count });
		const head = this.#head.view();
		output.set(head, frameHeaderBytes);
		return frameHeaderBytes + head.length;
	}

	#isFaithful(
		frame: Bytes,
		{ raw }: FrameContent,
		dictionary: Bytes = noBytes,
	): boolean {
		try {
			const opened = this.#options.decoder.decode(frame, {
				dictionary: () => dictionary,
				target: this.#check,
			});
			return Buffer.compare(opened.raw, raw) === 0;
		} catch {
			// Whatever the codec finds wrong with its own output, the answer is the same: do not store it.
			return false;
		}
	}

	#makeCheckRoom({ raw }: FrameContent): void {
		if (this.#check.length < raw.length)
			this.#check = new Uint8Array(raw.length);
	}
}

function finish(
	output: Uint8Array,
	{ kind }: FrameContent,
	end: number,
): Bytes {
	encodeFrameHeader(output, 0, {
		kind,
		sealed: false,
		storedLength: end - frameHeaderBytes,
	});
	return output.subarray(0, end);
}

/** zstd may write length + length / 256 + 64 bytes at the worst; a chunk length takes at most 5 bytes. */
function roomFor(
	buffer: Uint8Array<ArrayBuffer>,
	{ raw, count }: FrameContent,
	basesBytes: number,
): Uint8Array<ArrayBuffer> {
	const needed =
		raw.length + (raw.length >>> 8) + 4096 + 5 * count + basesBytes;
	return buffer.length >= needed ? buffer : new Uint8Array(needed + idBytes);
}

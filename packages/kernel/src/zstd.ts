import { type Bytes, CorruptError } from "@varve/format";
import zstd from "zstd-napi/binding.js";
import type { Unpacker } from "./frame-decoder.ts";
import type { Squeezer } from "./frame-encoder.ts";
import type { Compression } from "./kernel.ts";

const { CCtx, CParameter, DCtx, DParameter, compressBound } = zstd;

/** zstd levels; chosen by bench/kernel on 1 MiB frames of source code. */
const levels: Record<Exclude<Compression, "off">, number> = {
	auto: 3,
	fastest: 1,
	better: 7,
	max: 19,
};
const maxWindowLog = 27;
const sampleBytes = 8 * 1024;
const samples = 4;

/** One compression context, used for frame after frame. */
export class Compressor implements Squeezer {
	readonly #context = new CCtx();

	constructor(compression: Exclude<Compression, "off">) {
		this.#context.setParameter(
			CParameter.compressionLevel,
			levels[compression],
		);
	}

	compress(source: Bytes, target: Bytes): number {
		return this.#context.compress2(target, source);
	}
}

/** One decompression context. */
export class Decompressor implements Unpacker {
	readonly #context = new DCtx();

	constructor() {
		this.#context.setParameter(DParameter.windowLogMax, maxWindowLog);
	}

	decompress(source: Bytes, target: Bytes): number {
		return this.#fill(target, () => this.#context.decompress(target, source));
	}

	decompressWithDictionary(
		dictionary: Bytes,
		source: Bytes,
		target: Bytes,
	): number {
		return this.#fill(target, () =>
			this.#context.decompressUsingDict(target, source, dictionary),
		);
	}

	#fill(target: Bytes, decompress: () => number): number {
		let length: number;
		try {
			length = decompress();
		} catch (cause) {
			throw new CorruptError(
				"BAD_FRAME",
				"a frame cannot be decompressed",
				{},
				{ cause },
			);
		}
		if (length !== target.length)
			throw new CorruptError(
				"BAD_FRAME",
				`a frame holds ${length} bytes instead of ${target.length}`,
			);
		return length;
	}
}

/** Tells from a few samples, compressed at the fastest level, that bytes are not worth an attempt. */
export function createProbe(): (raw: Bytes) => boolean {
	const context = new CCtx();
	context.setParameter(CParameter.compressionLevel, 1);
	const output = new Uint8Array(compressBound(sampleBytes));
	return (raw) => {
		if (raw.length < samples * sampleBytes * 2) return false;
		const stride = Math.floor((raw.length - sampleBytes) / (samples - 1));
		for (let i = 0; i < samples; i++) {
			const sample = raw.subarray(i * stride, i * stride + sampleBytes);
			if (context.compress2(output, sample) < sampleBytes * 0.97) return false;
		}
		return true;
	};
}

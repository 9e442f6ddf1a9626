import { type Bytes, CorruptError, dictionaryPrefixBytes } from "@varve/format";
import zstd from "zstd-napi/binding.js";
import type { Unpacker } from "./frame-decoder.ts";
import type { Squeezer } from "./frame-encoder.ts";
import type { ColdCompression, Compression } from "./kernel.ts";

/** What a compressor is set to. */
interface Preset {
	/** Level of zstd. */
	readonly level: number;
	/** Sizes of its tables as powers of two, where smaller ones than the level's own pay. */
	readonly tables?: { readonly hashLog: number; readonly chainLog: number };
	/** How far back is looked, as a power of two, where that is more than the level itself looks. */
	readonly windowLog?: number;
	/** Level for a source that resembles its dictionary. */
	readonly dictionaryLevel: number;
}

/** Names of presets. */
export type Setting = Exclude<Compression, "off"> | ColdCompression;

/** Chosen by bench/kernel/compression.mjs; the figures are in bench/kernel/README.md, those of cold frames in docs/adr/0009-cold-storage.md. */
const presets: Readonly<Record<Setting, Preset>> = {
	// Level 1 indexes only the last 128 KiB of a dictionary, and is hardly faster there.
	fastest: { level: 1, dictionaryLevel: 3 },
	// Tables that fit the first two caches: a tenth faster than level 3 itself, and half a percent larger.
	auto: {
		level: 3,
		tables: { hashLog: 16, chainLog: 14 },
		dictionaryLevel: 3,
	},
	better: { level: 7, dictionaryLevel: 6 },
	max: { level: 19, dictionaryLevel: 19 },
	cold: { level: 12, windowLog: 24, dictionaryLevel: 6 },
	coldest: { level: 19, windowLog: 24, dictionaryLevel: 19 },
};

const probeBytes = 4096;
/** One sample for each so many bytes, and one more. */
const probeDistance = 128 * 1024;
/** A sample is worth compressing if it gets smaller than this. */
const probeLimit = probeBytes - probeBytes / 32;

/** The largest length to which `length` bytes can be compressed. */
export function compressBound(length: number): number {
	return zstd.compressBound(length);
}

/**
 * Writes zstd frames: with the content size, without checksum and dictionary id. One context, used for frame after frame: a few MiB
 * of memory outside of the heap.
 */
export class Compressor implements Squeezer {
	readonly #preset: Preset;
	#made: Context | undefined;

	constructor(setting: Setting) {
		this.#preset = presets[setting];
	}

	/** Made when it is needed first: many commands could store something and do not. */
	get #context(): Context {
		this.#made ??= contextFor(this.#preset);
		return this.#made;
	}

	/** Returns the compressed length. `target` has room for `compressBound(source.length)`. */
	compress(source: Bytes, target: Bytes): number {
		return this.#context.compress2(target, source);
	}

	/**
	 * The same, with content that may recur in `source`. `dictionary` begins with eight zero bytes; but for "better" and "max", only
	 * its last 1 MiB is searched.
	 */
	compressWithDictionary(
		dictionary: Bytes,
		source: Bytes,
		target: Bytes,
	): number {
		requireRawDictionary(dictionary);
		// Loading into the context itself is two to three times as fast as loadDictionary, which builds a table for many uses.
		return this.#context.compressUsingDict(
			target,
			source,
			dictionary,
			this.#preset.dictionaryLevel,
		);
	}
}

type Context = InstanceType<typeof zstd.CCtx>;

function contextFor({ level, tables, windowLog }: Preset): Context {
	const { CParameter } = zstd;
	const context = new zstd.CCtx();
	context.setParameter(CParameter.compressionLevel, level);
	if (windowLog !== undefined)
		context.setParameter(CParameter.windowLog, windowLog);
	if (tables === undefined) return context;
	context.setParameter(CParameter.hashLog, tables.hashLog);
	context.setParameter(CParameter.chainLog, tables.chainLog);
	return context;
}

/**
 * Tells bytes that are not worth an attempt: true if nothing in samples taken all over them can be compressed. A stretch that can
 * be compressed is never overlooked if it is longer than 132 KiB.
 */
export function createProbe(): (raw: Bytes) => boolean {
	let context: Context | undefined;
	const output = new Uint8Array(zstd.compressBound(probeBytes));
	return (raw) => {
		if (raw.length < probeBytes) return false;
		context ??= new zstd.CCtx();
		const room = raw.length - probeBytes;
		const gaps = Math.ceil(room / probeDistance);
		for (let i = 0; i <= gaps; i++) {
			const at = gaps === 0 ? 0 : Math.floor((room * i) / gaps);
			const sample = raw.subarray(at, at + probeBytes);
			if (context.compress(output, sample, 1) < probeLimit) return false;
		}
		return true;
	};
}

/** Reads what a Compressor wrote, and refuses all else. */
export class Decompressor implements Unpacker {
	readonly #context = new zstd.DCtx();

	/**
	 * Fills `target`, whose length must be that of the content, and returns it. CorruptError if `source` is not one whole frame of
	 * exactly that content size; nothing is allocated on its word.
	 */
	decompress(source: Bytes, target: Bytes): number {
		return decode(source, target, () =>
			this.#context.decompress(target, source),
		);
	}

	/** The same, with the dictionary used when it was compressed. */
	decompressWithDictionary(
		dictionary: Bytes,
		source: Bytes,
		target: Bytes,
	): number {
		requireRawDictionary(dictionary);
		return decode(source, target, () =>
			this.#context.decompressUsingDict(target, source, dictionary),
		);
	}
}

function decode(source: Bytes, target: Bytes, run: () => number): number {
	requireHeader(source, target.length);
	try {
		if (zstd.findFrameCompressedSize(source) !== source.length)
			throw corrupt("is followed by something else");
		const length = run();
		if (length !== target.length) throw corrupt(`holds ${length} bytes`);
		return length;
	} catch (cause) {
		if (cause instanceof CorruptError) throw cause;
		throw corrupt("cannot be decompressed", cause);
	}
}

const magic = 0xfd2fb528;

/**
 * A zstd frame begins with its magic number and a byte of flags: size of the content size field in the upper two bits, single
 * segment (bit 5), reserved (3), checksum (2), size of the dictionary id (1 and 0). Then a window size, unless single segment, and
 * the content size. The memory for the content is given, so its size is all that has to be limited.
 */
function requireHeader(source: Bytes, contentLength: number): void {
	if (source.length < 6) throw corrupt("is too short");
	const view = new DataView(
		source.buffer,
		source.byteOffset,
		source.byteLength,
	);
	if (view.getUint32(0, true) !== magic) throw corrupt("has no magic number");
	const flags = view.getUint8(4);
	if ((flags & 0b1111) !== 0) throw corrupt("uses features it must not use");
	const isSingleSegment = (flags & 0b10_0000) !== 0;
	const size = readContentSize(view, flags >>> 6, isSingleSegment);
	if (size !== contentLength)
		throw corrupt(`names ${size} bytes and not ${contentLength}`);
}

function readContentSize(
	view: DataView,
	sizeFlag: number,
	isSingleSegment: boolean,
): number | undefined {
	const at = isSingleSegment ? 5 : 6;
	const fieldBytes = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
	if (view.byteLength < at + fieldBytes) throw corrupt("is too short");
	switch (fieldBytes) {
		case 1:
			return view.getUint8(at);
		case 2:
			return view.getUint16(at, true) + 256;
		case 4:
			return view.getUint32(at, true);
		case 8:
			return Number(view.getBigUint64(at, true));
		default:
			return undefined;
	}
}

function requireRawDictionary(dictionary: Bytes): void {
	const prefix = dictionary.subarray(0, dictionaryPrefixBytes);
	if (
		prefix.length < dictionaryPrefixBytes ||
		prefix.some((byte) => byte !== 0)
	)
		throw new RangeError("a dictionary must begin with eight zero bytes");
}

function corrupt(problem: string, cause?: unknown): CorruptError {
	return new CorruptError(
		"BAD_FRAME",
		`a compressed frame ${problem}`,
		{},
		{ cause },
	);
}

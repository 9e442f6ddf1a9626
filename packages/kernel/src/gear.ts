import { createHash } from "node:crypto";
import { type Bytes, minZeroRun } from "@varve/format";

/**
 * The chunker "gear1". Where a span of bytes is cut depends on these bytes, three sizes and a secret alone.
 *
 * Table: T[x] for each byte value x is the first eight bytes, little endian, of SHA-256(seed ‖ x). The seed has 32 bytes, all zero
 * unless the repository is encrypted.
 *
 * Fingerprint at a place p: the sum of T[b[p - 1 - i]] · 2^i for i from 0 to 63, modulo 2^64. It looks at the 64 bytes before p and
 * at nothing else; h = 2h + T[b[p]] takes it one byte further, since what is older than 64 bytes has been shifted out.
 *
 * Zeros: each run of zero bytes, as long as it can be, of at least 65,536 bytes is an item of its own. What lies between such runs,
 * and between them and the ends of the span, is cut into chunks, each stretch for itself:
 *
 * Chunks: with A = log2(average), a chunk ends at the first length L, from `min` on, at which
 *   - the top A + 2 bits of the fingerprint are zero, if L < average,
 *   - the top A - 2 bits of the fingerprint are zero, if L >= average,
 *   - L = max, or the stretch ends.
 * The stricter test before the average and the looser one after it gather the lengths around it. Because `min` is at least 64, the
 * fingerprint never looks behind the chunk's own beginning, and there is nothing to remember from one chunk to the next.
 */
export interface ChunkerParameters {
	/** Bytes, at least 64. */
	readonly min: number;
	/** Bytes, a power of two. */
	readonly average: number;
	readonly max: number;
}

/** Bits by which the test before the average is stricter, and the one after it looser. */
export const normalization = 2;

export interface CutterOptions extends ChunkerParameters {
	/** 32 bytes; zeros if absent. */
	readonly seed?: Bytes | undefined;
	/** Bytes of memory. */
	readonly capacity: number;
}

/** Cuts the bytes in its memory into items, one span after the other. */
export interface Cutter {
	/** The only place it looks at: bytes to cut are read straight into it. */
	readonly memory: Uint8Array<ArrayBuffer>;
	/** Announces a new span. */
	begin(): void;
	/**
	 * The item that begins at `start`, given the bytes of the span up to `end`; `last` says that the span ends there.
	 *
	 * Returns the length of a chunk; or, negative, that of a run of zeros; or 0 if it takes more bytes to decide, which is never so if
	 * `last`, or if there are `max` + 65,536 bytes. A run of zeros that reaches `end` may go on with the next bytes, and comes in as
	 * many parts: parts that follow each other directly are one item.
	 */
	cut(start: number, end: number, last: boolean): number;
}

/** The gear table as 256 little endian numbers of eight bytes. */
export function gearTable(seed: Bytes = new Uint8Array(32)): Bytes {
	if (seed.length !== 32)
		throw new RangeError(`a seed of ${seed.length} bytes`);
	const table = new Uint8Array(256 * 8);
	for (let value = 0; value < 256; value++) {
		const digest = createHash("sha256")
			.update(seed)
			.update(Uint8Array.of(value))
			.digest();
		table.set(digest.subarray(0, 8), value * 8);
	}
	return table;
}

/** Throws a RangeError for sizes the rule does not cover. */
export function averageBits({ min, average, max }: ChunkerParameters): number {
	const bits = Math.log2(average);
	if (
		!Number.isInteger(bits) ||
		bits > 24 ||
		min < 64 ||
		min >= average ||
		max <= average
	)
		throw new RangeError(`impossible chunk sizes: ${min}, ${average}, ${max}`);
	return bits;
}

/** The readable form of the chunker, and the judge of the fast one: the two cut identically. */
export function createReferenceCutter(options: CutterOptions): Cutter {
	return new ReferenceCutter(options);
}

class ReferenceCutter implements Cutter {
	readonly memory: Uint8Array<ArrayBuffer>;
	readonly #sizes: ChunkerParameters;
	/** Halves of the table's numbers: JavaScript has no fast 64-bit arithmetic. */
	readonly #lows = new Uint32Array(256);
	readonly #highs = new Uint32Array(256);
	/** The upper half of a fingerprint with enough zero bits is less than this. */
	readonly #strict: number;
	readonly #loose: number;
	#inZeros = false;

	constructor(options: CutterOptions) {
		const bits = averageBits(options);
		this.memory = new Uint8Array(options.capacity);
		this.#sizes = options;
		this.#strict = 2 ** (32 - (bits + normalization));
		this.#loose = 2 ** (32 - (bits - normalization));
		const table = new DataView(gearTable(options.seed).buffer);
		for (let value = 0; value < 256; value++) {
			this.#lows[value] = table.getUint32(value * 8, true);
			this.#highs[value] = table.getUint32(value * 8 + 4, true);
		}
	}

	begin(): void {
		this.#inZeros = false;
	}

	cut(start: number, end: number, last: boolean): number {
		if (start === end) return 0;
		this.#inZeros &&= this.memory[start] === 0;
		const isEnough = last || end - start >= this.#sizes.max + minZeroRun;
		if (!isEnough && !this.#inZeros) return 0;
		const zeros = this.#countZeros(start, end);
		if (this.#inZeros || zeros >= minZeroRun) {
			this.#inZeros = start + zeros === end;
			return -zeros;
		}
		return this.#findZeroRun(start, this.#findCut(start, end), end) - start;
	}

	/** Where the chunk would end if there were no long runs of zeros. */
	#findCut(start: number, end: number): number {
		const { min, average, max } = this.#sizes;
		const [bytes, lows, highs] = [this.memory, this.#lows, this.#highs];
		const stop = Math.min(end, start + max);
		let low = 0;
		let high = 0;
		let limit = 0;
		for (let at = start + min - 64; at < stop; at++) {
			const byte = bytes[at] as number;
			const sum = low * 2 + (lows[byte] as number);
			low = sum >>> 0;
			const carry = (sum - low) / 2 ** 32;
			high = (high * 2 + (highs[byte] as number) + carry) >>> 0;
			const length = at + 1 - start;
			if (length === min) limit = this.#strict;
			if (length === average) limit = this.#loose;
			if (high < limit) return at + 1;
		}
		return stop;
	}

	/** Where the first long run of zeros begins, if that is before `cut`; else `cut`. */
	#findZeroRun(start: number, cut: number, end: number): number {
		let runStart = start;
		for (let at = start; at < end; at++) {
			if (this.memory[at] !== 0) runStart = at + 1;
			if (runStart >= cut) return cut;
			if (at + 1 - runStart >= minZeroRun) return runStart;
		}
		return cut;
	}

	#countZeros(start: number, end: number): number {
		let at = start;
		while (at < end && this.memory[at] === 0) at++;
		return at - start;
	}
}

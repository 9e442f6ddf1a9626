// Seeded numbers. The same seed gives the same corpus on every machine and with any number of workers, because each
// file or block draws from a generator of its own, made from (seed, number of the file).

/** Mixes two 32-bit numbers into one, so that neighbouring seeds have nothing in common. */
export function mix(a, b) {
	let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 1, 0xc2b2ae35);
	h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
	h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
	return (h ^ (h >>> 15)) >>> 0;
}

/** xoshiro128**: 32 random bits a call. */
export class Random {
	constructor(seed) {
		this.reseed(seed);
	}

	reseed(seed) {
		this.a = mix(seed, 1) | 1;
		this.b = mix(seed, 2);
		this.c = mix(seed, 3);
		this.d = mix(seed, 4);
	}

	/** An unsigned 32-bit number. */
	next() {
		const five = Math.imul(this.b, 5);
		const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
		const shifted = this.b << 9;
		this.c ^= this.a;
		this.d ^= this.b;
		this.b ^= this.c;
		this.a ^= this.d;
		this.c ^= shifted;
		this.d = (this.d << 11) | (this.d >>> 21);
		return result;
	}

	/** A number in [0, 1). */
	fraction() {
		return this.next() / 0x1_0000_0000;
	}

	/** A whole number in [0, limit). */
	below(limit) {
		return Math.floor(this.fraction() * limit);
	}

	/** A whole number, exponentially distributed around `mean`, at most `limit`. */
	exponential(mean, limit) {
		return Math.min(limit, Math.floor(-Math.log(1 - this.fraction()) * mean));
	}
}

/** Fills `target` (a Uint8Array) from `start` to `end` with bytes that no compressor makes smaller. */
export function fillRandom(target, { start, end, random }) {
	let at = start;
	for (; at + 4 <= end; at += 4) {
		const bits = random.next();
		target[at] = bits;
		target[at + 1] = bits >>> 8;
		target[at + 2] = bits >>> 16;
		target[at + 3] = bits >>> 24;
	}
	for (; at < end; at++) target[at] = random.next();
}

// The chunker of src/gear.ts once more, for speed. Both cut identically; the rule is told there.
//
// Memory: the gear table from byte 0 on, 256 little endian u64; the bytes to cut wherever the caller has them behind it.

const minZeroRun: usize = 65536;
/** A run of `minZeroRun` zeros holds at least one whole aligned block of half that size. */
const zeroBlock: usize = minZeroRun / 2;
const window: usize = 64;

let min: usize = 0;
let average: usize = 0;
let max: usize = 0;
/** A fingerprint below is a cut: `strict` for chunks shorter than the average, `loose` for the others. */
let strict: u64 = 0;
let loose: u64 = 0;
/** The last item was a run of zeros that reached the end of the bytes given. */
let inZeros: bool = false;

export function configure(
	minimum: usize,
	middle: usize,
	maximum: usize,
	strictBits: i32,
	looseBits: i32,
): void {
	min = minimum;
	average = middle;
	max = maximum;
	strict = (<u64>1) << (64 - strictBits);
	loose = (<u64>1) << (64 - looseBits);
}

export function begin(): void {
	inZeros = false;
}

export function cut(start: usize, end: usize, last: bool): i32 {
	if (start == end) return 0;
	const left = end - start;
	const onZero = load<u8>(start) == 0;
	inZeros = inZeros && onZero;
	if (!inZeros && !last && left < max + minZeroRun) return 0;
	if (onZero) {
		const zerosTo = zerosEnd(start, end);
		if (inZeros || zerosTo - start >= minZeroRun) {
			inZeros = zerosTo == end;
			return <i32>start - <i32>zerosTo;
		}
	}
	const contentEnd = findCut(start, left < max ? end : start + max);
	return <i32>(findZeroRun(start, contentEnd, end) - start);
}

/** Where the chunk from `start` ends if it holds no long run of zeros; at the latest at `stop`. */
function findCut(start: usize, stop: usize): usize {
	if (stop - start <= min) return stop;
	let at = start + min - window;
	let h: u64 = 0;
	for (const first = start + min - 1; at < first; at++) h = roll(h, at, 0);
	let limit = strict;
	let phaseEnd = start + average - 1 < stop ? start + average - 1 : stop;
	while (at < stop) {
		for (; at + 8 <= phaseEnd; at += 8) {
			h = roll(h, at, 0);
			if (h < limit) return at + 1;
			h = roll(h, at, 1);
			if (h < limit) return at + 2;
			h = roll(h, at, 2);
			if (h < limit) return at + 3;
			h = roll(h, at, 3);
			if (h < limit) return at + 4;
			h = roll(h, at, 4);
			if (h < limit) return at + 5;
			h = roll(h, at, 5);
			if (h < limit) return at + 6;
			h = roll(h, at, 6);
			if (h < limit) return at + 7;
			h = roll(h, at, 7);
			if (h < limit) return at + 8;
		}
		for (; at < phaseEnd; at++) {
			h = roll(h, at, 0);
			if (h < limit) return at + 1;
		}
		limit = loose;
		phaseEnd = stop;
	}
	return stop;
}

// @ts-ignore: a decorator of AssemblyScript.
@inline
function roll(h: u64, at: usize, offset: usize): u64 {
	return (h << 1) + load<u64>(<usize>load<u8>(at + offset) << 3);
}

/** Where the first long run of zeros begins, if it begins before `contentEnd`; else `contentEnd`. */
function findZeroRun(start: usize, contentEnd: usize, end: usize): usize {
	if (end - start < minZeroRun) return contentEnd;
	let block = (start + zeroBlock - 1) & ~(zeroBlock - 1);
	while (block < contentEnd + zeroBlock && block + zeroBlock <= end) {
		if (load<u64>(block) == 0) {
			const runStart = zerosStart(block, start);
			if (runStart >= contentEnd) return contentEnd;
			const enough = runStart + minZeroRun;
			const runEnd = zerosEnd(block, enough < end ? enough : end);
			if (runEnd == enough) return runStart;
		}
		block += zeroBlock;
	}
	return contentEnd;
}

/** Where the zeros from `at` on end, at the latest at `end`. */
function zerosEnd(at: usize, end: usize): usize {
	for (; at + 64 <= end; at += 64) {
		const some =
			load<u64>(at, 0) |
			load<u64>(at, 8) |
			load<u64>(at, 16) |
			load<u64>(at, 24) |
			load<u64>(at, 32) |
			load<u64>(at, 40) |
			load<u64>(at, 48) |
			load<u64>(at, 56);
		if (some != 0) break;
	}
	while (at < end && load<u8>(at) == 0) at++;
	return at;
}

/** Where the zeros before `at` begin, at the earliest at `start`. */
function zerosStart(at: usize, start: usize): usize {
	while (at >= start + 8 && load<u64>(at - 8) == 0) at -= 8;
	while (at > start && load<u8>(at - 1) == 0) at--;
	return at;
}

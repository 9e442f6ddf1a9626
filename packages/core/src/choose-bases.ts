import type { BaseChunk } from "./heirs.ts";

/**
 * So long may bases be together, for each byte of what is made with them. A version of a file has the bases of all that it was made from: the
 * hundredth would have any number, and each has to be read, and kept.
 */
const mostBases = 3.5;
/** Up to this it is not worth finding out which of them matter. */
const manyBases = 4;

/** Of bases that are much longer than `length`, what is made with them, those with which it takes least; in the order given. */
export function chooseBases<B extends Pick<BaseChunk, "bytes">>(
	bases: readonly B[],
	length: number,
	sizeWith: (base: B) => number,
): readonly B[] {
	const all = bases.reduce((sum, { bytes }) => sum + bytes.length, 0);
	if (bases.length < 2 || all <= length * manyBases) return bases;
	const ranked = bases
		.map((base) => ({ base, size: sizeWith(base) }))
		.sort((a, b) => a.size - b.size);
	const chosen = new Set<B>();
	let room = length * mostBases;
	for (const { base } of ranked) {
		if (chosen.size > 0 && base.bytes.length > room) break;
		room -= base.bytes.length;
		chosen.add(base);
	}
	return bases.filter((base) => chosen.has(base));
}

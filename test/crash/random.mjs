/**
 * Numbers that follow from a seed, so that a campaign can be run again as it was. (The generator is xorshift32 with a multiplied
 * output: its quality is no matter here, that it is the same everywhere is.)
 */
export function seeded(seed) {
	let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6a09e667) >>> 0 || 1;
	const next = () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		state >>>= 0;
		return Math.imul(state, 0x2545f491) >>> 0;
	};
	const below = (limit) => Math.floor((next() / 2 ** 32) * limit);
	return {
		/** A whole number from 0 to `limit` - 1. */
		below,
		/** A number from 0 to 1, without 1. */
		fraction: () => next() / 2 ** 32,
		pick: (list) => list[below(list.length)],
		/** Bytes that do not compress. */
		bytes(length) {
			const words = new Uint32Array(Math.ceil(length / 4));
			for (let i = 0; i < words.length; i++) words[i] = next();
			return new Uint8Array(words.buffer, 0, length);
		},
		/** Another generator, which does not disturb this one. */
		fork: () => seeded(next()),
	};
}

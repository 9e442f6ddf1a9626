import type { Bytes } from "@varve/format";

/** Each bit is a hash of all bytes: beyond this it takes seconds. */
const mostBytes = 16 * 1024;

/**
 * The bytes with one bit set right, if that makes them what they were, as a hash in their name or in themselves says; undefined if none does. A
 * flipped bit is what most damage to a small file is.
 */
export function withOneBitRight(
	bytes: Bytes,
	isRight: (bytes: Bytes) => boolean,
): Bytes | undefined {
	if (bytes.length > mostBytes) return undefined;
	const tried = bytes.slice();
	for (let at = 0; at < tried.length; at++)
		for (let bit = 1; bit < 256; bit *= 2) {
			tried[at] = (tried[at] as number) ^ bit;
			if (isRight(tried)) return tried;
			tried[at] = (tried[at] as number) ^ bit;
		}
	return undefined;
}

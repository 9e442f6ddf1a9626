import type { Bytes } from "@varve/format";

/** Each bit is a hash of all bytes: beyond this it takes seconds. */
const mostBytes = 16 * 1024;

/**
 * The bytes with one bit set right, if that gives them this SHA-256; undefined if none does. A flipped bit is what most damage to a small file is, and its
 * name says what it was.
 */
export function withOneBitRight(
	bytes: Bytes,
	id: string,
	sha256Hex: (bytes: Bytes) => string,
): Bytes | undefined {
	if (bytes.length > mostBytes) return undefined;
	const tried = bytes.slice();
	for (let at = 0; at < tried.length; at++)
		for (let bit = 1; bit < 256; bit *= 2) {
			tried[at] = (tried[at] as number) ^ bit;
			if (sha256Hex(tried) === id) return tried;
			tried[at] = (tried[at] as number) ^ bit;
		}
	return undefined;
}

import { createHash } from "node:crypto";

/** SHA-256 of 0, 1, 2, … (each as four bytes, little endian), one after the other: the same bytes in any language. */
export function hashStream(length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	const counter = Buffer.alloc(4);
	for (let at = 0; at < length; at += 32) {
		counter.writeUInt32LE(at / 32);
		const digest = createHash("sha256").update(counter).digest();
		bytes.set(digest.subarray(0, length - at), at);
	}
	return bytes;
}

/** Bytes that look random and are the same for the same seed; quicker than `hashStream`. */
export function pseudoRandom(
	seed: number,
	length: number,
): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
	for (let i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		bytes[i] = state >>> 11;
	}
	return bytes;
}

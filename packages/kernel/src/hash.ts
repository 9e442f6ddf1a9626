import { createHash, hash } from "node:crypto";
import type { Bytes } from "@varve/format";

/**
 * Writes the SHA-256 of `bytes` to the 32 bytes of `target` from `at` on.
 *
 * The digest comes as a string of one character a byte: for short input that takes half the time of a buffer.
 */
export function sha256Into(bytes: Bytes, target: Uint8Array, at: number): void {
	const digest = hash("sha256", bytes, "binary");
	for (let i = 0; i < 32; i++) target[at + i] = digest.charCodeAt(i);
}

/** SHA-256 in 32 bytes of its own. */
export function sha256(bytes: Bytes): Bytes {
	const digest = new Uint8Array(32);
	sha256Into(bytes, digest, 0);
	return digest;
}

/** SHA-256 in lower-case hex. */
export function sha256Hex(bytes: Bytes): string {
	return hash("sha256", bytes, "hex");
}

/** SHA-256 of bytes that come one after the other. */
export interface RunningSha256 {
	update(bytes: Bytes): void;
	/** Of all that came, in lower-case hex. Ends it. */
	hex(): string;
}

export function startSha256(): RunningSha256 {
	const running = createHash("sha256");
	return {
		update: (bytes) => void running.update(bytes),
		hex: () => running.digest("hex"),
	};
}

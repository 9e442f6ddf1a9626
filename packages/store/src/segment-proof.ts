import { createHash } from "node:crypto";
import type { SegmentFile } from "./segment-file.ts";

const proofBlockBytes = 1024 * 1024;

/** True if the file has the SHA-256 it is named by, and is a segment. */
export async function prove(file: SegmentFile): Promise<boolean> {
	const steps = proof(file);
	for (;;) {
		const step = steps.next();
		if (step.done) return step.value;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

export function proveNow(file: SegmentFile): boolean {
	const steps = proof(file);
	for (;;) {
		const step = steps.next();
		if (step.done) return step.value;
	}
}

/** Hashes a block at each step. */
function* proof(file: SegmentFile): Generator<undefined, boolean> {
	const hash = createHash("sha256");
	const block = new Uint8Array(Math.min(file.size, proofBlockBytes));
	for (let at = 0; at < file.size; at += block.length) {
		const part = block.subarray(0, Math.min(block.length, file.size - at));
		file.readInto(at, part);
		hash.update(part);
		if (at + part.length < file.size) yield;
	}
	return hash.digest("hex") === file.name;
}

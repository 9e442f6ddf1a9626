import type { Kernel } from "@varve/kernel";
import type { Batch } from "./batches.ts";

const firstCapacity = 64 * 1024;

/**
 * Keeps the table of claims larger than what the work given out may claim: at most one chunk for each file and one for each
 * `minChunk` bytes.
 */
export class ClaimBudget {
	readonly #kernel: Kernel;
	readonly #minChunk: number;
	readonly buffers: SharedArrayBuffer[];
	#capacity = firstCapacity;
	#expected = 0;

	constructor(kernel: Kernel, minChunk: number) {
		this.#kernel = kernel;
		this.#minChunk = minChunk;
		this.buffers = [kernel.newClaims(firstCapacity)];
	}

	/** Counts a batch in; returns all the buffers that whoever works on it must know. */
	expect(batch: Batch): readonly SharedArrayBuffer[] {
		const files = batch.type === "files" ? batch.files.length : 1;
		const bytes = batch.type === "files" ? batch.bytes : batch.length;
		this.#expected += files + Math.ceil(bytes / this.#minChunk);
		while (this.#expected > this.#capacity) {
			this.buffers.push(this.#kernel.newClaims(this.#capacity));
			this.#capacity *= 2;
		}
		return this.buffers;
	}
}

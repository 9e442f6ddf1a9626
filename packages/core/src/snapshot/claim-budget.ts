import type { Claims, Kernel } from "@varve/kernel";
import type { Batch } from "./batches.ts";

const firstCapacity = 128 * 1024;
/** A search goes through all generations, so they should be few; but what is never filled is memory lost. */
const leastGrowth = 256 * 1024;

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
	#open: ReturnType<Kernel["claims"]> | undefined;

	constructor(kernel: Kernel, minChunk: number) {
		this.#kernel = kernel;
		this.#minChunk = minChunk;
		this.buffers = [kernel.newClaims(firstCapacity)];
	}

	/** Counts a batch in; returns all the buffers that whoever works on it must know. */
	expect(batch: Batch): readonly SharedArrayBuffer[] {
		const files = batch.type === "files" ? batch.files.length : 1;
		return this.expectBytes(files, batch.bytes);
	}

	/** The same for so many files of so many bytes in all. */
	expectBytes(files: number, bytes: number): readonly SharedArrayBuffer[] {
		this.#expected += files + Math.ceil(bytes / this.#minChunk);
		while (this.#expected > this.#capacity) {
			const growth = Math.max(leastGrowth, Math.ceil(this.#capacity / 2));
			const buffer = this.#kernel.newClaims(growth);
			this.#capacity += growth;
			this.buffers.push(buffer);
			this.#open?.extend(buffer);
		}
		return this.buffers;
	}

	/** The table, for this thread. */
	open(): Claims {
		this.#open ??= this.#kernel.claims(this.buffers);
		return this.#open;
	}
}

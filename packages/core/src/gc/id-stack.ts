import { type Bytes, idBytes } from "@varve/format";

/** Ids of objects that wait, the last ones first. 32 bytes each, and room to grow. */
export class IdStack {
	#bytes = new Uint8Array(1024 * idBytes);
	#count = 0;

	get size(): number {
		return this.#count;
	}

	push(ids: Bytes, at = 0): void {
		if ((this.#count + 1) * idBytes > this.#bytes.length) {
			const larger = new Uint8Array(this.#bytes.length * 2);
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		const to = this.#count++ * idBytes;
		for (let i = 0; i < idBytes; i++)
			this.#bytes[to + i] = ids[at + i] as number;
	}

	/** The last ones, at most so many, as rows of 32 bytes; valid until the next push. */
	pop(most: number): Bytes {
		const count = Math.min(most, this.#count);
		this.#count -= count;
		const at = this.#count * idBytes;
		return this.#bytes.subarray(at, at + count * idBytes);
	}
}

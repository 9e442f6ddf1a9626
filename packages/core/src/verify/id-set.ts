import { type Bytes, idBytes } from "@varve/format";

const smallest = 64;

/** A set of ids: 43 to 86 bytes for each, twice that for a moment while it grows. */
export class IdSet {
	#slots = new Uint8Array(smallest * idBytes);
	#capacity = smallest;
	#size = 0;

	get size(): number {
		return this.#size;
	}

	/** Adds the id whose 32 bytes stand at `at`; false if it was there. An id of zeros alone cannot be held. */
	add(ids: Bytes, at = 0): boolean {
		if (this.#size * 4 >= this.#capacity * 3) this.#grow();
		const slot = this.#find(ids, at);
		if (!this.#isFree(slot)) return false;
		this.#slots.set(ids.subarray(at, at + idBytes), slot * idBytes);
		this.#size++;
		return true;
	}

	has(ids: Bytes, at = 0): boolean {
		return !this.#isFree(this.#find(ids, at));
	}

	/** The slot that holds the id, or the free one where it belongs. */
	#find(ids: Bytes, at: number): number {
		const mask = this.#capacity - 1;
		let slot = hashOf(ids, at) & mask;
		while (!this.#isFree(slot) && !this.#holds(slot, ids, at))
			slot = (slot + 1) & mask;
		return slot;
	}

	#holds(slot: number, ids: Bytes, at: number): boolean {
		const start = slot * idBytes;
		for (let i = 0; i < idBytes; i++)
			if (this.#slots[start + i] !== ids[at + i]) return false;
		return true;
	}

	/** No SHA-256 that anyone has seen begins with eight zero bytes, but all of it is looked at. */
	#isFree(slot: number): boolean {
		const start = slot * idBytes;
		for (let i = 0; i < idBytes; i++)
			if (this.#slots[start + i] !== 0) return false;
		return true;
	}

	#grow(): void {
		const old = this.#slots;
		this.#capacity *= 2;
		this.#slots = new Uint8Array(this.#capacity * idBytes);
		this.#size = 0;
		for (let at = 0; at < old.length; at += idBytes)
			if (old.subarray(at, at + idBytes).some((byte) => byte !== 0))
				this.add(old, at);
	}
}

/** Ids are evenly spread already. */
function hashOf(ids: Bytes, at: number): number {
	return (
		(ids[at] as number) |
		((ids[at + 1] as number) << 8) |
		((ids[at + 2] as number) << 16) |
		((ids[at + 3] as number) << 24)
	);
}

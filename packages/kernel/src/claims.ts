/**
 * The table of chunk ids that this run has taken, shared by all its threads: what is claimed is stored by whoever claimed it first.
 *
 * A table is a row of generations, each a buffer that never grows. In 32-bit words of this machine:
 *
 *     0               ids in the column below
 *     1               slots, a power of two
 *     2               room in the column, in ids
 *     3 … 15          unused
 *     16 …            slots, open addressing from the first word of the id on: 0 if free, else the place in the column, counted from
 *                     one, below as many bits of the id's second word as there is room for
 *     16 + slots …    column of ids, eight words each, in the order of arrival
 *
 * An id is written to the column first, and published by one compare-and-swap of a slot; whoever loses that race finds the winner
 * in the slot. Nothing waits for another thread, nothing is removed, and memory is touched only as the column fills.
 *
 * New ids go to the newest generation. A thread that does not know it yet may claim there what another one claims here: the chunk is
 * then stored twice, which costs space and nothing else.
 */

const headWords = 16;
const idWords = 8;
const countAt = 0;
const free = 0;

/** A generation with room for `capacity` ids at a fill of at most 0.6. */
export function newClaimBuffer(capacity: number): SharedArrayBuffer {
	const room = Math.max(16, Math.ceil(capacity));
	const slots = 2 ** Math.ceil(Math.log2(room / 0.6));
	const words = headWords + slots + room * idWords;
	const buffer = new SharedArrayBuffer(words * 4);
	new Int32Array(buffer).set([0, slots, room]);
	return buffer;
}

class Generation {
	readonly #head: Int32Array;
	readonly #slots: Int32Array;
	readonly #ids: Int32Array;
	readonly #room: number;
	/** Bits of a slot that name a place in the column. */
	readonly #placeMask: number;

	constructor(buffer: SharedArrayBuffer) {
		this.#head = new Int32Array(buffer, 0, headWords);
		const slots = this.#head[1] as number;
		this.#room = this.#head[2] as number;
		this.#slots = new Int32Array(buffer, headWords * 4, slots);
		this.#ids = new Int32Array(buffer, (headWords + slots) * 4);
		this.#placeMask = 2 ** (32 - Math.clz32(this.#room)) - 1;
	}

	get count(): number {
		return Math.min(Atomics.load(this.#head, countAt), this.#room);
	}

	has(id: Int32Array): boolean {
		const last = this.#slots.length - 1;
		for (let slot = (id[0] as number) & last; ; slot = (slot + 1) & last) {
			const found = Atomics.load(this.#slots, slot);
			if (found === free) return false;
			if (this.#holds(found, id)) return true;
		}
	}

	/** True if the id was not there, or cannot be noted. */
	add(id: Int32Array): boolean {
		const last = this.#slots.length - 1;
		let own = free;
		for (let slot = (id[0] as number) & last; ; slot = (slot + 1) & last) {
			let found = Atomics.load(this.#slots, slot);
			if (found === free) {
				if (own === free) own = this.#append(id);
				if (own === free) return true;
				found = Atomics.compareExchange(this.#slots, slot, free, own);
				if (found === free) return true;
			}
			if (this.#holds(found, id)) return false;
		}
	}

	/** Returns what a slot holds to name the id; `free` if there is no room. */
	#append(id: Int32Array): number {
		if (Atomics.load(this.#head, countAt) >= this.#room) return free;
		const place = Atomics.add(this.#head, countAt, 1);
		if (place >= this.#room) return free;
		this.#ids.set(id, place * idWords);
		return this.#tag(id) | (place + 1);
	}

	#tag(id: Int32Array): number {
		return (id[1] as number) & ~this.#placeMask;
	}

	#holds(found: number, id: Int32Array): boolean {
		if ((found & ~this.#placeMask) !== this.#tag(id)) return false;
		const at = ((found & this.#placeMask) - 1) * idWords;
		for (let i = 0; i < idWords; i++)
			if (this.#ids[at + i] !== id[i]) return false;
		return true;
	}
}

export class ClaimTable {
	readonly #generations: Generation[] = [];
	readonly #id = new Int32Array(idWords);
	readonly #idBytes = new Uint8Array(this.#id.buffer);

	constructor(buffers: readonly SharedArrayBuffer[]) {
		for (const buffer of buffers) this.extend(buffer);
	}

	/** Adds a newer generation. */
	extend(buffer: SharedArrayBuffer): void {
		this.#generations.push(new Generation(buffer));
	}

	/** Ids claimed so far, by all threads. */
	get count(): number {
		return this.#generations.reduce((sum, { count }) => sum + count, 0);
	}

	/**
	 * True for the first who claims the 32 bytes at `at`. When the newest generation is full, also for whoever comes later: whoever
	 * hands out work adds a generation before so many calls can come.
	 */
	claim(ids: Uint8Array, at: number): boolean {
		for (let i = 0; i < idWords * 4; i++)
			this.#idBytes[i] = ids[at + i] as number;
		const last = this.#generations.length - 1;
		for (let g = 0; g < last; g++)
			if ((this.#generations[g] as Generation).has(this.#id)) return false;
		return (this.#generations[last] as Generation).add(this.#id);
	}
}

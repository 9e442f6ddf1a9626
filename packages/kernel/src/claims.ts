/**
 * The table of chunk ids that this run has taken, shared by all its threads. Each generation is open addressing: a column of tags, one
 * 32-bit word a slot (0 free, 1 being written, else two bits set aside a part of the id), then a column of ids, eight words a slot.
 * A search touches the tags alone until one fits. Slots are taken by compare-and-swap; nothing is ever removed.
 *
 * A thread that does not know the newest generation yet may claim an id that another one claims there: the chunk is then stored
 * twice, which costs space and nothing else.
 */

const idWords = 8;
const slotBytes = 4 * (1 + idWords);
const free = 0;
const writing = 1;

const maxFill = 0.7;

/** A generation with room for `capacity` ids. */
export function newClaimBuffer(capacity: number): SharedArrayBuffer {
	return new SharedArrayBuffer(Math.ceil(capacity / maxFill + 16) * slotBytes);
}

interface Generation {
	readonly slots: number;
	readonly tags: Int32Array;
	readonly ids: Int32Array;
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
		const slots = buffer.byteLength / slotBytes;
		const tags = new Int32Array(buffer, 0, slots);
		const ids = new Int32Array(buffer, slots * 4, slots * idWords);
		this.#generations.push({ slots, tags, ids });
	}

	/** True for the first who claims the id at `at`. Throws a plain Error if the table is full: a fault of the caller's bound. */
	claim(ids: Uint8Array, at: number): boolean {
		for (let i = 0; i < idWords * 4; i++)
			this.#idBytes[i] = ids[at + i] as number;
		const last = this.#generations.length - 1;
		for (let g = 0; g < last; g++)
			if (this.#has(this.#generations[g] as Generation)) return false;
		return this.#take(this.#generations[last] as Generation);
	}

	#has(generation: Generation): boolean {
		const { slots, tags } = generation;
		const tag = this.#tag();
		for (let slot = this.#firstSlot(slots), tries = 0; tries < slots; tries++) {
			const found = settled(tags, slot);
			if (found === free) return false;
			if (found === tag && this.#matches(generation, slot)) return true;
			slot = slot + 1 === slots ? 0 : slot + 1;
		}
		return false;
	}

	#take(generation: Generation): boolean {
		const { slots, tags, ids } = generation;
		const tag = this.#tag();
		for (let slot = this.#firstSlot(slots), tries = 0; tries < slots; tries++) {
			let found = settled(tags, slot);
			if (found === free) {
				if (Atomics.compareExchange(tags, slot, free, writing) === free) {
					ids.set(this.#id, slot * idWords);
					Atomics.store(tags, slot, tag);
					return true;
				}
				found = settled(tags, slot);
			}
			if (found === tag && this.#matches(generation, slot)) return false;
			slot = slot + 1 === slots ? 0 : slot + 1;
		}
		throw new Error("the table of claims is full");
	}

	/** Ids are hashes: their first bytes are as good as any. */
	#firstSlot(slots: number): number {
		return Math.floor((((this.#id[0] as number) >>> 0) / 2 ** 32) * slots);
	}

	/** Never 0 or 1. */
	#tag(): number {
		return (this.#id[1] as number) | 2;
	}

	#matches({ ids }: Generation, slot: number): boolean {
		const base = slot * idWords;
		for (let i = 0; i < idWords; i++)
			if (ids[base + i] !== this.#id[i]) return false;
		return true;
	}
}

/** The tag of a slot, once nobody writes it: a matter of nanoseconds, unless the writer was put to sleep. */
function settled(tags: Int32Array, slot: number): number {
	let tag = Atomics.load(tags, slot);
	while (tag === writing) tag = Atomics.load(tags, slot);
	return tag;
}

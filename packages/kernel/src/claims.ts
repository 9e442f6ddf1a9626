/**
 * The table of chunk ids that this run has taken, shared by all its threads. Each generation is open addressing over slots of nine
 * 32-bit words: a state (0 free, 1 being written, 2 taken) and the id. Slots are taken by compare-and-swap; nothing is ever removed.
 *
 * A thread that does not know the newest generation yet may claim an id that another one claims there: the chunk is then stored
 * twice, which costs space and nothing else.
 */

const slotWords = 9;
const idWords = 8;
const free = 0;
const writing = 1;
const taken = 2;

/** A generation with room for `capacity` ids at a fill of at most 0.6. */
export function newClaimBuffer(capacity: number): SharedArrayBuffer {
	const slots = 2 ** Math.ceil(Math.log2(Math.max(16, capacity / 0.6)));
	return new SharedArrayBuffer(slots * slotWords * 4);
}

export class ClaimTable {
	readonly #generations: Int32Array[] = [];
	readonly #id = new Int32Array(idWords);
	readonly #idBytes = new Uint8Array(this.#id.buffer);

	constructor(buffers: readonly SharedArrayBuffer[]) {
		for (const buffer of buffers) this.extend(buffer);
	}

	/** Adds a newer generation. */
	extend(buffer: SharedArrayBuffer): void {
		this.#generations.push(new Int32Array(buffer));
	}

	/** True for the first who claims the id at `at`. Throws a plain Error if the table is full: a fault of the caller's bound. */
	claim(ids: Uint8Array, at: number): boolean {
		this.#idBytes.set(ids.subarray(at, at + idWords * 4));
		const last = this.#generations.length - 1;
		for (let g = 0; g < last; g++)
			if (this.#find(this.#generations[g] as Int32Array)) return false;
		return this.#take(this.#generations[last] as Int32Array);
	}

	#find(table: Int32Array): boolean {
		const slots = table.length / slotWords;
		for (
			let slot = this.#firstSlot(slots), tries = 0;
			tries < slots;
			slot = (slot + 1) & (slots - 1), tries++
		) {
			const base = slot * slotWords;
			const state = settled(table, base);
			if (state === free) return false;
			if (this.#matches(table, base)) return true;
		}
		return false;
	}

	#take(table: Int32Array): boolean {
		const slots = table.length / slotWords;
		for (
			let slot = this.#firstSlot(slots), tries = 0;
			tries < slots;
			slot = (slot + 1) & (slots - 1), tries++
		) {
			const base = slot * slotWords;
			if (Atomics.compareExchange(table, base, free, writing) === free) {
				table.set(this.#id, base + 1);
				Atomics.store(table, base, taken);
				return true;
			}
			settled(table, base);
			if (this.#matches(table, base)) return false;
		}
		throw new Error("the table of claims is full");
	}

	/** Ids are hashes: their first bytes are as good as any. */
	#firstSlot(slots: number): number {
		return (this.#id[0] as number) & (slots - 1);
	}

	#matches(table: Int32Array, base: number): boolean {
		for (let i = 0; i < idWords; i++)
			if (table[base + 1 + i] !== this.#id[i]) return false;
		return true;
	}
}

/** The state of a slot, once nobody writes it: a matter of nanoseconds, unless the writer was put to sleep. */
function settled(table: Int32Array, base: number): number {
	let state = Atomics.load(table, base);
	while (state === writing) state = Atomics.load(table, base);
	return state;
}

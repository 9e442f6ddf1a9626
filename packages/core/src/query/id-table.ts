import type { Bytes } from "@varve/format";

/**
 * Numbers kept by id, in columns: 8 bytes of the id, and one number for each column. Two ids that begin alike would be taken for one:
 * among a hundred million the odds are one in 3,000, so this is for statistics only.
 */
export class IdTable {
	/** Two words for each slot; both 0 where it is free. */
	#keys: Uint32Array;
	#columns: Uint32Array[];
	#mask: number;
	#count = 0;

	constructor(columns: number) {
		const slots = 1024;
		this.#keys = new Uint32Array(slots * 2);
		this.#columns = Array.from(
			{ length: columns },
			() => new Uint32Array(slots),
		);
		this.#mask = slots - 1;
	}

	get size(): number {
		return this.#count;
	}

	/** The slot of the id that stands at `at`, made with all numbers 0 if there was none. Valid until the next one is made. */
	slot(ids: Bytes, at: number): number {
		const low = wordAt(ids, at);
		// No key is all zeros: that means free.
		const high = wordAt(ids, at + 4) || 1;
		let slot = low & this.#mask;
		for (;;) {
			const a = this.#keys[slot * 2];
			const b = this.#keys[slot * 2 + 1];
			if (a === low && b === high) return slot;
			if (a === 0 && b === 0) break;
			slot = (slot + 1) & this.#mask;
		}
		if ((this.#count + 1) * 4 > (this.#mask + 1) * 3) {
			this.#grow();
			return this.slot(ids, at);
		}
		this.#count++;
		this.#keys[slot * 2] = low;
		this.#keys[slot * 2 + 1] = high;
		return slot;
	}

	get(column: number, slot: number): number {
		return (this.#columns[column] as Uint32Array)[slot] as number;
	}

	set(column: number, slot: number, value: number): void {
		(this.#columns[column] as Uint32Array)[slot] = value;
	}

	/** Every slot that is taken. */
	*slots(): Generator<number> {
		for (let slot = 0; slot <= this.#mask; slot++)
			if (this.#keys[slot * 2] !== 0 || this.#keys[slot * 2 + 1] !== 0)
				yield slot;
	}

	#grow(): void {
		const keys = this.#keys;
		const columns = this.#columns;
		const slots = (this.#mask + 1) * 2;
		this.#keys = new Uint32Array(slots * 2);
		this.#columns = columns.map(() => new Uint32Array(slots));
		this.#mask = slots - 1;
		for (let from = 0; from * 2 < keys.length; from++) {
			const low = keys[from * 2] as number;
			const high = keys[from * 2 + 1] as number;
			if (low === 0 && high === 0) continue;
			const to = this.#free(low);
			this.#keys[to * 2] = low;
			this.#keys[to * 2 + 1] = high;
			for (const [c, column] of this.#columns.entries())
				column[to] = (columns[c] as Uint32Array)[from] as number;
		}
	}

	#free(low: number): number {
		let slot = low & this.#mask;
		while (this.#keys[slot * 2] !== 0 || this.#keys[slot * 2 + 1] !== 0)
			slot = (slot + 1) & this.#mask;
		return slot;
	}
}

function wordAt(bytes: Bytes, at: number): number {
	return (
		((bytes[at] as number) |
			((bytes[at + 1] as number) << 8) |
			((bytes[at + 2] as number) << 16) |
			((bytes[at + 3] as number) << 24)) >>>
		0
	);
}

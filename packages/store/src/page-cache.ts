import type { Bytes } from "@varve/format";

/**
 * Tables of fixed-width rows that lie in files, read page by page into one bounded piece of memory. No row crosses a page: a page
 * begins at a whole number of rows from the start of its table.
 */

export const pageBytes = 4096;
const defaultPages = 2048;

/** Fills `target` from byte `at` of a file. */
export type ReadInto = (at: number, target: Bytes) => void;

/** Slots there are room for at first: few tables are large. */
const firstSlots = 16;

/** The pages of all tables of one thread: 8 MiB at most unless told otherwise. */
export class PageCache {
	readonly #slots: number;
	#bytes: Bytes;
	readonly #owners: (PagedTable | undefined)[];
	readonly #pages: Uint32Array;
	/** 1 since the clock's hand last passed. */
	readonly #used: Uint8Array;
	#hand = 0;
	/** Slots from here on have never held a page. */
	#fresh = 0;

	constructor(slots = defaultPages) {
		this.#slots = slots;
		this.#bytes = new Uint8Array(Math.min(slots, firstSlots) * pageBytes);
		this.#owners = new Array(slots);
		this.#pages = new Uint32Array(slots);
		this.#used = new Uint8Array(slots);
	}

	/** Where rows are found, at the offset that PagedTable.row returned last: other bytes after the next call of that. */
	get bytes(): Bytes {
		return this.#bytes;
	}

	touch(slot: number): void {
		this.#used[slot] = 1;
	}

	/** A slot for a page of a table; whose page was in it, loses it. */
	claim(table: PagedTable, page: number): number {
		const slot = this.#fresh < this.#slots ? this.#take() : this.#takeAway();
		this.#owners[slot] = table;
		this.#pages[slot] = page;
		this.#used[slot] = 1;
		return slot;
	}

	#take(): number {
		const slot = this.#fresh++;
		const needed = this.#fresh * pageBytes;
		if (needed > this.#bytes.length) {
			const room = Math.min(2 * this.#bytes.length, this.#slots * pageBytes);
			const larger = new Uint8Array(room);
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		return slot;
	}

	/** The one that was not used for longest, as far as the hand of a clock tells. */
	#takeAway(): number {
		while (this.#used[this.#hand] === 1) {
			this.#used[this.#hand] = 0;
			this.#hand = (this.#hand + 1) % this.#slots;
		}
		const slot = this.#hand;
		this.#hand = (slot + 1) % this.#slots;
		this.#owners[slot]?.forget(this.#pages[slot] as number);
		return slot;
	}
}

export interface TableShape {
	/** Of the first row, in the file. */
	readonly at: number;
	readonly rowBytes: number;
	readonly rows: number;
}

export class PagedTable {
	readonly #cache: PageCache;
	readonly #read: ReadInto;
	readonly #shape: TableShape;
	readonly #rowsPerPage: number;
	/** Slot of each page, or -1. */
	readonly #slots: Int32Array;

	constructor(cache: PageCache, read: ReadInto, shape: TableShape) {
		this.#cache = cache;
		this.#read = read;
		this.#shape = shape;
		this.#rowsPerPage = Math.floor(pageBytes / shape.rowBytes);
		const pages = Math.ceil(shape.rows / this.#rowsPerPage);
		this.#slots = new Int32Array(pages).fill(-1);
	}

	/** Where the row lies in the bytes of the cache, until the next call on any table. */
	row(index: number): number {
		const page = Math.floor(index / this.#rowsPerPage);
		let slot = this.#slots[page] as number;
		if (slot < 0) slot = this.#load(page);
		else this.#cache.touch(slot);
		const first = page * this.#rowsPerPage;
		return slot * pageBytes + (index - first) * this.#shape.rowBytes;
	}

	#load(page: number): number {
		const { at, rowBytes, rows } = this.#shape;
		const first = page * this.#rowsPerPage;
		const count = Math.min(this.#rowsPerPage, rows - first);
		const slot = this.#cache.claim(this, page);
		const start = slot * pageBytes;
		const end = start + count * rowBytes;
		this.#read(at + first * rowBytes, this.#cache.bytes.subarray(start, end));
		this.#slots[page] = slot;
		return slot;
	}

	forget(page: number): void {
		this.#slots[page] = -1;
	}
}

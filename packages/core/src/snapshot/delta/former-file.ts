import { type Bytes, equalBytes, idBytes } from "@varve/format";
import { lowerBound } from "../../lower-bound.ts";
import type { FormerColumns } from "./former.ts";

/**
 * What a file held in the parent snapshot, followed while the file is cut anew: each chunk that both versions have tells how far the
 * content behind it has moved.
 */
export class FormerFile {
	readonly #columns: FormerColumns;
	readonly #from: number;
	readonly #to: number;
	/** Where the cutting begins in the file. */
	readonly start: number;
	/** Bytes from a place in the file as it is to the same content in the former one. */
	#shift = 0;
	/** The row behind the one met last: usually the one that is met next. */
	#next: number;
	#rowOf: Map<number, number> | undefined;

	constructor(columns: FormerColumns, file: number, start: number) {
		this.#columns = columns;
		this.#from = columns.first[file] as number;
		this.#to = columns.first[file + 1] as number;
		this.#next = this.#from;
		this.start = start;
	}

	/** Of this file among those of `columns`; undefined if it held no chunk. */
	static of(
		columns: FormerColumns | undefined,
		file: number,
		start: number,
	): FormerFile | undefined {
		if (columns === undefined) return undefined;
		const { first } = columns;
		return first[file] === first[file + 1]
			? undefined
			: new FormerFile(columns, file, start);
	}

	/** The file is cut from its start once more. */
	restart(): void {
		this.#shift = 0;
		this.#next = this.#from;
	}

	/** The row behind its last one. */
	get rows(): number {
		return this.#to;
	}

	get ids(): Bytes {
		return this.#columns.ids;
	}

	/** A chunk of the file as it is that begins at `at`: if it was there before, what follows has moved as it has. */
	meet(id: Bytes, at: number): void {
		const row = this.#find(id);
		if (row === undefined) return;
		this.#shift = (this.#columns.starts[row] as number) - at;
		this.#next = row + 1;
	}

	/** Rows that may hold what stands at `at` now; all of them if the file was not longer than `wholeBytes`. */
	near(at: number, length: number, wholeBytes: number): Rows {
		const { starts, lengths } = this.#columns;
		const [from, to] = [this.#from, this.#to];
		const endOf = (row: number) =>
			(starts[row] as number) + (lengths[row] as number);
		if (endOf(to - 1) - (starts[from] as number) <= wholeBytes)
			return { from, to };
		const own = starts.subarray(from, to);
		const begin = at + this.#shift;
		const until = lowerBound(own, (s) => s - (begin + length));
		const after = lowerBound(own, (s) => (s <= begin ? -1 : 1));
		const first =
			after > 0 && endOf(from + after - 1) > begin ? after - 1 : after;
		return { from: from + Math.min(first, until), to: from + until };
	}

	#find(id: Bytes): number | undefined {
		if (this.#next < this.#to && this.#isAt(this.#next, id)) return this.#next;
		this.#rowOf ??= this.#index();
		const row = this.#rowOf.get(keyOf(id, 0));
		return row !== undefined && this.#isAt(row, id) ? row : undefined;
	}

	#isAt(row: number, id: Bytes): boolean {
		const at = row * idBytes;
		return equalBytes(this.#columns.ids.subarray(at, at + idBytes), id);
	}

	#index(): Map<number, number> {
		const rows = new Map<number, number>();
		for (let row = this.#to - 1; row >= this.#from; row--)
			rows.set(keyOf(this.#columns.ids, row * idBytes), row);
		return rows;
	}
}

/** Rows of FormerColumns, `to` excluded. */
export interface Rows {
	readonly from: number;
	readonly to: number;
}

/** The first six bytes of an id. */
function keyOf(ids: Bytes, at: number): number {
	let key = 0;
	for (let i = 0; i < 6; i++) key = key * 256 + (ids[at + i] as number);
	return key;
}

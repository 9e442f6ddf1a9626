import { type Bytes, idBytes } from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import { compareIdsAt } from "./id-order.ts";
import {
	frameNumberAt,
	lengthAt,
	placeRowBytes,
	type SegmentSearch,
} from "./segment-search.ts";

const blockRows = 8192;

export interface Join {
	/** 32 bytes each, ascending. */
	readonly ids: Bytes;
	/** False for ids that need no place any more. */
	needs(index: number): boolean;
	/** Called for each chunk of the segment whose id is asked for and needed. */
	found(index: number, place: ChunkPlace): void;
}

/** Finds many chunks of a segment by reading it once, front to back, beside the ids asked for. */
export function joinSegment(search: SegmentSearch, join: Join): void {
	joinRows(search, join.ids, (index, block, row) => {
		if (join.needs(index)) join.found(index, block.place(row));
	});
}

/** Called with the index of an id, and with a row that has it: `row` of the block, `block.first + row` of the segment. */
export type VisitRow = (
	index: number,
	block: SegmentBlock,
	row: number,
) => void;

/** The same for every row with one of the ids, 32 bytes each, ascending. */
export function joinRows(
	search: SegmentSearch,
	ids: Bytes,
	visit: VisitRow,
): void {
	const block = new SegmentBlock(search, blockRows);
	let asked = 0;
	for (let first = 0; first < search.chunks; first += block.capacity) {
		block.load(first);
		for (let row = 0; row < block.rows && asked < ids.length; row++) {
			asked = skipBelow(ids, asked, block.ids, row * idBytes);
			for (
				let at = asked;
				at < ids.length &&
				compareIdsAt(ids, at, block.ids, row * idBytes) === 0;
				at += idBytes
			)
				visit(at / idBytes, block, row);
		}
		if (asked === ids.length) return;
	}
}

/** Where the first id stands that is not below the one at `bound`. */
function skipBelow(
	ids: Bytes,
	from: number,
	bounds: Bytes,
	bound: number,
): number {
	let at = from;
	while (at < ids.length && compareIdsAt(ids, at, bounds, bound) < 0)
		at += idBytes;
	return at;
}

/** Some thousand rows of both tables of a segment. */
export class SegmentBlock {
	/** Rows at most. */
	readonly capacity: number;
	readonly ids: Bytes;
	rows = 0;
	/** Number of the first row in the segment. */
	first = 0;
	readonly #search: SegmentSearch;
	readonly #places: Bytes;
	#hasPlaces = false;

	constructor(search: SegmentSearch, capacity: number) {
		this.capacity = Math.max(1, Math.min(capacity, search.chunks));
		this.#search = search;
		this.ids = new Uint8Array(this.capacity * idBytes);
		this.#places = new Uint8Array(this.capacity * placeRowBytes);
	}

	load(first: number): void {
		const { file, reader, chunks } = this.#search;
		this.rows = Math.min(this.capacity, chunks - first);
		this.first = first;
		this.#hasPlaces = false;
		file.readInto(
			reader.layout.idsAt + first * idBytes,
			this.ids.subarray(0, this.rows * idBytes),
		);
	}

	place(row: number): ChunkPlace {
		if (!this.#hasPlaces) this.#loadPlaces();
		return this.#search.placeOfRow(this.#places, row * placeRowBytes);
	}

	/** Which frame of the segment holds the chunk of a row. */
	frameNumber(row: number): number {
		if (!this.#hasPlaces) this.#loadPlaces();
		return frameNumberAt(this.#places, row * placeRowBytes);
	}

	/** Of the chunk of a row, in bytes. */
	length(row: number): number {
		if (!this.#hasPlaces) this.#loadPlaces();
		return lengthAt(this.#places, row * placeRowBytes);
	}

	#loadPlaces(): void {
		const { file, reader } = this.#search;
		file.readInto(
			reader.layout.placesAt + this.first * placeRowBytes,
			this.#places.subarray(0, this.rows * placeRowBytes),
		);
		this.#hasPlaces = true;
	}
}

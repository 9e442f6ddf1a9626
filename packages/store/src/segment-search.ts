import { type Bytes, idBytes, SegmentReader } from "@varve/format";
import { ChunkPlace, FramePlace } from "./chunk-place.ts";
import { compareIdsAt, positionBits } from "./id-order.ts";
import { type PageCache, PagedTable } from "./page-cache.ts";
import type { SegmentFile } from "./segment-file.ts";

export const placeRowBytes = 10;
/** Frames remembered as objects; then all are forgotten, so that memory stays bounded. */
const framesKept = 65_536;

/** Searches one segment where it lies, with a page or two of it in memory. */
export class SegmentSearch {
	readonly file: SegmentFile;
	readonly reader: SegmentReader;
	readonly #cache: PageCache;
	readonly #ids: PagedTable;
	readonly #places: PagedTable;
	readonly #fanOut: Uint32Array;
	readonly #frames = new Map<number, FramePlace>();

	/** CorruptError or UnsupportedError if it is no segment this program knows. */
	constructor(file: SegmentFile, cache: PageCache) {
		this.file = file;
		this.#cache = cache;
		const read = (at: number, length: number) => {
			const bytes = new Uint8Array(length);
			file.readInto(at, bytes);
			return bytes;
		};
		this.reader = new SegmentReader(read, file.size);
		const { fanOutAt, idsAt, placesAt, chunks } = this.reader.layout;
		const fan = new DataView(read(fanOutAt, 1024).buffer);
		this.#fanOut = Uint32Array.from({ length: 256 }, (_, i) =>
			fan.getUint32(i * 4, true),
		);
		const fill = (at: number, target: Bytes) => file.readInto(at, target);
		this.#ids = new PagedTable(cache, fill, {
			at: idsAt,
			rowBytes: idBytes,
			rows: chunks,
		});
		this.#places = new PagedTable(cache, fill, {
			at: placesAt,
			rowBytes: placeRowBytes,
			rows: chunks,
		});
	}

	/** Of the file, in bytes. */
	get size(): number {
		return this.file.size;
	}

	get chunks(): number {
		return this.reader.layout.chunks;
	}

	/** Index of the first chunk with the id at `at`, or -1. */
	find(ids: Bytes, at: number): number {
		const first = ids[at] as number;
		let low = first === 0 ? 0 : (this.#fanOut[first - 1] as number);
		let high = this.#fanOut[first] as number;
		if (low === high) return -1;
		// Ids are evenly spread: look where this one should stand, then in steps that double.
		const count = high - low;
		const guess =
			low + Math.floor((count * positionBits(ids, at)) / 0x100_0000);
		let step = Math.ceil(Math.sqrt(count) / 2);
		if (this.#compare(guess, ids, at) < 0) {
			low = guess + 1;
			for (let i = guess + step; i < high; i += step) {
				if (this.#compare(i, ids, at) >= 0) {
					high = i;
					break;
				}
				low = i + 1;
				step *= 2;
			}
		} else {
			high = guess;
			for (let i = guess - step; i >= low; i -= step) {
				if (this.#compare(i, ids, at) < 0) {
					low = i + 1;
					break;
				}
				high = i;
				step *= 2;
			}
		}
		return this.#lowerBound(low, high, ids, at);
	}

	/** Of the chunks from `low` to `high` the first that is not below the id, if it is the id. */
	#lowerBound(from: number, to: number, ids: Bytes, at: number): number {
		let low = from;
		let high = to;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#compare(middle, ids, at) < 0) low = middle + 1;
			else high = middle;
		}
		return this.isAt(low, ids, at) ? low : -1;
	}

	/** True if the chunk with this index has the id at `at`: chunks with one id follow each other. */
	isAt(chunk: number, ids: Bytes, at: number): boolean {
		return chunk < this.chunks && this.#compare(chunk, ids, at) === 0;
	}

	#compare(chunk: number, ids: Bytes, at: number): number {
		const row = this.#ids.row(chunk);
		return compareIdsAt(this.#cache.bytes, row, ids, at);
	}

	place(chunk: number): ChunkPlace {
		const row = this.#places.row(chunk);
		return this.placeOfRow(this.#cache.bytes, row);
	}

	/** Of the row of the table of places that stands at `at`. */
	placeOfRow(bytes: Bytes, at: number): ChunkPlace {
		const number = frameNumberAt(bytes, at);
		const length = u32(bytes, at + 4);
		const ordinal =
			(bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8);
		return new ChunkPlace(this.#frame(number), ordinal, length);
	}

	/** Which frame holds the chunk with this index. */
	frameNumber(chunk: number): number {
		const row = this.#places.row(chunk);
		return frameNumberAt(this.#cache.bytes, row);
	}

	#frame(number: number): FramePlace {
		let frame = this.#frames.get(number);
		if (frame === undefined) {
			if (this.#frames.size >= framesKept) this.#frames.clear();
			frame = new FramePlace(this.reader.frame(number));
			this.#frames.set(number, frame);
		}
		return frame;
	}
}

/** Of the row of the table of places that stands at `at`. */
export function frameNumberAt(bytes: Bytes, at: number): number {
	return u32(bytes, at);
}

/** The same: length of the chunk. */
export function lengthAt(bytes: Bytes, at: number): number {
	return u32(bytes, at + 4);
}

function u32(bytes: Bytes, at: number): number {
	return (
		((bytes[at] as number) |
			((bytes[at + 1] as number) << 8) |
			((bytes[at + 2] as number) << 16) |
			((bytes[at + 3] as number) << 24)) >>>
		0
	);
}

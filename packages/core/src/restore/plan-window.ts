import { type Bytes, idBytes, type Place } from "@varve/format";
import { type BasePlaces, placesOfBases } from "../base-places.ts";
import { sortIds } from "../sort-ids.ts";
import type { FileWindow } from "./file-window.ts";
import { partColumns } from "./part-columns.ts";
import type { FrameColumns, PartColumns } from "./tasks.ts";

/** What one worker does in one go: few frames, and all files that begin in them. */
export interface Batch {
	readonly frames: FrameColumns;
	readonly bases: BasePlaces | undefined;
	readonly parts: PartColumns;
}

export interface WindowPlan {
	readonly batches: readonly Batch[];
	/** Parts, by their number in the window, with a chunk that is in no pack. */
	readonly missing: readonly { readonly part: number; readonly chunk: Bytes }[];
}

/** When a batch is full. A frame is split between batches only at four times as much. */
export interface BatchLimits {
	/** Decoded bytes of the frames it needs. */
	readonly rawBytes: number;
	/** Content bytes and number of its parts. */
	readonly contentBytes: number;
	readonly parts: number;
}

export const defaultBatchLimits: BatchLimits = {
	rawBytes: 16 * 1024 * 1024,
	contentBytes: 16 * 1024 * 1024,
	parts: 2048,
};

type FindPlaces = (ids: Bytes) => readonly (Place | undefined)[];

/**
 * Orders the parts of a window by the places of their first chunks, so that each frame is read and decoded once, by one worker,
 * and cuts them into batches. `findPlaces` is given ids in ascending order: once those of all chunks, then those of the bases of
 * each batch that has some.
 */
export function planWindow(
	window: FileWindow,
	findPlaces: FindPlaces,
	limits = defaultBatchLimits,
): WindowPlan {
	const placed = placeChunks(window, findPlaces);
	const missing: { part: number; chunk: Bytes }[] = [];
	const batches: Batch[] = [];
	const builder = new BatchBuilder(window, placed, findPlaces);
	for (const part of orderOfParts(window, placed, missing)) {
		if (builder.isFullFor(part, limits)) batches.push(builder.finish());
		builder.add(part);
	}
	if (!builder.isEmpty) batches.push(builder.finish());
	return { batches, missing };
}

/** The chunks of a window, with frames numbered in the order of packs and offsets. */
interface PlacedChunks {
	/** One place for each frame. */
	readonly frames: readonly Place[];
	/** Number of the frame of each chunk, or -1 if it is in no pack, and its ordinal in it. */
	readonly frame: Int32Array;
	readonly ordinal: Uint32Array;
}

function placeChunks(window: FileWindow, findPlaces: FindPlaces): PlacedChunks {
	const count = window.chunks;
	const { ids, rankOf } = sortIds(window.ids, count);
	const places = ids.length === 0 ? [] : findPlaces(ids);
	const { frames, frameOfPlace } = numberFrames(places);
	const frame = new Int32Array(count);
	const ordinal = new Uint32Array(count);
	for (let chunk = 0; chunk < count; chunk++) {
		const rank = rankOf[chunk] as number;
		frame[chunk] = frameOfPlace[rank] as number;
		ordinal[chunk] = places[rank]?.ordinal ?? 0;
	}
	return { frames, frame, ordinal };
}

/** Numbers the frames of places in the order of packs, as they first occur, and of offsets. -1 stands for no place. */
function numberFrames(places: readonly (Place | undefined)[]) {
	const packs = new Map<string, number>();
	const found = new Map<number, Place>();
	const keys = new Float64Array(places.length).fill(-1);
	for (let i = 0; i < places.length; i++) {
		const place = places[i];
		if (place === undefined) continue;
		let pack = packs.get(place.pack);
		if (pack === undefined) {
			pack = packs.size;
			packs.set(place.pack, pack);
		}
		const key = pack * 2 ** 32 + place.offset;
		keys[i] = key;
		if (!found.has(key)) found.set(key, place);
	}
	const sorted = Float64Array.from(found.keys()).sort();
	const numbers = new Map<number, number>();
	sorted.forEach((key, number) => {
		numbers.set(key, number);
	});
	const frameOfPlace = new Int32Array(keys.length);
	for (let i = 0; i < keys.length; i++)
		frameOfPlace[i] = numbers.get(keys[i] as number) ?? -1;
	const frames = Array.from(sorted, (key) => found.get(key) as Place);
	return { frames, frameOfPlace };
}

/** Numbers of the parts by the frames of their first chunks; those with a missing chunk are told apart. */
function orderOfParts(
	window: FileWindow,
	{ frame }: PlacedChunks,
	missing: { part: number; chunk: Bytes }[],
): Uint32Array {
	const scale = 2 ** 24;
	const keys = new Float64Array(window.parts);
	let count = 0;
	for (let part = 0; part < window.parts; part++) {
		const first = window.firstChunk[part] as number;
		const end = window.firstChunk[part + 1] as number;
		let chunk = first;
		while (chunk < end && (frame[chunk] as number) >= 0) chunk++;
		if (chunk < end) {
			const at = chunk * idBytes;
			missing.push({ part, chunk: window.ids.slice(at, at + idBytes) });
			continue;
		}
		const firstFrame = first === end ? 0 : (frame[first] as number) + 1;
		keys[count++] = firstFrame * scale + part;
	}
	const sorted = keys.subarray(0, count).sort();
	const order = new Uint32Array(count);
	for (let i = 0; i < count; i++) order[i] = (sorted[i] as number) % scale;
	return order;
}

class BatchBuilder {
	readonly #window: FileWindow;
	readonly #placed: PlacedChunks;
	readonly #findPlaces: FindPlaces;
	#parts: number[] = [];
	#frames: number[] = [];
	/** -1 for frames that are not in this batch. */
	readonly #numberInBatch: Int32Array;
	#rawBytes = 0;
	#contentBytes = 0;
	#lastFrame = -1;

	constructor(
		window: FileWindow,
		placed: PlacedChunks,
		findPlaces: FindPlaces,
	) {
		this.#window = window;
		this.#findPlaces = findPlaces;
		this.#placed = placed;
		this.#numberInBatch = new Int32Array(placed.frames.length).fill(-1);
	}

	get isEmpty(): boolean {
		return this.#parts.length === 0;
	}

	isFullFor(part: number, limits: BatchLimits): boolean {
		const isFull = (scale: number) =>
			this.#contentBytes >= limits.contentBytes * scale ||
			this.#parts.length >= limits.parts * scale;
		const first = this.#window.firstChunk[part] as number;
		const staysInFrame =
			first < (this.#window.firstChunk[part + 1] as number) &&
			this.#placed.frame[first] === this.#lastFrame;
		return staysInFrame
			? isFull(4)
			: isFull(1) || this.#rawBytes >= limits.rawBytes;
	}

	add(part: number): void {
		const { firstChunk, firstItem, length } = this.#window;
		const { frame, frames } = this.#placed;
		const first = firstChunk[part] as number;
		const end = firstChunk[part + 1] as number;
		for (let chunk = first; chunk < end; chunk++) {
			const number = frame[chunk] as number;
			if (this.#numberInBatch[number] !== -1) continue;
			this.#numberInBatch[number] = 0;
			this.#frames.push(number);
			this.#rawBytes += (frames[number] as Place).rawLength;
		}
		this.#lastFrame = first < end ? (frame[first] as number) : -1;
		const endItem = firstItem[part + 1] as number;
		for (let item = firstItem[part] as number; item < endItem; item++)
			this.#contentBytes += Math.abs(length[item] as number);
		this.#parts.push(part);
	}

	/** The batch; then the builder is empty again. */
	finish(): Batch {
		const numbers = Uint32Array.from(this.#frames).sort();
		numbers.forEach((number, i) => {
			this.#numberInBatch[number] = i;
		});
		const { frame, ordinal, frames } = this.#placed;
		const places = Array.from(numbers, (number) => frames[number] as Place);
		const batch = {
			frames: frameColumns(places),
			bases: placesOfBases(places, this.#findPlaces),
			parts: partColumns(this.#window, Uint32Array.from(this.#parts), {
				frame,
				ordinal,
				numberInBatch: this.#numberInBatch,
			}),
		};
		for (const number of numbers) this.#numberInBatch[number] = -1;
		this.#parts = [];
		this.#frames = [];
		this.#rawBytes = 0;
		this.#contentBytes = 0;
		this.#lastFrame = -1;
		return batch;
	}
}

function frameColumns(places: readonly Place[]): FrameColumns {
	const packs = [...new Set(places.map((place) => place.pack))];
	const numbers = new Map<string, number>(packs.map((pack, i) => [pack, i]));
	return {
		packs,
		pack: Uint32Array.from(places, (p) => numbers.get(p.pack) as number),
		offset: Uint32Array.from(places, (p) => p.offset),
		storedLength: Uint32Array.from(places, (p) => p.storedLength),
		rawLength: Uint32Array.from(places, (p) => p.rawLength),
	};
}

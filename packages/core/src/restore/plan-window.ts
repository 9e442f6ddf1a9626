import {
	type Bytes,
	type Content,
	ItemKind,
	idBytes,
	type Node,
	type Place,
} from "@varve/format";
import { sortIds } from "./sort-ids.ts";
import { type FrameColumns, type PartColumns, PartFlag } from "./tasks.ts";

/** A file to be restored, or a part of a large one. */
export interface Part {
	/** Path below the target, beginning with "/". */
	readonly suffix: string;
	readonly node: Node;
	/** Chunks and zeros; lists are resolved. */
	readonly content: Content;
	/** Of a part of a large file: its open descriptor and where the part begins. */
	readonly descriptor: number;
	readonly position: number;
	/** The file ends where the part does. */
	readonly isLast: boolean;
}

/** What one worker does in one go: few frames, and all files that begin in them. */
export interface Batch {
	readonly parts: readonly Part[];
	readonly frames: FrameColumns;
	readonly columns: PartColumns;
}

export interface WindowPlan {
	readonly batches: readonly Batch[];
	/** Parts with a chunk that is in no pack. */
	readonly missing: readonly { readonly part: Part; readonly chunk: Bytes }[];
}

export interface BatchLimits {
	/** Decoded bytes of the frames of a batch. */
	readonly rawBytes: number;
	/** Content bytes and number of the files of a batch. A frame is split between batches only at four times as many. */
	readonly contentBytes: number;
	readonly parts: number;
}

export const defaultBatchLimits: BatchLimits = {
	rawBytes: 8 * 1024 * 1024,
	contentBytes: 8 * 1024 * 1024,
	parts: 512,
};

type FindPlaces = (ids: Bytes) => readonly (Place | undefined)[];

/**
 * Orders the parts of a window by the places of their first chunks, so that each frame is read and decoded once, by one worker,
 * and cuts them into batches. `findPlaces` is asked once, with ids in ascending order.
 */
export function planWindow(
	parts: readonly Part[],
	findPlaces: FindPlaces,
	limits = defaultBatchLimits,
): WindowPlan {
	const placed = new PlacedWindow(parts, findPlaces);
	const batches: Batch[] = [];
	let batch = new BatchBuilder(placed, limits);
	for (const part of placed.order()) {
		if (batch.isFullFor(part)) {
			batches.push(batch.finish());
			batch = new BatchBuilder(placed, limits);
		}
		batch.add(part);
	}
	if (!batch.isEmpty) batches.push(batch.finish());
	return { batches, missing: placed.missing };
}

/** The parts of a window with the frames they need, frames numbered in the order of packs and offsets. */
class PlacedWindow {
	readonly parts: readonly Part[];
	readonly missing: { part: Part; chunk: Bytes }[] = [];
	/** One place for each frame. */
	readonly frames: Place[];
	/** Items that are chunks: those of part i begin at `firstChunk[i]`. */
	readonly firstChunk: Uint32Array;
	/** Frame and ordinal of each chunk. */
	readonly frameOf: Int32Array;
	readonly ordinalOf: Uint32Array;

	constructor(parts: readonly Part[], findPlaces: FindPlaces) {
		this.parts = parts;
		this.firstChunk = firstChunks(parts);
		const count = this.firstChunk[parts.length] as number;
		const { ids, rankOf } = sortIds(gatherIds(parts, count), count);
		const places = ids.length === 0 ? [] : findPlaces(ids);
		const { frames, frameOfPlace } = numberFrames(places);
		this.frames = frames;
		this.frameOf = Int32Array.from(
			rankOf,
			(rank) => frameOfPlace[rank] as number,
		);
		this.ordinalOf = Uint32Array.from(
			rankOf,
			(rank) => places[rank]?.ordinal ?? 0,
		);
	}

	/** Indices of the parts, by the frames of their first chunks; those with a missing chunk are left out. */
	order(): Uint32Array {
		const keys: number[] = [];
		for (let i = 0; i < this.parts.length; i++) {
			const missing = this.#missingChunk(i);
			const part = this.parts[i] as Part;
			if (missing !== undefined) this.missing.push({ part, chunk: missing });
			else keys.push((this.#firstFrame(i) + 1) * 2 ** 24 + i);
		}
		return Uint32Array.from(
			Float64Array.from(keys).sort(),
			(key) => key % 2 ** 24,
		);
	}

	#firstFrame(part: number): number {
		const chunk = this.firstChunk[part] as number;
		return chunk === this.firstChunk[part + 1]
			? -1
			: (this.frameOf[chunk] as number);
	}

	#missingChunk(part: number): Bytes | undefined {
		const first = this.firstChunk[part] as number;
		const end = this.firstChunk[part + 1] as number;
		for (let chunk = first; chunk < end; chunk++)
			if ((this.frameOf[chunk] as number) < 0) {
				const at = (chunk - first) * idBytes;
				return this.parts[part]?.content.ids.subarray(at, at + idBytes);
			}
		return undefined;
	}
}

function firstChunks(parts: readonly Part[]): Uint32Array {
	const first = new Uint32Array(parts.length + 1);
	let at = 0;
	parts.forEach((part, i) => {
		first[i] = at;
		at += part.content.ids.length / idBytes;
	});
	first[parts.length] = at;
	return first;
}

function gatherIds(parts: readonly Part[], count: number): Bytes {
	const ids = new Uint8Array(count * idBytes);
	let at = 0;
	for (const { content } of parts) {
		ids.set(content.ids, at);
		at += content.ids.length;
	}
	return ids;
}

/** Numbers the frames of places in the order of packs, as they first occur, and of offsets. -1 stands for no place. */
function numberFrames(places: readonly (Place | undefined)[]) {
	const packs = new Map<string, number>();
	const found = new Map<number, Place>();
	const keys = new Float64Array(places.length);
	places.forEach((place, i) => {
		keys[i] = -1;
		if (place === undefined) return;
		const pack = packs.get(place.pack) ?? packs.size;
		packs.set(place.pack, pack);
		const key = pack * 2 ** 32 + place.offset;
		keys[i] = key;
		if (!found.has(key)) found.set(key, place);
	});
	const sorted = [...found.keys()].sort((a, b) => a - b);
	const numbers = new Map(sorted.map((key, number) => [key, number]));
	return {
		frames: sorted.map((key) => found.get(key) as Place),
		frameOfPlace: Int32Array.from(keys, (key) => numbers.get(key) ?? -1),
	};
}

class BatchBuilder {
	readonly #window: PlacedWindow;
	readonly #limits: BatchLimits;
	readonly #parts: number[] = [];
	readonly #frames = new Set<number>();
	#rawBytes = 0;
	#contentBytes = 0;
	#lastFrame = -1;

	constructor(window: PlacedWindow, limits: BatchLimits) {
		this.#window = window;
		this.#limits = limits;
	}

	get isEmpty(): boolean {
		return this.#parts.length === 0;
	}

	isFullFor(part: number): boolean {
		const { rawBytes, contentBytes, parts } = this.#limits;
		const isFull = (scale: number) =>
			this.#contentBytes >= contentBytes * scale ||
			this.#parts.length >= parts * scale;
		const first = this.#window.firstChunk[part] as number;
		const frame = this.#window.frameOf[first] as number;
		const staysInFrame =
			first < (this.#window.firstChunk[part + 1] as number) &&
			frame === this.#lastFrame;
		return staysInFrame ? isFull(4) : isFull(1) || this.#rawBytes >= rawBytes;
	}

	add(part: number): void {
		const { firstChunk, frameOf, frames } = this.#window;
		const first = firstChunk[part] as number;
		const end = firstChunk[part + 1] as number;
		for (let chunk = first; chunk < end; chunk++) {
			const frame = frameOf[chunk] as number;
			if (this.#frames.has(frame)) continue;
			this.#frames.add(frame);
			this.#rawBytes += (frames[frame] as Place).rawLength;
		}
		this.#lastFrame = first < end ? (frameOf[first] as number) : -1;
		this.#parts.push(part);
		for (const length of (this.#window.parts[part] as Part).content.lengths)
			this.#contentBytes += length;
	}

	finish(): Batch {
		const numbers = [...this.#frames].sort((a, b) => a - b);
		const places = numbers.map((n) => this.#window.frames[n] as Place);
		const local = new Map(numbers.map((n, i) => [n, i]));
		const parts = this.#parts.map((i) => this.#window.parts[i] as Part);
		const columns = new ColumnWriter(parts);
		for (const part of this.#parts) {
			const first = this.#window.firstChunk[part] as number;
			columns.add((k) => ({
				frame: local.get(this.#window.frameOf[first + k] as number) as number,
				ordinal: this.#window.ordinalOf[first + k] as number,
			}));
		}
		return { parts, frames: frameColumns(places), columns: columns.columns };
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

type ItemPlace = { readonly frame: number; readonly ordinal: number };

/** Columns of parts without places: for reading files back. */
export function partColumns(parts: readonly Part[]): PartColumns {
	const writer = new ColumnWriter(parts);
	for (let i = 0; i < parts.length; i++)
		writer.add(() => ({ frame: 0, ordinal: 0 }));
	return writer.columns;
}

function flagsOf({ node, isLast }: Part): number {
	return (node.holes ? PartFlag.holes : 0) | (isLast ? PartFlag.end : 0);
}

class ColumnWriter {
	readonly columns: PartColumns;
	readonly #parts: readonly Part[];
	#part = 0;
	#item = 0;

	constructor(parts: readonly Part[]) {
		const items = parts.reduce((sum, p) => sum + p.content.kinds.length, 0);
		this.#parts = parts;
		this.columns = {
			suffixes: parts.map((p) => p.suffix),
			descriptor: Int32Array.from(parts, (p) => p.descriptor),
			position: Float64Array.from(parts, (p) => p.position),
			mode: Uint32Array.from(parts, (p) => p.node.mode),
			uid: Uint32Array.from(parts, (p) => p.node.uid),
			gid: Uint32Array.from(parts, (p) => p.node.gid),
			seconds: Float64Array.from(parts, (p) => p.node.mtime),
			nanoseconds: Uint32Array.from(parts, (p) => p.node.mtimeNs),
			flags: Uint8Array.from(parts, flagsOf),
			firstItem: new Uint32Array(parts.length + 1),
			frame: new Int32Array(items),
			ordinal: new Uint32Array(items),
			length: new Float64Array(items),
			ids: new Uint8Array(items * idBytes),
		};
	}

	/** Adds the items of the next part; `placeOf` tells the place of its chunk number `k`. */
	add(placeOf: (k: number) => ItemPlace): void {
		const { kinds, lengths, ids } = (this.#parts[this.#part] as Part).content;
		const columns = this.columns;
		let chunk = 0;
		for (let i = 0; i < kinds.length; i++, this.#item++) {
			columns.length[this.#item] = lengths[i] as number;
			if (kinds[i] === ItemKind.zeros) {
				columns.frame[this.#item] = -1;
				continue;
			}
			const { frame, ordinal } = placeOf(chunk);
			columns.frame[this.#item] = frame;
			columns.ordinal[this.#item] = ordinal;
			columns.ids.set(
				ids.subarray(chunk * idBytes, (chunk + 1) * idBytes),
				this.#item * idBytes,
			);
			chunk++;
		}
		columns.firstItem[++this.#part] = this.#item;
	}
}

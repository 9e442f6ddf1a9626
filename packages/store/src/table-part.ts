import { type Bytes, idAt, idBytes } from "@varve/format";
import { BaseUse, type Remake } from "./base-use.ts";
import { clearBit, isSet, setBit } from "./bits.ts";
import type { ChunkPlace } from "./chunk-place.ts";
import { joinRows, SegmentBlock } from "./join-segment.ts";
import {
	type BasedFrame,
	FrameUse,
	movesWhole,
	type PackFrames,
	type PackUse,
} from "./pack-use.ts";
import type { SegmentSearch } from "./segment-search.ts";

/** Chunks of a segment that are read by in the time one is searched for: see docs/adr/0002-index.md. */
const rowsPerSearch = 256;
const scanRows = 8192;
/** Packs are not moved for less than this part of what they store. */
const leastBrought = 1 / 32;

/** A row with an id that was asked for, in a pack that counts. */
interface FoundRow {
	/** In the segment. */
	readonly number: number;
	readonly frame: number;
	readonly place: () => ChunkPlace;
}

/** One segment of a table, with two bits for each of its chunks. */
export class TablePart {
	readonly #search: SegmentSearch;
	readonly #isNamed: boolean;
	/** Of each pack: whether it counts. */
	readonly #counts: Uint8Array;
	/** Of each frame. */
	readonly #packOf: Uint32Array;
	readonly #stored: Uint32Array;
	readonly #raw: Uint32Array;
	readonly #based: Uint8Array;
	/** 1 for each frame that counts no more, once there is one. */
	#discounted: Uint8Array | undefined;
	/** A bit for each row. */
	readonly #live: Uint8Array;
	readonly #visited: Uint8Array;
	/** Of each pack: whether something is live in it that is so in another place too. */
	readonly #copied: Uint8Array;
	/** What was live at some moment, if there was more to come. */
	#settled: Uint8Array | undefined;
	/** Once all is marked but bases. */
	baseUse: BaseUse | undefined;

	constructor(
		search: SegmentSearch,
		packs: ReadonlyMap<string, number>,
		isNamed: boolean,
	) {
		this.#search = search;
		this.#isNamed = isNamed;
		const { reader } = search;
		const { packs: packCount, frames } = reader.layout;
		this.#counts = new Uint8Array(packCount);
		this.#packOf = new Uint32Array(frames);
		this.#stored = new Uint32Array(frames);
		this.#raw = new Uint32Array(frames);
		this.#based = new Uint8Array(frames);
		this.#live = new Uint8Array((search.chunks + 7) >>> 3);
		this.#visited = new Uint8Array(this.#live.length);
		this.#copied = new Uint8Array(packCount);
		for (let p = 0; p < packCount; p++) {
			const { id, size, firstFrame, frameCount } = reader.pack(p);
			this.#counts[p] = packs.get(id) === size ? 1 : 0;
			for (let f = firstFrame; f < firstFrame + frameCount; f++)
				this.#noteFrame(f, p);
		}
	}

	#noteFrame(f: number, pack: number): void {
		const { storedLength, rawLength, bases } = this.#search.reader.frame(f);
		this.#packOf[f] = pack;
		this.#stored[f] = storedLength;
		this.#raw[f] = rawLength;
		this.#based[f] = bases.length > 0 ? 1 : 0;
	}

	/** Calls `visit` with each row that has one of these ids, ascending, and whose pack counts. */
	each(ids: Bytes, visit: (index: number, row: FoundRow) => void): void {
		const count = ids.length / idBytes;
		const search = this.#search;
		if (count * rowsPerSearch < search.chunks) {
			for (let index = 0; index < count; index++)
				this.#eachOf(ids, index, visit);
			return;
		}
		joinRows(search, ids, (index, block, row) => {
			const frame = block.frameNumber(row);
			if (!this.#isCounting(frame)) return;
			const place = () => block.place(row);
			visit(index, { number: block.first + row, frame, place });
		});
	}

	#eachOf(
		ids: Bytes,
		index: number,
		visit: (index: number, row: FoundRow) => void,
	): void {
		const search = this.#search;
		const at = index * idBytes;
		const first = search.find(ids, at);
		if (first < 0) return;
		for (let number = first; search.isAt(number, ids, at); number++) {
			const here = number;
			const frame = search.frameNumber(number);
			if (!this.#isCounting(frame)) continue;
			visit(index, { number, frame, place: () => search.place(here) });
		}
	}

	#isCounting(frame: number): boolean {
		return (
			this.#counts[this.#packOf[frame] as number] === 1 &&
			this.#discounted?.[frame] !== 1
		);
	}

	isBased(frame: number): boolean {
		return this.#based[frame] === 1;
	}

	get search(): SegmentSearch {
		return this.#search;
	}

	/** True if the frame is a place of its chunks. */
	counts(frame: number): boolean {
		return this.#isCounting(frame);
	}

	setLive(row: number): void {
		setBit(this.#live, row);
	}

	/** False if it was. */
	setVisited(row: number): boolean {
		return setBit(this.#visited, row);
	}

	isLive(row: number): boolean {
		return isSet(this.#live, row);
	}

	/** What is live now has been so for long. */
	settle(): void {
		this.#settled = this.#live.slice();
	}

	/** Something in this frame is live in another place as well. */
	setCopied(frame: number): void {
		this.#copied[this.#packOf[frame] as number] = 1;
	}

	#isRemade(frame: number): boolean {
		return this.baseUse?.remakeOf(frame) !== undefined;
	}

	*bases(): Generator<Bytes> {
		for (const { bases } of this.basedFrames()) yield bases;
	}

	/** Those that are to keep their bases. */
	basedFrames(): Iterable<BasedFrame> {
		return this.#basedFrames((frame) => !this.#isRemade(frame));
	}

	/** Those that are to be made anew. */
	remadeFrames(): Iterable<BasedFrame> {
		return this.#basedFrames((frame) => this.#isRemade(frame));
	}

	/** With something live in them, as far as they are wanted before the first is asked for. */
	*#basedFrames(isWanted: (frame: number) => boolean): Generator<BasedFrame> {
		if (!this.#based.includes(1)) return;
		const live = new Uint32Array(this.#packOf.length);
		const settled = new Uint8Array(live.length);
		this.#scan((frame, isLive, length, row) => {
			if (!isLive || !this.isBased(frame) || !isWanted(frame)) return;
			(live[frame] as number) += length;
			if (this.#isSettled(row)) settled[frame] = 1;
		});
		const { reader } = this.#search;
		for (const [frame, liveRaw] of live.entries()) {
			if (liveRaw === 0) continue;
			const { bases, storedLength, rawLength } = reader.frame(frame);
			const { id: pack } = reader.pack(this.#packOf[frame] as number);
			yield {
				...{ frame, pack, bases, liveRaw, stored: storedLength },
				live: (storedLength * liveRaw) / rawLength,
				isSettled: settled[frame] === 1,
			};
		}
	}

	#isSettled(row: number): boolean {
		return this.#settled === undefined || isSet(this.#settled, row);
	}

	/** What is live now is needed for itself; what becomes live after this, as a base. */
	beginBases(): void {
		this.baseUse = new BaseUse(this.#live, this.#search.chunks);
	}

	/** Stored bytes for each of content. */
	ratioOf(frame: number): number {
		return (this.#stored[frame] as number) / (this.#raw[frame] as number);
	}

	/** What is to be done. */
	get remakes(): Iterable<Remake> {
		return this.baseUse?.remakes.values() ?? [];
	}

	/** Leaves frames as they are in packs where making them anew brings too little to move these. */
	settleRemakes(): void {
		const { baseUse } = this;
		if (baseUse === undefined || baseUse.remakes.size === 0) return;
		const brought = new Float64Array(this.#counts.length);
		for (const [frame, { gain, dead }] of baseUse.remakes)
			(brought[this.#packOf[frame] as number] as number) += gain + dead;
		const stored = new Float64Array(brought.length);
		this.#packOf.forEach((pack, f) => {
			(stored[pack] as number) += this.#stored[f] as number;
		});
		for (const frame of [...baseUse.remakes.keys()]) {
			const pack = this.#packOf[frame] as number;
			const least = (stored[pack] as number) * leastBrought;
			if ((brought[pack] as number) < least) baseUse.keep(frame);
		}
	}

	/** Frames with one of these bases count no more, and nothing in them is live. Yields the ids of what was, 32 bytes each. */
	*discount(bases: ReadonlySet<string>): Generator<Bytes> {
		if (!this.#based.includes(1)) return;
		this.#discounted ??= new Uint8Array(this.#packOf.length);
		const discounted = this.#discounted;
		this.#based.forEach((based, f) => {
			if (based === 1 && hasAny(this.#search.reader.frame(f).bases, bases))
				discounted[f] = 1;
		});
		const block = new SegmentBlock(this.#search, scanRows);
		for (let first = 0; first < this.#search.chunks; first += block.capacity) {
			block.load(first);
			for (let row = 0; row < block.rows; row++) {
				const number = first + row;
				if (discounted[block.frameNumber(row)] !== 1) continue;
				if (!this.isLive(number)) continue;
				clearBit(this.#live, number);
				yield block.ids.slice(row * idBytes, (row + 1) * idBytes);
			}
		}
	}

	*use(): Generator<PackUse> {
		const { reader } = this.#search;
		const packs = reader.layout.packs;
		const liveRaw = new Float64Array(this.#packOf.length);
		const chunks = new Uint32Array(packs);
		const liveChunks = new Uint32Array(packs);
		this.#scan((frame, live, length) => {
			const pack = this.#packOf[frame] as number;
			(chunks[pack] as number)++;
			if (!live) return;
			(liveChunks[pack] as number)++;
			(liveRaw[frame] as number) += length;
		});
		const stored = new Float64Array(packs);
		const live = new Float64Array(packs);
		const stuck = new Float64Array(packs);
		const grown = new Float64Array(packs);
		const mustMove = new Uint8Array(packs);
		this.#packOf.forEach((pack, f) => {
			const bytes = this.#stored[f] as number;
			const raw = this.#raw[f] as number;
			const alive = Math.min(raw, liveRaw[f] as number);
			const part = Math.round((bytes * alive) / raw);
			(stored[pack] as number) += bytes;
			(live[pack] as number) += part;
			if (alive === 0) return;
			const remake = this.baseUse?.remakeOf(f);
			if (remake !== undefined) {
				mustMove[pack] = 1;
				(grown[pack] as number) += remake.grown;
			} else if (movesWhole(this.isBased(f), raw - alive, raw))
				(stuck[pack] as number) += bytes - part;
		});
		for (let p = 0; p < packs; p++) {
			if (this.#counts[p] === 0) continue;
			const { id, size, kind } = reader.pack(p);
			yield {
				id,
				size,
				kind,
				lease: this.#isNamed ? reader.lease : undefined,
				live: live[p] as number,
				stuck: stuck[p] as number,
				mustMove: mustMove[p] === 1,
				grown: grown[p] as number,
				stored: stored[p] as number,
				chunks: chunks[p] as number,
				liveChunks: liveChunks[p] as number,
			};
		}
	}

	#scan(
		visit: (frame: number, live: boolean, length: number, row: number) => void,
	): void {
		const block = new SegmentBlock(this.#search, scanRows);
		for (let first = 0; first < this.#search.chunks; first += block.capacity) {
			block.load(first);
			for (let row = 0; row < block.rows; row++)
				visit(
					block.frameNumber(row),
					this.isLive(first + row),
					block.length(row),
					first + row,
				);
		}
	}

	*framesOf(wanted: ReadonlySet<string>): Generator<PackFrames> {
		const { reader } = this.#search;
		const numbers: number[] = [];
		for (let p = 0; p < reader.layout.packs; p++)
			if (this.#counts[p] === 1 && wanted.has(reader.pack(p).id))
				numbers.push(p);
		if (numbers.length === 0) return;
		const frames = this.#gather(new Set(numbers));
		for (const p of numbers) {
			const { id, firstFrame, frameCount } = reader.pack(p);
			const own = Array.from(
				{ length: frameCount },
				(_, i) => frames.get(firstFrame + i) as FrameUse,
			);
			yield { pack: id, frames: own, isCopied: this.#copied[p] === 1 };
		}
	}

	/** Frames of these packs by number, in two passes over the rows: how many chunks each has, then which. */
	#gather(packs: ReadonlySet<number>): Map<number, FrameUse> {
		const counts = new Map<number, number>();
		this.#scan((frame) => {
			if (packs.has(this.#packOf[frame] as number))
				counts.set(frame, (counts.get(frame) ?? 0) + 1);
		});
		const frames = new Map<number, FrameUse>();
		for (const [f, count] of counts) {
			const { offset, storedLength, rawLength, bases } =
				this.#search.reader.frame(f);
			const ids = new Uint8Array(count * idBytes);
			const lengths = new Uint32Array(count);
			const frame = { offset, storedLength, rawLength, bases, ids, lengths };
			const live = new Uint8Array(count);
			frames.set(f, new FrameUse(frame, live, this.#isRemade(f)));
		}
		const block = new SegmentBlock(this.#search, scanRows);
		for (let first = 0; first < this.#search.chunks; first += block.capacity) {
			block.load(first);
			for (let row = 0; row < block.rows; row++) {
				const use = frames.get(block.frameNumber(row));
				if (use === undefined) continue;
				const { ordinal, length } = block.place(row);
				const at = row * idBytes;
				use.frame.ids.set(
					block.ids.subarray(at, at + idBytes),
					ordinal * idBytes,
				);
				use.frame.lengths[ordinal] = length;
				use.live[ordinal] = this.isLive(first + row) ? 1 : 0;
			}
		}
		return frames;
	}
}

function hasAny(ids: Bytes, wanted: ReadonlySet<string>): boolean {
	for (let at = 0; at < ids.length; at += idBytes)
		if (wanted.has(idAt(ids, at))) return true;
	return false;
}

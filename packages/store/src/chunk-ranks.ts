import {
	type Bytes,
	idBytes,
	type PackFrame,
	type PackId,
} from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import { SegmentBlock } from "./join-segment.ts";
import type { TablePart } from "./table-part.ts";

const scanRows = 8192;
/** Ranks that are counted together. */
const bucketRanks = 4096;

/** A live chunk in one of its places. */
export interface RankedChunk {
	/** 32 bytes of its own. */
	readonly id: Bytes;
	readonly rank: number;
	readonly place: ChunkPlace;
}

/** A frame with something live in it, and how much of that is ranked. */
export interface RankedFrame {
	readonly pack: PackId;
	/** Where it begins in the pack. */
	readonly offset: number;
	readonly stored: number;
	readonly raw: number;
	readonly chunks: number;
	/** 32 bytes each. */
	readonly bases: Bytes;
	/** Bytes of content that are live, those of them that have a rank, and the lowest one (0: none). */
	readonly live: number;
	readonly ranked: number;
	readonly first: number;
}

/** A chunk of a frame with bases. */
export interface BesideBase {
	/** Views, valid until the next. */
	readonly id: Bytes;
	readonly base: Bytes;
}

type FrameFacts = Pick<PackFrame, "storedLength" | "rawLength">;

/** An order of the chunks of a table: a number for each, from 1 on, 0 for those that have none. Memory: 4 bytes for each chunk. */
export class ChunkRanks {
	readonly #parts: readonly TablePart[];
	readonly #ranks: readonly Uint32Array[];
	#last = 0;

	constructor(parts: readonly TablePart[]) {
		this.#parts = parts;
		this.#ranks = parts.map(({ search }) => new Uint32Array(search.chunks));
	}

	/** A rank behind all that were given. */
	next(): number {
		return ++this.#last;
	}

	/** Of each id, 32 bytes each, ascending, none twice: its rank, 0 if it has none. */
	of(ids: Bytes): Uint32Array {
		const ranks = new Uint32Array(ids.length / idBytes);
		this.#parts.forEach((part, p) => {
			const own = this.#ranks[p] as Uint32Array;
			part.each(ids, (index, { number }) => {
				ranks[index] = own[number] as number;
			});
		});
		return ranks;
	}

	/** The other way round, for all places of each. */
	set(ids: Bytes, ranks: Uint32Array): void {
		this.#parts.forEach((part, p) => {
			const own = this.#ranks[p] as Uint32Array;
			part.each(ids, (index, { number }) => {
				own[number] = ranks[index] as number;
			});
		});
	}

	/** All frames with something live in them; those of a pack that several segments name, once. */
	*frames(): Generator<RankedFrame> {
		const seen = new Set<PackId>();
		for (const [p, part] of this.#parts.entries()) {
			const own = new Set<PackId>();
			for (const frame of framesOf(part, this.#ranks[p] as Uint32Array)) {
				if (seen.has(frame.pack)) continue;
				own.add(frame.pack);
				yield frame;
			}
			for (const pack of own) seen.add(pack);
		}
	}

	/** Live chunks with a rank in frames with bases, each with a base that it resembles. */
	*beside(isWanted: (frame: FrameFacts) => boolean): Generator<BesideBase> {
		for (const [p, part] of this.#parts.entries())
			yield* besideIn(part, this.#ranks[p] as Uint32Array, isWanted);
	}

	/**
	 * Live chunks with a rank, those of frames of these packs only if they are wanted, in the order of ranks and then of ids: in portions of about `most`, so
	 * that memory does not grow with their number. All places of a chunk follow each other.
	 */
	*portions(most: number, wanted: Wanted): Generator<RankedChunk[]> {
		const counts = this.#count();
		let from = 0;
		let count = 0;
		for (let b = 0; b < counts.length; b++) {
			count += counts[b] as number;
			if (count < most && b < counts.length - 1) continue;
			const to = (b + 1) * bucketRanks;
			if (count > 0) yield this.#between(from, to, wanted).sort(compareRanked);
			from = to;
			count = 0;
		}
	}

	#count(): Float64Array {
		const counts = new Float64Array(Math.floor(this.#last / bucketRanks) + 1);
		for (const ranks of this.#ranks)
			for (const rank of ranks)
				if (rank !== 0) (counts[Math.floor(rank / bucketRanks)] as number)++;
		return counts;
	}

	#between(from: number, to: number, wanted: Wanted): RankedChunk[] {
		const found: RankedChunk[] = [];
		this.#parts.forEach((part, p) => {
			const ranks = this.#ranks[p] as Uint32Array;
			const block = new SegmentBlock(part.search, scanRows);
			for (let at = 0; at < part.search.chunks; at += block.capacity) {
				block.load(at);
				for (let row = 0; row < block.rows; row++) {
					const rank = ranks[at + row] as number;
					if (rank < from || rank >= to || rank === 0) continue;
					if (!part.isLive(at + row)) continue;
					if (!part.counts(block.frameNumber(row))) continue;
					const place = block.place(row);
					if (!wanted(place)) continue;
					const id = block.ids.slice(row * idBytes, (row + 1) * idBytes);
					found.push({ id, rank, place });
				}
			}
		});
		return found;
	}
}

/** Whether a place is asked for. */
export type Wanted = (place: ChunkPlace) => boolean;

function compareRanked(a: RankedChunk, b: RankedChunk): number {
	return a.rank - b.rank || Buffer.compare(a.id, b.id);
}

function* framesOf(
	part: TablePart,
	ranks: Uint32Array,
): Generator<RankedFrame> {
	const { reader } = part.search;
	const count = reader.layout.frames;
	const live = new Float64Array(count);
	const ranked = new Float64Array(count);
	const chunks = new Uint32Array(count);
	const first = new Uint32Array(count);
	const block = new SegmentBlock(part.search, scanRows);
	for (let at = 0; at < part.search.chunks; at += block.capacity) {
		block.load(at);
		for (let row = 0; row < block.rows; row++) {
			const frame = block.frameNumber(row);
			(chunks[frame] as number)++;
			if (!part.isLive(at + row)) continue;
			const length = block.length(row);
			(live[frame] as number) += length;
			const rank = ranks[at + row] as number;
			if (rank === 0) continue;
			(ranked[frame] as number) += length;
			const lowest = first[frame] as number;
			if (lowest === 0 || rank < lowest) first[frame] = rank;
		}
	}
	for (let p = 0; p < reader.layout.packs; p++) {
		const { id, firstFrame, frameCount } = reader.pack(p);
		for (let f = firstFrame; f < firstFrame + frameCount; f++) {
			if (live[f] === 0 || !part.counts(f)) continue;
			const { offset, storedLength, rawLength, bases } = reader.frame(f);
			yield {
				...{ pack: id, offset, stored: storedLength, raw: rawLength },
				chunks: chunks[f] as number,
				bases,
				live: live[f] as number,
				ranked: ranked[f] as number,
				first: first[f] as number,
			};
		}
	}
}

/**
 * As many bases as chunks: they belong together one by one. Else they are chunks of one file, and the bases are what stood around the same places: see
 * docs/adr/0006-deltas.md.
 */
function* besideIn(
	part: TablePart,
	ranks: Uint32Array,
	isWanted: (frame: FrameFacts) => boolean,
): Generator<BesideBase> {
	const { reader } = part.search;
	const counts = new Uint32Array(reader.layout.frames);
	const isBased = (f: number) => part.isBased(f) && part.counts(f);
	const block = new SegmentBlock(part.search, scanRows);
	for (let at = 0; at < part.search.chunks; at += block.capacity) {
		block.load(at);
		for (let row = 0; row < block.rows; row++)
			(counts[block.frameNumber(row)] as number)++;
	}
	for (let at = 0; at < part.search.chunks; at += block.capacity) {
		block.load(at);
		for (let row = 0; row < block.rows; row++) {
			const f = block.frameNumber(row);
			if (ranks[at + row] === 0 || !isBased(f) || !part.isLive(at + row))
				continue;
			const frame = reader.frame(f);
			if (!isWanted(frame)) continue;
			const bases = frame.bases.length / idBytes;
			const { ordinal } = block.place(row);
			const from = Math.floor((ordinal * bases) / (counts[f] as number));
			yield {
				id: block.ids.subarray(row * idBytes, (row + 1) * idBytes),
				base: frame.bases.subarray(from * idBytes, (from + 1) * idBytes),
			};
		}
	}
}

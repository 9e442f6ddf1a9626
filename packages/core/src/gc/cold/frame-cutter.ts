import type { Bytes } from "@varve/format";
import type { ChunkPlace, RankedChunk } from "@varve/store";
import { type ColdSizes, mostChunks } from "./cold-frames.ts";
import type { FrameFates } from "./frame-fates.ts";

/** A chunk that is to lie in a cold frame. */
export interface GatheredChunk {
	readonly id: Bytes;
	/** All that it may be read from; those in cold frames come first: if one of them gives it, it needs no other place. */
	readonly places: readonly ChunkPlace[];
	/** Bytes it adds to a frame: none where it lies in a cold one. */
	readonly bytes: number;
}

/** Of chunks in the order of ranks, those that are to be gathered. What lies in cold frames alone is none of them. */
export function* gathered(
	ranked: readonly RankedChunk[],
	fates: FrameFates,
): Generator<GatheredChunk> {
	let from = 0;
	for (let to = 1; to <= ranked.length; to++) {
		const { id } = ranked[from] as RankedChunk;
		if (to < ranked.length && isSame((ranked[to] as RankedChunk).id, id))
			continue;
		const all = ranked.slice(from, to).map(({ place }) => place);
		from = to;
		const chunk = gatheredFrom(id, all, fates);
		if (chunk !== undefined) yield chunk;
	}
}

function gatheredFrom(
	id: Bytes,
	all: readonly ChunkPlace[],
	fates: FrameFates,
): GatheredChunk | undefined {
	const cold = all.filter(({ pack, frame }) => fates.isCold(pack, frame));
	const others = all.filter(({ pack, frame }) => fates.isGathered(pack, frame));
	if (others.length === 0) return undefined;
	const plain = others.filter(({ frame }) => frame.plain);
	const based = others.filter(({ frame }) => !frame.plain);
	const { length } = others[0] as ChunkPlace;
	const bytes = cold.length > 0 ? 0 : length;
	return { id, places: [...cold, ...plain, ...based], bytes };
}

function isSame(a: Bytes, b: Bytes): boolean {
	return Buffer.compare(a, b) === 0;
}

/** Cuts chunks into frames of about the target length. The last one is never much shorter: it becomes part of the one before. */
export class FrameCutter {
	readonly #sizes: ColdSizes;
	/** Full, until it is known that enough follows. */
	#held: GatheredChunk[] = [];
	#open: GatheredChunk[] = [];
	#bytes = 0;

	constructor(sizes: ColdSizes) {
		this.#sizes = sizes;
	}

	/** The chunks of a frame, if there is one to be made now. */
	add(chunk: GatheredChunk): GatheredChunk[] | undefined {
		this.#open.push(chunk);
		this.#bytes += chunk.bytes;
		const isFull =
			this.#bytes >= this.#sizes.target || this.#open.length >= mostChunks;
		if (!isFull) return undefined;
		const ready = this.#held;
		this.#held = this.#open;
		this.#open = [];
		this.#bytes = 0;
		return ready.length > 0 ? ready : undefined;
	}

	finish(): GatheredChunk[][] {
		const joined = [...this.#held, ...this.#open];
		const isShort =
			this.#bytes < this.#sizes.least && joined.length <= mostChunks;
		const last = isShort ? [joined] : [this.#held, this.#open];
		return last.filter(({ length }) => length > 0);
	}
}

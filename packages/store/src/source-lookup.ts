import { type Bytes, idBytes } from "@varve/format";
import type { ChunkLookup } from "./chunk-lookup.ts";
import type { ChunkPlace, FramePlace } from "./chunk-place.ts";
import { better, type ChunkSource } from "./chunk-source.ts";
import type { PackListing } from "./pack-listing.ts";

/** Asks one source after the other, and decides what counts. */
export class SourceLookup implements ChunkLookup {
	readonly empty: boolean;
	readonly #sources: readonly ChunkSource[];
	readonly #packs: PackListing;

	/** Sources answer for any pack; only those in `packs` count. */
	constructor(packs: PackListing, sources: readonly ChunkSource[]) {
		this.#packs = packs;
		this.#sources = sources;
		this.empty = packs.count === 0;
	}

	find(ids: Bytes, at: number): ChunkPlace | undefined {
		if (this.empty) return undefined;
		let best: ChunkPlace | undefined;
		for (const source of this.#sources) {
			best = better(best, source.find(ids, at, this.counts));
			if (best?.frame.plain) return best;
		}
		return best;
	}

	/** Whether chunks in this frame count: its pack is listed, and so is one of a frame without bases for each of its bases. */
	readonly counts = (frame: FramePlace): boolean => {
		frame.counts ??= this.#packs.has(frame.pack) && this.#hasBases(frame);
		return frame.counts;
	};

	readonly #countsAsBase = (frame: FramePlace): boolean =>
		frame.plain && this.counts(frame);

	#hasBases({ bases }: FramePlace): boolean {
		for (let at = 0; at < bases.length; at += idBytes)
			if (!this.#isBase(bases, at)) return false;
		return true;
	}

	#isBase(ids: Bytes, at: number): boolean {
		return this.#sources.some(
			(source) => source.find(ids, at, this.#countsAsBase) !== undefined,
		);
	}

	close(): void {
		for (const source of this.#sources) source.close();
	}
}

import type { Bytes } from "@varve/format";
import type { ChunkPlace, FramePlace } from "./chunk-place.ts";

export type Counts = (frame: FramePlace) => boolean;

/** One of the things a look-up asks: a segment, or LevelDB. */
export interface ChunkSource {
	/** A place, of the chunk whose id stands at `at`, in a frame that counts; one without bases if there is one. */
	find(ids: Bytes, at: number, counts: Counts): ChunkPlace | undefined;
	close(): void;
}

/** Keeps the better of two places. */
export function better(
	a: ChunkPlace | undefined,
	b: ChunkPlace | undefined,
): ChunkPlace | undefined {
	return a === undefined || (b?.frame.plain && !a.frame.plain) ? b : a;
}

/** Asks one after the other, until a place without bases is found. */
export function findInAny(
	sources: readonly ChunkSource[],
	{ ids, at }: { readonly ids: Bytes; readonly at: number },
	counts: Counts,
): ChunkPlace | undefined {
	let best: ChunkPlace | undefined;
	for (const source of sources) {
		best = better(best, source.find(ids, at, counts));
		if (best?.frame.plain) break;
	}
	return best;
}

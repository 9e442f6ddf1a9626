import { type Config, maxFrameRaw, type PackFrame } from "@varve/format";
import type { RankedFrame } from "@varve/store";

/** How long frames are in which old chunks lie together. They are told from others by nothing but their length. */
export interface ColdSizes {
	/** Bytes of content of a cold frame; half as much more at most, and a chunk. */
	readonly target: number;
	/** A shorter frame is not cold; a longer one is, whoever made it. */
	readonly least: number;
}

/** Times a frame of the repository. */
const frameTimes = 4;
/** Times the longest frame that a writer makes. */
const ordinaryTimes = 3;
/** A frame with so many chunks is as good as cold, however short they are: no writer puts so many in one. */
const manyChunks = 32_768;
/** Chunks in a cold frame at most. */
export const mostChunks = 49_152;
/**
 * A frame with bases that is smaller than this part of its content stays as it is: there is little to gain, and whoever reads any version would have to
 * decode them all. See docs/adr/0009-cold-storage.md.
 */
const smallDelta = 1 / 24;

/** A frame that is larger than this part of its content would hardly get smaller. */
const dense = 19 / 20;

/** undefined where frames are so long that longer ones would be longer than a reader takes. */
export function coldSizes({
	frameBytes,
	chunker,
}: Pick<Config, "frameBytes" | "chunker">): ColdSizes | undefined {
	const ordinary = frameBytes + chunker.max;
	const target = Math.max(frameTimes * frameBytes, ordinaryTimes * ordinary);
	const longest = target + target / 2 + chunker.max;
	return longest > maxFrameRaw ? undefined : { target, least: target / 2 };
}

/** Whether a frame is not put together again. */
export function isCold(
	{ raw, chunks }: Pick<RankedFrame, "raw" | "chunks">,
	{ least }: ColdSizes,
): boolean {
	return raw >= least || chunks >= manyChunks;
}

/** Whether a frame with bases is worth storing without, beside what it was made with. */
export function isLargeDelta({
	storedLength,
	rawLength,
}: Pick<PackFrame, "storedLength" | "rawLength">): boolean {
	return storedLength > rawLength * smallDelta;
}

/** Whether a frame holds content that does not get smaller, as pictures and archives: it stays as it is. */
export function isDense({
	storedLength,
	rawLength,
}: Pick<PackFrame, "storedLength" | "rawLength">): boolean {
	return storedLength > rawLength * dense;
}

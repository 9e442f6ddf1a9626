/**
 * Which segments are searched where they lie, and which go into LevelDB: see docs/adr/0002-index.md. A segment searched in place
 * answers faster than LevelDB, but each is asked in turn, and each is proved anew by every command.
 */

const segmentsInPlace = 8;
const bytesInPlace = 64 * 1024 * 1024;
/** Chunks of a segment that is merged before others. */
const smallSegment = 20_000;

export interface Measured {
	readonly size: number;
	readonly chunks: number;
}

/** True if so many segments can all be searched in place. */
export function fitInPlace(segments: readonly { size: number }[]): boolean {
	const bytes = segments.reduce((sum, { size }) => sum + size, 0);
	return segments.length <= segmentsInPlace && bytes <= bytesInPlace;
}

/** Of segments that LevelDB does not hold, those to be merged now: none, the small ones, or all. */
export function chooseToMerge<T extends Measured>(
	segments: readonly T[],
): readonly T[] {
	if (fitInPlace(segments)) return [];
	const isSmall = ({ chunks }: T) => chunks <= smallSegment;
	const large = segments.filter((segment) => !isSmall(segment));
	return fitInPlace(large) ? segments.filter(isSmall) : segments;
}

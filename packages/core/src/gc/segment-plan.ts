import type { OpenSegment } from "@varve/store";

/** Chunks of a segment at most, if more than one goes into it: made in memory, it takes about 30 MB meanwhile. */
export const maxSegmentChunks = 256 * 1024;
/** So many segments of about one size are put together; each size is so many times the one before. */
const tierFactor = 4;
const smallestTier = 1024;

/**
 * Groups of segments to be written anew, each as one: those that name a pack that is gone, and small ones of which there are many, so that
 * their number grows with the logarithm of what they hold. Segments of `held` leases are left alone.
 */
export function planSegments(
	segments: readonly OpenSegment[],
	gone: ReadonlySet<string>,
	held: ReadonlySet<string>,
): OpenSegment[][] {
	const isDirty = ({ packs }: OpenSegment) =>
		packs.some(({ id }) => gone.has(id));
	const dirty = segments.filter(isDirty);
	const tiers = new Map<number, OpenSegment[]>();
	for (const segment of segments) {
		if (isDirty(segment) || held.has(segment.lease)) continue;
		if (segment.chunks > maxSegmentChunks / 2) continue;
		const tier = tierOf(segment.chunks);
		tiers.set(tier, [...(tiers.get(tier) ?? []), segment]);
	}
	const crowded = [...tiers.values()].filter(
		(tier) => tier.length >= tierFactor,
	);
	return inGroups([...dirty, ...crowded.flat()]);
}

function tierOf(chunks: number): number {
	return chunks <= smallestTier
		? 0
		: Math.ceil(Math.log(chunks / smallestTier) / Math.log(tierFactor));
}

function inGroups(segments: readonly OpenSegment[]): OpenSegment[][] {
	const groups: OpenSegment[][] = [];
	let chunks = 0;
	for (const segment of segments) {
		const last = groups.at(-1);
		if (last === undefined || chunks + segment.chunks > maxSegmentChunks) {
			groups.push([segment]);
			chunks = segment.chunks;
			continue;
		}
		last.push(segment);
		chunks += segment.chunks;
	}
	return groups;
}

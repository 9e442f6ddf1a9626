import type { SegmentPack } from "@varve/format";
import type { OpenSegments, Stage } from "@varve/store";
import { putSegment } from "../gc/segments.ts";
import type { Repository } from "../repository.ts";

/** Chunks in one segment, which is made in memory. */
const mostChunks = 256 * 1024;

/** Names packs in new segments; returns their names. */
export async function namePacks(
	repository: Repository,
	stage: Stage,
	packs: readonly SegmentPack[],
): Promise<string[]> {
	const names: string[] = [];
	let group: SegmentPack[] = [];
	let chunks = 0;
	for (const pack of packs) {
		group.push(pack);
		for (const { lengths } of pack.frames) chunks += lengths.length;
		if (chunks < mostChunks) continue;
		names.push(await putSegment(repository, stage, group));
		group = [];
		chunks = 0;
	}
	if (group.length > 0) names.push(await putSegment(repository, stage, group));
	return names;
}

/**
 * Takes packs out of the segments that name them: a new segment is durable before the old one goes to the quarantine, so that none of the other packs is ever
 * without. Returns how many segments were replaced.
 */
export async function unnamePacks(
	repository: Repository,
	stage: Stage,
	{
		segments,
		gone,
		signal,
	}: {
		readonly segments: OpenSegments["segments"];
		readonly gone: ReadonlySet<string>;
		readonly signal: AbortSignal | undefined;
	},
): Promise<number> {
	let count = 0;
	for (const segment of segments) {
		if (!segment.packs.some(({ id }) => gone.has(id))) continue;
		signal?.throwIfAborted();
		const left = segment.contents().filter(({ id }) => !gone.has(id));
		const written =
			left.length > 0 ? await putSegment(repository, stage, left) : undefined;
		if (written !== segment.name)
			await repository.backend.quarantine(stage, "segments", segment.name);
		count++;
	}
	return count;
}

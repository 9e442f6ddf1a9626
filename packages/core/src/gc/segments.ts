import { encodeSegment, type SegmentPack } from "@varve/format";
import type { Listing, OpenSegment, Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import type { Inventory } from "./inventory.ts";
import { planSegments } from "./segment-plan.ts";

export interface SegmentRewrite {
	/** All that snapshots need was found in it. */
	readonly inventory: Inventory;
	/** Packs that are no longer to be named. */
	readonly gone: ReadonlySet<string>;
	/** Leases that live, this run's own among them. */
	readonly held: ReadonlySet<string>;
	readonly signal: AbortSignal | undefined;
}

/**
 * Writes new segments and then removes the old ones: no pack that stays is ever without a segment. What killed runs left in no segment is named, if
 * nobody else is at work; packs that are not there any more, and that nothing needs, are no longer named. Returns how many segments there are then.
 */
export async function rewriteSegments(
	repository: Repository,
	stage: Stage,
	{
		inventory: { listing, segments: open },
		gone,
		held,
		signal,
	}: SegmentRewrite,
): Promise<number> {
	const { segments, adopted } = open;
	const absent = absentPacks(listing, segments, gone);
	let count = segments.length;
	const unnamed = adopted.filter(({ id }) => !gone.has(id));
	if (unnamed.length > 0 && held.size <= 1) {
		await putSegment(repository, stage, unnamed);
		count++;
	}
	for (const group of planSegments(segments, absent, held)) {
		signal?.throwIfAborted();
		const packs = new Map<string, SegmentPack>();
		for (const segment of group)
			for (const pack of segment.contents())
				if (!absent.has(pack.id)) packs.set(pack.id, pack);
		const written =
			packs.size > 0
				? await putSegment(repository, stage, [...packs.values()])
				: undefined;
		if (written !== undefined) count++;
		for (const { name } of group) {
			// One with the same content under the same lease is the same file.
			if (name !== written)
				await repository.backend.remove(stage, "segments", name);
			count--;
		}
	}
	return count;
}

/** Packs that are gone, and those that segments name and nobody finds. Segments were listed before packs: whoever comes since is not among them. */
function absentPacks(
	{ packs }: Listing,
	segments: readonly OpenSegment[],
	gone: ReadonlySet<string>,
): Set<string> {
	const listed = new Set(packs.map(({ name }) => name));
	const absent = new Set(gone);
	for (const segment of segments)
		for (const { id } of segment.packs) if (!listed.has(id)) absent.add(id);
	return absent;
}

/** Returns its name. */
export async function putSegment(
	{ tools }: Repository,
	stage: Stage,
	packs: readonly SegmentPack[],
): Promise<string> {
	const bytes = encodeSegment(stage.lease, packs);
	const name = tools.sha256Hex(bytes);
	await stage.putBytes("segments", name, bytes);
	return name;
}

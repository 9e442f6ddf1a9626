import { encodeSegment, type SegmentPack } from "@varve/format";
import type { OpenSegment, Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import { planSegments } from "./segment-plan.ts";

export interface SegmentRewrite {
	readonly segments: readonly OpenSegment[];
	/** Packs that are no longer to be named. */
	readonly gone: ReadonlySet<string>;
	/** Leases that live. */
	readonly held: ReadonlySet<string>;
	readonly signal: AbortSignal | undefined;
}

/** Writes new segments and then removes the old ones: no pack that stays is ever without a segment. Returns how many there are then. */
export async function rewriteSegments(
	repository: Repository,
	stage: Stage,
	{ segments, gone, held, signal }: SegmentRewrite,
): Promise<number> {
	let count = segments.length;
	for (const group of planSegments(segments, gone, held)) {
		signal?.throwIfAborted();
		const packs = new Map<string, SegmentPack>();
		for (const segment of group)
			for (const pack of segment.contents())
				if (!gone.has(pack.id)) packs.set(pack.id, pack);
		if (packs.size > 0) {
			const written = await putSegment(repository, stage, [...packs.values()]);
			count++;
			// One that is written anew with the same content under the same lease is the same file.
			if (group.some(({ name }) => name === written)) continue;
		}
		for (const { name } of group) {
			await repository.backend.remove(stage, "segments", name);
			count--;
		}
	}
	return count;
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

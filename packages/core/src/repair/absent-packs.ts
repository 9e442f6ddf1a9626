import type { Stage } from "@varve/store";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { Faults } from "../verify/faults.ts";
import { GraphCheck } from "../verify/graph.ts";
import { listedRecords } from "./losses.ts";
import { unreplaced } from "./replaced.ts";
import { unnamePacks } from "./segments.ts";

/** Makes look-ups know of the repository as it is now. */
export async function catchUp(repository: Repository): Promise<void> {
	repository.objects.outdate();
	const listing = await listToRead(repository);
	await repository.index.catchUp(listing);
}

/**
 * Takes packs that are not there out of the segments that name them, once nothing needs them: every snapshot is whole, or another one was made in its place.
 * Until then they stay named, so that no new snapshot builds on one with a hole. The index must have caught up. Returns how many were
 * unnamed, and how many are left.
 */
export async function dropAbsent(
	repository: Repository,
	stage: Stage | undefined,
	signal: AbortSignal | undefined,
): Promise<{ unnamed: number; left: number }> {
	const absent = new Set(repository.index.lost);
	if (absent.size === 0) return { unnamed: 0, left: 0 };
	if (!(await isWhole(repository, signal)))
		return { unnamed: 0, left: absent.size };
	if (stage !== undefined) {
		const listing = await listToRead(repository);
		const segments = await repository.openSegments(listing, signal);
		try {
			const given = { segments: segments.segments, gone: absent, signal };
			await unnamePacks(repository, stage, given);
		} finally {
			segments.close();
		}
		await catchUp(repository);
	}
	return { unnamed: absent.size, left: 0 };
}

/** All that is referred to is there, but by snapshots that have been repaired. */
async function isWhole(
	repository: Repository,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	const listed = await repository.backend.list("snapshots");
	const records = await listedRecords(repository);
	if (records.size < listed.length) return false;
	const faults = new Faults();
	const onProgress = () => {};
	const options = { repository, faults, signal, onProgress, packs: undefined };
	await new GraphCheck(options).check(unreplaced(records).values());
	return faults.count === 0;
}

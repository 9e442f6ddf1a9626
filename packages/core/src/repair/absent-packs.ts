import { type ChunkId, idAt, idBytes, type PackId } from "@varve/format";
import type { OpenSegments, Stage } from "@varve/store";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { settleUnnamed } from "../settle-seen.ts";
import { sortIds } from "../sort-ids.ts";
import { Faults } from "../verify/faults.ts";
import { GraphCheck } from "../verify/graph.ts";
import { listedRecords } from "./losses.ts";
import { unreplaced } from "./replaced.ts";
import { unnamePacks } from "./segments.ts";

/**
 * Makes look-ups know of the repository as it is now. With a stage what is done because of that may rely on it: packs that no segment names are durably
 * there, and those that are missing durably away.
 */
export async function catchUp(
	repository: Repository,
	stage: Stage | undefined,
): Promise<void> {
	const { backend, index, objects } = repository;
	objects.outdate();
	const listing = await listToRead(repository);
	await index.catchUp(listing);
	if (stage === undefined) return;
	await settleUnnamed(repository, index.adopted);
	await backend.settlePacks(index.lost);
}

/** Packs that segments name and that are not there. */
export interface Absent {
	/** How many were taken out of the segments. */
	readonly unnamed: number;
	/** Those that are named still, and the ids of what they held. */
	readonly left: readonly PackId[];
	readonly lost: readonly string[];
}

export const noneAbsent: Absent = { unnamed: 0, left: [], lost: [] };

/**
 * Takes packs that are not there out of the segments that name them: those that held nothing that is not in other packs too, and the others once nothing needs
 * them, for every snapshot is whole, or another one was made in its place. Until then they stay named, so that no new snapshot builds on one with a
 * hole. The index must have caught up. Returns how many were unnamed, and which are left.
 */
export async function dropAbsent(
	repository: Repository,
	stage: Stage | undefined,
	signal: AbortSignal | undefined,
): Promise<Absent> {
	const absent = new Set(repository.index.lost);
	if (absent.size === 0) return noneAbsent;
	const listing = await listToRead(repository);
	const { segments, close } = await repository.openSegments(listing, signal);
	try {
		const gone = (await isWhole(repository, signal))
			? absent
			: coveredOf(repository, segments, absent);
		if (stage !== undefined && gone.size > 0)
			await unnamePacks(repository, stage, { segments, gone, signal });
		const left = new Set([...absent].filter((name) => !gone.has(name)));
		return {
			unnamed: gone.size,
			left: [...left] as PackId[],
			lost: idsIn(segments, left),
		};
	} finally {
		close();
		if (stage !== undefined) await catchUp(repository, stage);
	}
}

/** Without those that this run has moved away itself, and tells of as damaged. */
export function notAmong(
	packs: readonly PackId[],
	mended: readonly { readonly pack: PackId }[],
): PackId[] {
	const own = new Set(mended.map(({ pack }) => pack));
	return packs.filter((name) => !own.has(name));
}

/** Ids of all that segments say these packs held. */
function idsIn(
	segments: OpenSegments["segments"],
	packs: ReadonlySet<string>,
): string[] {
	const found = new Set<string>();
	for (const segment of segments) {
		if (!segment.packs.some(({ id }) => packs.has(id))) continue;
		for (const { id, frames } of segment.contents())
			if (packs.has(id))
				for (const { ids } of frames)
					for (let at = 0; at < ids.length; at += idBytes)
						found.add(idAt<ChunkId>(ids, at));
	}
	return [...found];
}

/** Of these packs the ones of which all is known that they held, and lies in other packs too. */
function coveredOf(
	{ index }: Repository,
	segments: OpenSegments["segments"],
	absent: ReadonlySet<string>,
): Set<string> {
	const covered = new Set(absent);
	for (const segment of segments) {
		if (!segment.packs.some(({ id }) => covered.has(id))) continue;
		for (const { id, frames } of segment.contents()) {
			if (!covered.has(id)) continue;
			const isCovered =
				frames.length > 0 &&
				frames.every(({ ids, bases }) => {
					const sorted = sortIds(ids, ids.length / idBytes).ids.slice();
					const plain = bases.length === 0;
					// What may be a base of others must lie without bases again.
					return index
						.places(sorted, { plain })
						.every((place) => place && (!plain || place.bases.length === 0));
				});
			if (!isCovered) covered.delete(id);
		}
	}
	return covered;
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

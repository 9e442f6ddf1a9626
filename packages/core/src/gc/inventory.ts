import {
	CorruptError,
	decodeForgotten,
	NotFoundError,
	type SnapshotId,
	type SnapshotRecord,
} from "@varve/format";
import type { Listing, OpenSegments } from "@varve/store";
import { isCopySound, lostOriginals } from "../copies/lost-originals.ts";
import { listRepository } from "../listing.ts";
import type { Repository } from "../repository.ts";

/** What lies in a repository, as one who collects must know it: all of it, from the repository itself. */
export interface Inventory extends Disposable {
	readonly listing: Listing;
	readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	readonly segments: OpenSegments;
}

/**
 * Lists in the order in which nothing is missed (see listRepository). CorruptError "BAD_RECORD" if a record cannot be read, "LOST_RECORD" if only
 * its copy is left: what it reaches would be taken for dead.
 */
export async function takeInventory(
	repository: Repository,
	signal?: AbortSignal,
): Promise<Inventory> {
	const { backend, index, tools } = repository;
	const listing = await listRepository(backend, tools);
	const ids = listing.snapshots.map(({ name }) => name as SnapshotId);
	const records = await index.records(ids);
	for (const id of ids) if (!records.has(id)) await requireGone(repository, id);
	for (const { name } of await lostOriginals(backend, "snapshots")) {
		if (!(await isCopySound(repository, "snapshots", name))) continue;
		throw new CorruptError(
			"LOST_RECORD",
			`the record of the snapshot ${name} is lost, only its copy is there: nothing is deleted, varve repair puts it back`,
			{ snapshot: name },
		);
	}
	const segments = await repository.openSegments(listing, signal);
	return {
		listing,
		records,
		segments,
		[Symbol.dispose]: () => segments.close(),
	};
}

async function requireGone(
	{ backend }: Repository,
	id: SnapshotId,
): Promise<void> {
	if ((await backend.size("snapshots", id)) === undefined) return;
	throw new CorruptError(
		"BAD_RECORD",
		`the record of the snapshot ${id} cannot be read: nothing is deleted, because nobody knows what it needs`,
		{ snapshot: id },
	);
}

/** Snapshots that are forgotten, and since when (ms since 1970). A mark that cannot be read says nothing. */
export async function forgottenSince({
	backend,
	tools,
	observer,
}: Repository): Promise<Map<SnapshotId, number>> {
	const since = new Map<SnapshotId, number>();
	for (const { name } of await backend.list("forgotten"))
		try {
			const mark = decodeForgotten(
				await backend.read("forgotten", name),
				(bytes) => tools.sha256Hex(bytes),
			);
			if (mark.snapshot === name)
				since.set(mark.snapshot, Date.parse(mark.time));
		} catch (error) {
			if (error instanceof NotFoundError) continue;
			if (!(error instanceof CorruptError)) throw error;
			observer.on({
				type: "warning",
				message: `the mark forgotten/${name} cannot be read: the snapshot stays`,
			});
		}
	return since;
}

import type { Repository, Snapshot } from "../repository.ts";

const day = 24 * 3600 * 1000;

/**
 * The same snapshots; those are marked that were stored more than a day after the time they say they are of: by a clock that was wrong, or
 * with a time that somebody gave them. Rules of retention go by the snapshot's own time all the same.
 */
export async function tellStoredLate(
	{ backend }: Pick<Repository, "backend">,
	snapshots: readonly Snapshot[],
): Promise<Snapshot[]> {
	return Promise.all(
		snapshots.map(async (snapshot) => {
			const stored = await backend.storedAt?.("snapshots", snapshot.id);
			const time = Date.parse(snapshot.record.time);
			return stored === undefined || stored - time <= day
				? snapshot
				: { ...snapshot, storedLate: new Date(stored).toISOString() };
		}),
	);
}

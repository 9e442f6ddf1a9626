import type { SnapshotId, SnapshotRecord } from "@varve/format";

/** Key in the provenance of a repaired snapshot: the id of the damaged one. */
export const repairedFrom = "repaired-from";

/** Snapshots in whose place no other was made. */
export function unreplaced(
	records: ReadonlyMap<SnapshotId, SnapshotRecord>,
): Map<SnapshotId, SnapshotRecord> {
	const replaced = new Set<unknown>(
		[...records.values()].map(({ provenance }) => provenance[repairedFrom]),
	);
	return new Map([...records].filter(([id]) => !replaced.has(id)));
}

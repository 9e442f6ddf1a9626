import type { SnapshotId, SnapshotRecord } from "@varve/format";

/** Key in the provenance of a repaired snapshot: the id of the damaged one. */
export const repairedFrom = "repaired-from";

type Records = ReadonlyMap<SnapshotId, SnapshotRecord>;

/** Snapshots in whose place no other was made. */
export function unreplaced(records: Records): Map<SnapshotId, SnapshotRecord> {
	const replaced = new Set<unknown>(
		[...records.values()].map(({ provenance }) => provenance[repairedFrom]),
	);
	return new Map([...records].filter(([id]) => !replaced.has(id)));
}

/** True if this snapshot was made in the place of that one, or of one that was. */
export function comesFrom(
	records: Records,
	id: SnapshotId,
	origin: SnapshotId,
): boolean {
	const seen = new Set<unknown>([id]);
	for (
		let at = before(records, id);
		at !== undefined;
		at = before(records, at)
	) {
		if (at === origin) return true;
		if (seen.has(at)) return false;
		seen.add(at);
	}
	return false;
}

function before(records: Records, id: SnapshotId): SnapshotId | undefined {
	const from = records.get(id)?.provenance[repairedFrom];
	return typeof from === "string" ? (from as SnapshotId) : undefined;
}

import { idToBytes, type SnapshotId, type SnapshotRecord } from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import { findHurt } from "../verify/hurt.ts";
import type { Losses } from "./options.ts";

export const noLosses: Losses = {
	chunks: [],
	hurt: [],
	moreHurt: 0,
	snapshots: [],
};

/** Which of these chunks nothing gives any more, and which files of which snapshots that hurts. The index must have caught up. */
export async function lossesOf(
	repository: Repository,
	ids: readonly string[],
): Promise<Losses> {
	const { objects } = repository;
	const chunks = [...new Set(ids)].filter((id) => {
		const read = attemptRead(() => objects.readAt(idToBytes(id), 0));
		return read instanceof Error;
	});
	if (chunks.length === 0) return noLosses;
	const records = await listedRecords(repository);
	const map = findHurt({ objects, records, bad: new Set(chunks) });
	const { hurt, more } = map.of(chunks);
	const snapshots = [...new Set(hurt.flatMap((path) => path.snapshots))];
	return { chunks, hurt, moreHurt: more, snapshots };
}

/** Records that can be read. */
export async function listedRecords({
	backend,
	index,
}: Repository): Promise<Map<SnapshotId, SnapshotRecord>> {
	const listed = await backend.list("snapshots");
	return index.records(listed.map(({ name }) => name as SnapshotId));
}

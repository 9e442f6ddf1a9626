import type { SnapshotId } from "@varve/format";
import type { FreedBy } from "../forget/freed-by.ts";
import type { Repository } from "../repository.ts";
import { forgottenSince, takeInventory } from "./inventory.ts";
import { LiveMark } from "./live-mark.ts";
import { sourcesOf } from "./sweep.ts";

/**
 * Stored bytes of what these snapshots alone refer to, of all that are not forgotten: about what a gc will free. Reads the trees of all
 * snapshots.
 */
export const freedBy: FreedBy = async (
	repository: Repository,
	ids: readonly SnapshotId[],
	signal?: AbortSignal,
): Promise<number> => {
	const forgotten = await forgottenSince(repository);
	using inventory = await takeInventory(repository, signal);
	const { records, segments } = inventory;
	const table = segments.table(new Set());
	const sources = sourcesOf(repository, [table]);
	const mark = new LiveMark({ tables: [table], sources, signal });
	const going = new Set<SnapshotId>(ids);
	const staying = [...records].filter(
		([id]) => !forgotten.has(id) && !going.has(id),
	);
	const liveBytes = () => table.use().reduce((sum, { live }) => sum + live, 0);
	await mark.add(staying.map(([, record]) => record));
	const without = liveBytes();
	await mark.add([...records].flatMap(([id, r]) => (going.has(id) ? [r] : [])));
	return liveBytes() - without;
};

import type { SnapshotId } from "@varve/format";
import type { Repository } from "../repository.ts";

/** Bytes of the repository that a gc could free once these snapshots are forgotten, beside what it could free before. */
export type FreedBy = (
	repository: Repository,
	ids: readonly SnapshotId[],
	signal?: AbortSignal,
) => Promise<number>;

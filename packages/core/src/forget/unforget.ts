import {
	ConflictError,
	decodeForgotten,
	type Forgotten,
	NotFoundError,
	type SnapshotId,
} from "@varve/format";
import { withLease } from "../lease.ts";
import { listCondemned } from "../listing.ts";
import { listSnapshots, type SnapshotFilter } from "../query/list-snapshots.ts";
import type { Repository, Snapshot } from "../repository.ts";
import { settleSeen } from "../settle-seen.ts";

export interface Unforgotten {
	readonly id: SnapshotId;
	/** False if it was not forgotten. */
	readonly changed: boolean;
}

/**
 * Brings forgotten snapshots back, all or none. NotFoundError "NO_SUCH_SNAPSHOT" if one is not there any more, ConflictError "CONDEMNED"
 * if a gc that is not finished is going to delete it.
 */
export async function unforget(
	repository: Repository,
	ids: readonly SnapshotId[],
): Promise<Unforgotten[]> {
	if (ids.length === 0) return [];
	const lease = {
		kind: "writer",
		snapshots: ids,
		command: "unforget",
	} as const;
	return await withLease(repository, lease, async (stage) => {
		// In this order, under the lease: a gc whose list is not seen here waits for the lease, and looks at the marks again.
		const condemned = (
			await listCondemned(repository.backend, repository.tools)
		).snapshots;
		const { backend } = repository;
		const listed = names(await backend.list("snapshots"));
		for (const id of ids) requireSaved(id, { condemned, listed });
		const marked = names(await backend.list("forgotten"));
		await settleSeen(repository);
		for (const id of ids)
			if (marked.has(id)) await backend.remove(stage, "forgotten", id);
		return ids.map((id) => ({ id, changed: marked.has(id) }));
	});
}

/** Forgotten snapshots that are still there, the newest last. */
export async function listForgotten(
	repository: Repository,
	filter: SnapshotFilter = {},
): Promise<Snapshot[]> {
	const all = await listSnapshots(repository, { ...filter, forgotten: true });
	return all.filter(({ forgotten }) => forgotten);
}

/** Who forgot a snapshot, when and why; undefined if nobody did. CorruptError for a mark that cannot be read: it counts all the same. */
export async function readForgotten(
	{ backend, tools }: Repository,
	id: SnapshotId,
): Promise<Forgotten | undefined> {
	try {
		const bytes = await backend.read("forgotten", id);
		return decodeForgotten(bytes, (b) => tools.sha256Hex(b));
	} catch (error) {
		if (error instanceof NotFoundError) return undefined;
		throw error;
	}
}

const names = (files: readonly { readonly name: string }[]) =>
	new Set(files.map(({ name }) => name));

interface Seen {
	readonly condemned: ReadonlySet<string>;
	readonly listed: ReadonlySet<string>;
}

function requireSaved(id: SnapshotId, { condemned, listed }: Seen): void {
	const short = id.slice(0, 8);
	const details = { snapshot: id };
	if (condemned.has(id))
		throw new ConflictError(
			"CONDEMNED",
			`the snapshot ${short} cannot be brought back: a gc that is not finished is going to delete it`,
			details,
		);
	if (!listed.has(id))
		throw new NotFoundError(
			"NO_SUCH_SNAPSHOT",
			`the snapshot ${short} is not in the repository any more`,
			details,
		);
}

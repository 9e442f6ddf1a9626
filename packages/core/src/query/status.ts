import { prepareToRead } from "../prepare-to-read.ts";
import type { Repository, Snapshot } from "../repository.ts";
import { locate } from "../restore/locate.ts";
import { copiesOf } from "../snapshot/open-previous.ts";
import { PreviousScan } from "../snapshot/previous.ts";
import { createSourceFs } from "../snapshot/source-fs.ts";
import type { StatusItem } from "./compare-live.ts";
import { type StatusSums, StatusWalk } from "./status-walk.ts";

export interface StatusRequest {
	readonly snapshot: Snapshot;
	/** Absolute, or below a root; undefined for the whole snapshot. */
	readonly path?: string | undefined;
	/** Report entries too of which only attributes changed. */
	readonly metadata?: boolean | undefined;
	/** Read all files, also those that by inode, size and times have not been touched since. */
	readonly readAll?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
}

export type StatusResult =
	| StatusItem
	| ({ readonly type: "statistics" } & StatusSums);

const turnEvery = 64;

/**
 * What is different between a snapshot and the files as they are now: changes and entries that cannot be looked at, in the order of the
 * walk, then one item of sums. What the snapshot left out by its rules is not taken for new. Content of the same length is read and
 * compared unless the scan state vouches for the file. Errors as `locate` has them.
 */
export async function* status(
	repository: Repository,
	{ snapshot, path, metadata = false, readAll = false, signal }: StatusRequest,
): AsyncGenerator<StatusResult> {
	const { objects, tools, backend } = repository;
	const { record } = snapshot;
	await prepareToRead(repository, [snapshot.id]);
	const walk = new StatusWalk({
		objects,
		tools,
		record,
		fs: createSourceFs(),
		scan: readAll ? undefined : scanOf(repository, snapshot),
		own: backend.descriptor?.path,
	});
	let steps = 0;
	for (const located of locate(objects, record, path).found)
		for (const item of walk.compare(located)) {
			if (++steps % turnEvery === 0) await giveTurn(signal);
			if (item !== undefined && (metadata || !isMinor(item))) yield item;
		}
	yield { type: "statistics", ...walk.sums };
}

const isMinor = (item: StatusItem) =>
	item.type === "change" && item.modifier === "U";

async function giveTurn(signal: AbortSignal | undefined): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
	signal?.throwIfAborted();
}

function scanOf(
	{ objects }: Repository,
	{ record }: Snapshot,
): PreviousScan | undefined {
	return record.scan && new PreviousScan(copiesOf(objects.pieces(record.scan)));
}

import type { Repository, Snapshot } from "../repository.ts";
import { type Entry, type PlacedNode, toEntry } from "./entry.ts";
import { childrenOf, descendantsOf, locateIn, nodeOf } from "./placed-nodes.ts";
import { rereading } from "./rereading.ts";

export interface TreeRequest {
	/** Absolute, or below a root; undefined for the whole snapshot. */
	readonly path?: string | undefined;
	/** All that lies below too. */
	readonly recursive?: boolean | undefined;
}

/**
 * Entries of a snapshot in the order of names, each directory before what is in it. Of a directory that is asked for: what is in
 * it; of anything else: itself; of the whole snapshot: the roots and what is in them. Errors as `locate` has them.
 */
export async function* listTree(
	repository: Repository,
	snapshot: Snapshot,
	request: TreeRequest = {},
): AsyncGenerator<Entry> {
	const nodes = rereading(repository, () =>
		placedNodes(repository, snapshot, request),
	);
	for await (const placed of nodes) yield toEntry(placed, snapshot.record);
}

async function* placedNodes(
	repository: Repository,
	snapshot: Snapshot,
	{ path, recursive = false }: TreeRequest,
): AsyncGenerator<PlacedNode> {
	const { objects } = repository;
	const { found, prefix } = await locateIn(repository, snapshot, path);
	const below = recursive ? descendantsOf : childrenOf;
	for (const located of found) {
		const isAskedFor = path !== undefined && located.path === prefix;
		const placed = nodeOf(located);
		if (!isAskedFor) yield placed;
		if (isAskedFor || recursive || path === undefined)
			yield* below(objects, placed, snapshot.record);
	}
}

import {
	decodePages,
	decodeTree,
	isPaged,
	type Node,
	type TreeId,
	type VarveError,
} from "@varve/format";
import { attemptRead } from "./damage.ts";
import type { ObjectReader } from "./repository.ts";

/** A page of a directory, or what is wrong with it. A directory that is not paged is one page, with the id of its tree. */
export interface PageRead {
	readonly id: TreeId;
	readonly nodes: readonly Node[] | VarveError;
}

/** Reads a directory page by page, past damage: a list of pages that cannot be read is one damaged page. */
export function* readPages(
	objects: Pick<ObjectReader, "read">,
	tree: TreeId,
): Generator<PageRead> {
	const top = attemptRead(() => {
		// A copy: the nodes hold views of it.
		const bytes = objects.read(tree).slice();
		return isPaged(bytes)
			? { pages: decodePages(bytes) }
			: { nodes: decodeTree(bytes) };
	});
	if (top instanceof Error) yield { id: tree, nodes: top };
	else if ("nodes" in top) yield { id: tree, nodes: top.nodes };
	else
		for (const { tree: id } of top.pages)
			yield {
				id,
				nodes: attemptRead(() => decodeTree(objects.read(id).slice())),
			};
}

import {
	blankNode,
	decodeName,
	NodeKind,
	type Root,
	type SnapshotRecord,
} from "@varve/format";
import { prepareToRead } from "../prepare-to-read.ts";
import type { ObjectReader, Repository, Snapshot } from "../repository.ts";
import { type Located, type Location, locate } from "../restore/locate.ts";
import type { PlacedNode } from "./entry.ts";

type Nodes = Pick<ObjectReader, "nodes">;
type Roots = Pick<SnapshotRecord, "roots">;

/** What a path names in a snapshot, with look-ups brought up to date (see locate). */
export async function locateIn(
	repository: Repository,
	{ id, record }: Snapshot,
	path: string | undefined,
): Promise<Location> {
	await prepareToRead(repository, [id]);
	return locate(repository.objects, record, path);
}

export function nodeOfRoot(record: Roots, index: number): PlacedNode {
	const root = record.roots[index] as Root;
	const { path, kind: _, ...attributes } = root;
	const blank = blankNode(new Uint8Array(0), NodeKind.directory);
	const node = { ...blank, ...attributes };
	return { path, root: index, node };
}

/** The node of something that was located. */
export function nodeOf(located: Located): PlacedNode {
	const { root } = located;
	if (located.type === "entry")
		return { path: located.path, root, node: located.node };
	const blank = blankNode(new Uint8Array(0), NodeKind.directory);
	const node = { ...blank, ...located.attributes, tree: located.tree };
	return {
		path: located.path || "/",
		root,
		node: { ...node, kind: NodeKind.directory },
	};
}

/** What lies in a directory, in the order of names; nothing for what is none. Other roots that lie in it are left out. */
export function* childrenOf(
	objects: Nodes,
	{ path, root, node }: PlacedNode,
	{ roots }: Roots,
): Generator<PlacedNode> {
	if (node.tree === undefined) return;
	const start = path === "/" ? path : `${path}/`;
	const others = roots.filter((other, i) => i !== root && isWhole(other));
	for (const child of objects.nodes(node.tree)) {
		const below = start + decodeName(child.name);
		const isRoot =
			others.length > 0 &&
			child.kind === NodeKind.directory &&
			others.some((other) => other.path === below);
		if (!isRoot) yield { path: below, root, node: child };
	}
}

const isWhole = (root: Root) => root.kind === "directory";

/** All that lies below, each directory before what is in it. */
export function* descendantsOf(
	objects: Nodes,
	placed: PlacedNode,
	record: Roots,
): Generator<PlacedNode> {
	const open = [childrenOf(objects, placed, record)];
	for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
		const { value, done } = at.next();
		if (done === true) {
			open.pop();
			continue;
		}
		yield value;
		if (value.node.kind === NodeKind.directory)
			open.push(childrenOf(objects, value, record));
	}
}

/** All of what was located: each directory itself, and what is below it. */
export function* allOf(
	objects: Nodes,
	{ found }: Location,
	record: Roots,
): Generator<PlacedNode> {
	for (const located of found) {
		const placed = nodeOf(located);
		yield placed;
		yield* descendantsOf(objects, placed, record);
	}
}

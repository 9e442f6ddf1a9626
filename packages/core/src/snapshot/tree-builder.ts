import {
	type Bytes,
	blankNode,
	CorruptError,
	decodeName,
	encodeName,
	encodePages,
	encodeTree,
	equalBytes,
	maxTreeNodes,
	type Node,
	NodeKind,
	PageBoundaries,
	type TreeId,
	type TreePage,
} from "@varve/format";
import { splitTime } from "../time.ts";
import { type Directory, kindOfMode } from "./directory.ts";
import type { MetaWriter } from "./meta-writer.ts";
import type { PreviousTree } from "./previous-tree.ts";
import type { Report } from "./report.ts";
import { gidOf, modeOf, mtimeOf, uidOf } from "./stat-columns.ts";
import { shedXattrs } from "./xattr-room.ts";

export interface TreeParts {
	readonly meta: MetaWriter;
	readonly report: Report;
}

/** Stores the tree of a directory all of whose entries are known, and returns its id. */
export function buildTree(
	directory: Directory,
	previous: PreviousTree | undefined,
	parts: TreeParts,
): TreeId {
	const present = presentEntries(directory);
	if (present.length <= maxTreeNodes)
		return putNodes(directory, present, previous, parts);
	const pages: TreePage[] = [];
	for (const { from, to } of pageRanges(directory, present)) {
		const last = encodeName(
			directory.names[present[to - 1] as number] as string,
		);
		const tree =
			reusablePage(
				directory,
				{ first: present[from] as number, count: to - from, last },
				previous,
			) ?? putNodes(directory, present.slice(from, to), previous, parts);
		pages.push({ last, count: to - from, tree });
	}
	const former = previous?.pages === undefined ? undefined : previous.id;
	return parts.meta.put(encodePages(pages), former).hex as TreeId;
}

function presentEntries({ names, dropped }: Directory): number[] {
	const present: number[] = [];
	for (let i = 0; i < names.length; i++) if (!dropped.has(i)) present.push(i);
	return present;
}

function* pageRanges(
	{ names }: Directory,
	present: readonly number[],
): Generator<{ from: number; to: number }> {
	const boundaries = new PageBoundaries();
	let from = 0;
	for (let i = 0; i < present.length; i++) {
		const name = encodeName(names[present[i] as number] as string);
		if (!boundaries.endsAfter(name) && i + 1 < present.length) continue;
		yield { from, to: i + 1 };
		from = i + 1;
	}
}

/** The parent snapshot's page, if nothing in it changed. */
function reusablePage(
	directory: Directory,
	{ first, count, last }: { first: number; count: number; last: Bytes },
	previous: PreviousTree | undefined,
): TreeId | undefined {
	const page = directory.pages.find(
		(p) => p.start === first && p.end === first + count,
	);
	if (page?.same === undefined || previous?.pages === undefined)
		return undefined;
	for (let i = page.start; i < page.end; i++)
		if (directory.childTrees.has(i) || directory.reads.has(i)) return undefined;
	return previous.pages.find(
		(p) => p.count === count && Buffer.compare(p.last, last) === 0,
	)?.tree;
}

function putNodes(
	directory: Directory,
	entries: readonly number[],
	previous: PreviousTree | undefined,
	{ meta, report }: TreeParts,
): TreeId {
	const all = entries.map((index) => nodeOf(directory, index, previous));
	const { nodes, shed } = shedXattrs(all);
	report.countShed(shed);
	const [first] = nodes;
	const former = first && previous?.treeFor(first.name);
	return meta.put(encodeTree(nodes), former).hex as TreeId;
}

type Draft = { -readonly [K in keyof Node]: Node[K] };

/** Field by field: nodes of one shape are encoded twice as fast as nodes that were spread together. */
function nodeOf(
	directory: Directory,
	index: number,
	previous: PreviousTree | undefined,
): Node {
	const { stats } = directory;
	const name = encodeName(directory.names[index] as string);
	const mode = modeOf(stats, index);
	const node: Draft = blankNode(name, kindOfMode(mode) as NodeKind);
	node.mode = mode & 0o7777;
	node.uid = uidOf(stats, index);
	node.gid = gidOf(stats, index);
	const { seconds, nanoseconds } = splitTime(
		directory.farTimes.get(index) ?? mtimeOf(stats, index),
	);
	node.mtime = seconds;
	node.mtimeNs = nanoseconds;
	const seen = directory.xattrs.get(index);
	if (!takeNew(node, directory, index))
		inherit(node, priorNode(node, previous, directory.path));
	else if (node.kind === NodeKind.directory && seen === undefined)
		node.xattrs = priorNode(node, previous, directory.path).xattrs;
	if (seen !== undefined) node.xattrs = seen;
	return node;
}

/** What was found out about an entry now; false if it is as in the parent snapshot. */
function takeNew(node: Draft, directory: Directory, index: number): boolean {
	const read = directory.reads.get(index);
	if (read !== undefined) {
		node.content = read.content;
		node.torn = read.torn;
		node.holes = read.holes;
		node.xattrs = read.xattrs;
		return true;
	}
	if (node.kind === NodeKind.directory) {
		node.tree = directory.childTrees.get(index);
		return node.tree !== undefined;
	}
	if (node.kind === NodeKind.symlink) {
		node.target = directory.targets.get(index);
		return node.target !== undefined;
	}
	if (!directory.fresh.has(index)) return false;
	node.device = directory.devices.get(index) ?? 0;
	return true;
}

/** True if a file that was read again is what it was in the parent snapshot: content and all that is kept of it. */
export function isSameFile(
	directory: Directory,
	index: number,
	previous: PreviousTree,
): boolean {
	if (directory.dropped.has(index)) return false;
	const now = nodeOf(directory, index, previous);
	const before = previous.node(now.name);
	return (
		before !== undefined && equalBytes(encodeTree([before]), encodeTree([now]))
	);
}

/** An entry that the scan state vouches for must be in the parent's tree. */
function priorNode(
	{ name, kind }: Node,
	previous: PreviousTree | undefined,
	path: string,
): Node {
	const before = previous?.node(name);
	if (before?.kind === kind) return before;
	throw new CorruptError(
		"PARENT_MISMATCH",
		`the parent snapshot's tree does not hold ${path}${decodeName(name)}, though its scan state does`,
	);
}

function inherit(node: Draft, before: Node): void {
	node.content = before.content;
	node.tree = before.tree;
	node.target = before.target;
	node.device = before.device;
	node.holes = before.holes;
	node.torn = before.torn;
	node.xattrs = before.xattrs;
	node.attributes = before.attributes;
}

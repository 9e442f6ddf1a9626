import {
	type Bytes,
	blankNode,
	CorruptError,
	emptyContent,
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
import { type Directory, kindOfMode } from "./directory.ts";
import type { MetaWriter } from "./meta-writer.ts";
import type { PreviousTree } from "./previous-tree.ts";
import { gidOf, modeOf, mtimeOf, uidOf } from "./stat-columns.ts";

const second = 1_000_000_000n;

/** Stores the tree of a directory all of whose entries are known, and returns its id. */
export function buildTree(
	directory: Directory,
	previous: PreviousTree | undefined,
	meta: MetaWriter,
): TreeId {
	const present = presentEntries(directory);
	if (present.length <= maxTreeNodes)
		return putNodes(directory, present, previous, meta);
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
			) ?? putNodes(directory, present.slice(from, to), previous, meta);
		pages.push({ last, count: to - from, tree });
	}
	return meta.put(encodePages(pages)).hex as TreeId;
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
	meta: MetaWriter,
): TreeId {
	const nodes = entries.map((index) => nodeOf(directory, index, previous));
	return meta.put(encodeTree(nodes)).hex as TreeId;
}

function nodeOf(
	directory: Directory,
	index: number,
	previous: PreviousTree | undefined,
): Node {
	const { stats, reads, targets, childTrees, fresh } = directory;
	const name = encodeName(directory.names[index] as string);
	const mode = modeOf(stats, index);
	const kind = kindOfMode(mode) as NodeKind;
	const { seconds, nanoseconds } = splitTime(
		directory.farTimes.get(index) ?? mtimeOf(stats, index),
	);
	const base = {
		...blankNode(name, kind),
		mode: mode & 0o7777,
		uid: uidOf(stats, index),
		gid: gidOf(stats, index),
		mtime: seconds,
		mtimeNs: nanoseconds,
	};
	const read = reads.get(index);
	if (read !== undefined) return { ...base, ...read };
	if (kind === NodeKind.directory && childTrees.has(index))
		return { ...base, tree: childTrees.get(index) };
	if (kind === NodeKind.symlink && targets.has(index))
		return { ...base, target: targets.get(index) };
	if (fresh.has(index))
		return {
			...base,
			content: emptyContent,
			device: directory.devices.get(index) ?? 0,
		};
	return {
		...inherited(previous?.node(name), directory, index),
		mode: base.mode,
		uid: base.uid,
		gid: base.gid,
		mtime: seconds,
		mtimeNs: nanoseconds,
	};
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
function inherited(
	node: Node | undefined,
	directory: Directory,
	index: number,
): Node {
	if (
		node !== undefined &&
		node.kind === kindOfMode(modeOf(directory.stats, index))
	)
		return node;
	throw new CorruptError(
		"PARENT_MISMATCH",
		`the parent snapshot's tree does not hold ${directory.path}${directory.names[index]}, though its scan state does`,
	);
}

/** Whole seconds, rounded down, and the nanoseconds left. */
export function splitTime(time: bigint): {
	seconds: number;
	nanoseconds: number;
} {
	let nanoseconds = time % second;
	if (nanoseconds < 0n) nanoseconds += second;
	return {
		seconds: Number((time - nanoseconds) / second),
		nanoseconds: Number(nanoseconds),
	};
}

import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { beginObject, openObject } from "./magic.ts";
import { isNodePath } from "./node.ts";
import { compareWalkOrder } from "./walk-order.ts";

/** One path of a group of hard links. */
export interface LinkPath {
	/** Index of the root in the snapshot record. */
	readonly root: number;
	/** Below the root, components joined by "/". */
	readonly path: Bytes;
}

/** Paths of one inode that are in the snapshot: two or more, in the order of the walk. */
export type LinkGroup = readonly LinkPath[];

const letters = "VH";
/** A root and a path of one letter with its length. */
const leastPathBytes = 3;
/** Two paths and their number. */
const leastGroupBytes = 1 + 2 * leastPathBytes;

/**
 * A piece of the table of hard links: "VH1\0", group count (varint), then for each group path count (varint), and root (varint)
 * and path (block) of each. Groups stand in the order of their first paths. Throws a plain Error for groups that are not so.
 */
export function encodeLinks(groups: readonly LinkGroup[]): Bytes {
	if (groups.length === 0) throw new Error("a table of links holds nothing");
	const w = new ByteWriter(4096);
	beginObject(w, letters);
	w.varint(groups.length);
	groups.forEach((group, i) => {
		const fault = groupFault(groups[i - 1], group);
		if (fault !== undefined) throw new Error(`a table of links ${fault}`);
		w.varint(group.length);
		for (const { root, path } of group) {
			w.varint(root);
			w.block(path);
		}
	});
	return w.finish();
}

/** Throws a CorruptError for anything that `encodeLinks` does not write. */
export function decodeLinks(bytes: Bytes): LinkGroup[] {
	const r = new ByteReader(bytes, "links table");
	openObject(r, letters, "links");
	const count = r.count(leastGroupBytes, "groups");
	if (count === 0) r.fail("holds nothing");
	const groups: LinkGroup[] = [];
	for (let i = 0; i < count; i++) {
		const group = decodeGroup(r);
		const fault = groupFault(groups[i - 1], group);
		if (fault !== undefined) r.fail(fault);
		groups.push(group);
	}
	r.end();
	return groups;
}

function decodeGroup(r: ByteReader): LinkGroup {
	const count = r.count(leastPathBytes, "paths");
	const group: LinkPath[] = [];
	for (let i = 0; i < count; i++)
		group.push({ root: r.varint(), path: r.block() });
	return group;
}

function groupFault(
	before: LinkGroup | undefined,
	group: LinkGroup,
): string | undefined {
	if (group.length < 2) return `holds a group of ${group.length}`;
	if (compareFirst(before, group) >= 0) return "holds groups out of order";
	let last: LinkPath | undefined;
	for (const path of group) {
		if (!isNodePath(path.path)) return "holds an impossible path";
		if (last !== undefined && compareLinkPaths(last, path) >= 0)
			return "holds paths out of order";
		last = path;
	}
	return undefined;
}

function compareFirst(a: LinkGroup | undefined, b: LinkGroup): number {
	const [first, second] = [a?.[0], b[0]];
	return first === undefined || second === undefined
		? -1
		: compareLinkPaths(first, second);
}

function compareLinkPaths(a: LinkPath, b: LinkPath): number {
	return a.root - b.root || compareWalkOrder(a.path, b.path);
}

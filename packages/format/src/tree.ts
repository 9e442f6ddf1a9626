import { ByteWriter } from "./byte-writer.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import {
	contentFault,
	countIds,
	encodeItemHeaders,
	ItemKind,
} from "./content.ts";
import { idBytes } from "./id.ts";
import { beginObject } from "./magic.ts";
import {
	isDevice,
	isNodeName,
	maxMode,
	maxMtime,
	maxNanoseconds,
	maxOwner,
	minMtime,
	type Node,
	NodeKind,
} from "./node.ts";
import { encodeAttributes } from "./tree-attributes.ts";

/**
 * A tree is the sorted nodes of one directory, or of one page of a large one, in columns: what is alike stands together and
 * compresses well. Canonical: the same directory has the same bytes everywhere, so its id proves its content.
 *
 *     4 bytes   "VT1\0"
 *     varint    number of nodes n
 *     n ×       name (block), in ascending order of bytes
 *     n ×       kind + flags (1 byte)
 *     n ×       mode (2 bytes)
 *     n ×       uid (varint)
 *     n ×       gid (varint)
 *     n ×       mtime in seconds less that of the node before, zigzag (varint)
 *     n ×       nanoseconds of the mtime (4 bytes)
 *     symlinks  target (block) of each
 *     devices   number (varint) of each
 *     files     number of items (varint) of each
 *     files     headers of all items
 *     files and directories   ids of the items, or the id of the tree, of each
 *     extended attributes, attributes (see tree-attributes.ts)
 */
export const treeLetters = "VT";

/** Directories of more entries are paged. */
export const maxTreeNodes = 4096;
/** Nodes in one page, and so in any tree object. */
export const maxPageNodes = 8192;

export const holesFlag = 16;
export const tornFlag = 32;

const noBytes = new Uint8Array(0);

/**
 * Throws a plain Error for nodes out of order, for impossible names, numbers and contents, and for what a node of its kind does
 * not have: a fault of the caller.
 */
export function encodeTree(nodes: readonly Node[]): Bytes {
	if (nodes.length > maxPageNodes)
		throw new Error(`a tree of ${nodes.length} nodes`);
	const w = new ByteWriter(64 + nodes.length * 112);
	beginObject(w, treeLetters);
	w.varint(nodes.length);
	encodeNames(w, nodes);
	for (const n of nodes) w.u8(kindByte(n));
	for (const n of nodes) w.u16(inRange(n.mode, 0, maxMode));
	for (const n of nodes) w.varint(inRange(n.uid, 0, maxOwner));
	for (const n of nodes) w.varint(inRange(n.gid, 0, maxOwner));
	let previous = 0;
	for (const { mtime } of nodes) {
		w.varint(zigzag(inRange(mtime, minMtime, maxMtime) - previous));
		previous = mtime;
	}
	for (const n of nodes) w.u32(inRange(n.mtimeNs, 0, maxNanoseconds));
	encodeKindColumns(w, nodes);
	encodeAttributes(w, nodes, "xattrs");
	encodeAttributes(w, nodes, "attributes");
	return w.finish();
}

function encodeNames(w: ByteWriter, nodes: readonly Node[]): void {
	let last: Bytes = noBytes;
	for (const { name } of nodes) {
		if (!isNodeName(name)) throw new Error("a node has an impossible name");
		if (compareBytes(last, name) >= 0)
			throw new Error("nodes are not in ascending order of names");
		last = name;
		w.block(name);
	}
}

function kindByte(n: Node): number {
	inRange(n.kind, NodeKind.file, NodeKind.blockDevice);
	const flags = (n.holes ? holesFlag : 0) | (n.torn ? tornFlag : 0);
	if (flags !== 0 && n.kind !== NodeKind.file)
		throw new Error("a node that is no file has flags of files");
	return n.kind | flags;
}

/** Targets, devices, then all item headers, then all ids: what compresses stands apart from what does not. */
function encodeKindColumns(w: ByteWriter, nodes: readonly Node[]): void {
	for (const n of nodes) if (n.kind === NodeKind.symlink) w.block(targetOf(n));
	for (const n of nodes) if (isDevice(n.kind)) w.varint(n.device);
	for (const n of nodes)
		if (n.kind === NodeKind.file) w.varint(n.content.kinds.length);
	for (const n of nodes) {
		if (n.kind !== NodeKind.file) continue;
		requireContent(n);
		encodeItemHeaders(w, n.content);
	}
	for (const n of nodes) {
		if (n.kind === NodeKind.file) w.bytes(n.content.ids);
		else if (n.kind === NodeKind.directory) w.hex(treeOf(n));
	}
}

function targetOf({ target }: Node): Bytes {
	if (target === undefined || !isTarget(target))
		throw new Error("a symlink has an impossible target");
	return target;
}

/** True for bytes that a symlink can point to. */
export function isTarget(target: Bytes): boolean {
	return target.length > 0 && !target.includes(0);
}

function treeOf({ tree }: Node): string {
	if (tree?.length !== 2 * idBytes) throw new Error("a directory has no tree");
	return tree;
}

function requireContent({ content, holes, torn }: Node): void {
	const { kinds, lengths, ids } = content;
	if (
		lengths.length !== kinds.length ||
		ids.length !== countIds(kinds) * idBytes
	)
		throw new Error("a content has columns of different lengths");
	const fault = contentFault(content, torn) ?? holesFault(content.kinds, holes);
	if (fault !== undefined) throw new Error(`a file ${fault}`);
}

/** Holes can be runs of zeros only; those of a list are not seen here. */
export function holesFault(
	kinds: Node["content"]["kinds"],
	holes: boolean,
): string | undefined {
	return holes && !kinds.some((kind) => kind !== ItemKind.chunk)
		? "has holes and no zeros"
		: undefined;
}

function inRange(value: number, least: number, most: number): number {
	if (!(value >= least && value <= most))
		throw new Error(`a node holds ${value}, not ${least} to ${most}`);
	return value;
}

function zigzag(n: number): number {
	return n < 0 ? -n * 2 - 1 : n * 2;
}

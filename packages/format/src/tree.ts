import { ByteReader, type Bytes, ByteWriter, compareBytes } from "./bytes.ts";
import {
	type Content,
	decodeItemHeaders,
	emptyContent,
	encodeItemHeaders,
} from "./content.ts";
import { crc32 } from "./crc32.ts";
import { UnsupportedError } from "./errors.ts";
import { idAt, idBytes, idToBytes, type TreeId } from "./id.ts";

/**
 * A tree is the sorted nodes of one directory, in columns. Canonical: the same directory has the same bytes everywhere, so its
 * id proves its content. Inode numbers, ctimes, access times and link counts are not in it.
 */
export const NodeKind = {
	file: 1,
	directory: 2,
	symlink: 3,
	fifo: 4,
	socket: 5,
	characterDevice: 6,
	blockDevice: 7,
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

export interface Attribute {
	readonly name: Bytes;
	readonly value: Bytes;
}

export interface Node {
	/** Never empty, ".", "..", nor with "/" or a zero byte in it. */
	readonly name: Bytes;
	readonly kind: NodeKind;
	/** Permission bits, set-id and sticky bits: 0 to 0o7777. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Whole seconds since 1970, rounded down; may be negative. */
	readonly mtime: number;
	/** 0 to 999,999,999. */
	readonly mtimeNs: number;
	/** Of files. */
	readonly content: Content;
	/** Of directories. */
	readonly tree: TreeId | undefined;
	/** Of symlinks. */
	readonly target: Bytes | undefined;
	/** Of devices: as in st_rdev. */
	readonly device: number;
	/** Runs of zeros were holes and are restored as holes. */
	readonly holes: boolean;
	/** The file changed while it was read: the content may be a mixture. */
	readonly torn: boolean;
	/** Extended attributes, sorted by name. */
	readonly xattrs: readonly Attribute[];
	/** For what comes later, sorted by name. A name that begins with "!" must be understood by a reader. */
	readonly attributes: readonly Attribute[];
}

const treeMagic = 0x00315456; // "VT1\0"
const pagesMagic = 0x00315056; // "VP1\0"
const holesFlag = 16;
const tornFlag = 32;

const noBytes = new Uint8Array(0);

/** A node of `kind` with nothing set: a base for literals in tests and for nodes built step by step. */
export function blankNode(name: Bytes, kind: NodeKind): Node {
	return {
		name,
		kind,
		mode: 0,
		uid: 0,
		gid: 0,
		mtime: 0,
		mtimeNs: 0,
		content: emptyContent,
		tree: undefined,
		target: undefined,
		device: 0,
		holes: false,
		torn: false,
		xattrs: [],
		attributes: [],
	};
}

/** True for a name that a directory can hold. */
export function isNodeName(name: Bytes): boolean {
	if (name.length === 0 || name.length > 4096) return false;
	if (
		name[0] === 0x2e &&
		(name.length === 1 || (name.length === 2 && name[1] === 0x2e))
	)
		return false;
	return !name.includes(0x2f) && !name.includes(0);
}

/** Throws a plain Error for nodes out of order or with impossible names: a fault of the caller. */
export function encodeTree(nodes: readonly Node[]): Bytes {
	const w = new ByteWriter(64 + nodes.length * 96);
	w.u32(treeMagic);
	w.varint(nodes.length);
	encodeNames(w, nodes);
	for (const n of nodes)
		w.u8(n.kind | (n.holes ? holesFlag : 0) | (n.torn ? tornFlag : 0));
	for (const n of nodes) w.u16(n.mode);
	for (const n of nodes) w.varint(n.uid);
	for (const n of nodes) w.varint(n.gid);
	let previous = 0;
	for (const n of nodes) {
		w.varint(zigzag(n.mtime - previous));
		previous = n.mtime;
	}
	for (const n of nodes) w.u32(n.mtimeNs);
	encodeKindColumns(w, nodes);
	encodeAttributes(w, nodes, "xattrs");
	encodeAttributes(w, nodes, "attributes");
	return w.finish();
}

function encodeNames(w: ByteWriter, nodes: readonly Node[]): void {
	let last: Bytes = noBytes;
	for (const { name } of nodes) {
		if (!isNodeName(name)) throw new Error("a node has an impossible name");
		if (last.length > 0 && compareBytes(last, name) >= 0)
			throw new Error("nodes are not in ascending order of names");
		last = name;
		w.block(name);
	}
}

/** Targets, devices, then all item headers, then all ids: what compresses stands apart from what does not. */
function encodeKindColumns(w: ByteWriter, nodes: readonly Node[]): void {
	for (const n of nodes)
		if (n.kind === NodeKind.symlink) w.block(n.target ?? noBytes);
	for (const n of nodes) if (isDevice(n.kind)) w.varint(n.device);
	for (const n of nodes)
		if (n.kind === NodeKind.file) w.varint(n.content.kinds.length);
	for (const n of nodes)
		if (n.kind === NodeKind.file) encodeItemHeaders(w, n.content);
	for (const n of nodes) {
		if (n.kind === NodeKind.file) w.bytes(n.content.ids);
		else if (n.kind === NodeKind.directory) w.bytes(idToBytes(n.tree ?? ""));
	}
}

/** Nodes that have any: count (varint), then index (varint), number (varint), and name and value of each (blocks). */
function encodeAttributes(
	w: ByteWriter,
	nodes: readonly Node[],
	column: "xattrs" | "attributes",
): void {
	w.varint(nodes.reduce((sum, n) => sum + (n[column].length > 0 ? 1 : 0), 0));
	nodes.forEach((n, index) => {
		if (n[column].length === 0) return;
		w.varint(index);
		w.varint(n[column].length);
		for (const { name, value } of n[column]) {
			w.block(name);
			w.block(value);
		}
	});
}

type Draft = { -readonly [K in keyof Node]: Node[K] };

/** Throws a CorruptError for anything that `encodeTree` does not write. */
export function decodeTree(bytes: Bytes): Node[] {
	const r = new ByteReader(bytes, "tree");
	if (r.u32() !== treeMagic) r.fail("does not begin with VT1");
	const count = r.varint();
	if (count > r.left) r.fail(`names ${count} nodes`);
	const nodes = decodeNames(r, count);
	for (const n of nodes) decodeKind(r, n);
	for (const n of nodes) {
		n.mode = r.u16();
		if (n.mode > 0o7777) r.fail(`holds a mode of ${n.mode}`);
	}
	for (const n of nodes) n.uid = r.varint();
	for (const n of nodes) n.gid = r.varint();
	let previous = 0;
	for (const n of nodes) {
		previous += unzigzag(r.varint());
		n.mtime = previous;
	}
	for (const n of nodes) {
		n.mtimeNs = r.u32();
		if (n.mtimeNs > 999_999_999) r.fail("holds a time of a second or more");
	}
	decodeKindColumns(r, nodes);
	decodeAttributes(r, nodes, "xattrs");
	decodeAttributes(r, nodes, "attributes");
	r.end();
	return nodes;
}

function decodeNames(r: ByteReader, count: number): Draft[] {
	const nodes: Draft[] = [];
	for (let i = 0; i < count; i++) {
		const name = r.block();
		if (!isNodeName(name)) r.fail(`holds an impossible name at entry ${i}`);
		const last = nodes[i - 1];
		if (last !== undefined && compareBytes(last.name, name) >= 0)
			r.fail(`is not in order at entry ${i}`);
		nodes.push(blankNode(name, NodeKind.file) as Draft);
	}
	return nodes;
}

function decodeKind(r: ByteReader, node: Draft): void {
	const byte = r.u8();
	const kind = byte & 15;
	if (kind < 1 || kind > 7 || byte > 63)
		throw new UnsupportedError(
			"UNKNOWN_NODE",
			`a tree holds a node of a newer kind (${byte})`,
			{
				feature: `node-${byte}`,
			},
		);
	node.kind = kind as NodeKind;
	node.holes = (byte & holesFlag) !== 0;
	node.torn = (byte & tornFlag) !== 0;
}

function decodeKindColumns(r: ByteReader, nodes: Draft[]): void {
	for (const n of nodes) if (n.kind === NodeKind.symlink) n.target = r.block();
	for (const n of nodes) if (isDevice(n.kind)) n.device = r.varint();
	const files = nodes.filter((n) => n.kind === NodeKind.file);
	const counts = files.map(() => r.varint());
	const headers = files.map((_, i) => {
		const count = counts[i] as number;
		if (count > r.left) r.fail(`names ${count} items`);
		return decodeItemHeaders(r, count);
	});
	let file = 0;
	for (const n of nodes) {
		if (n.kind === NodeKind.directory) n.tree = idAt<TreeId>(r.bytes(idBytes));
		if (n.kind !== NodeKind.file) continue;
		const { kinds, lengths, idCount } = headers[file++] as (typeof headers)[0];
		if (kinds.length > 0)
			n.content = { kinds, lengths, ids: r.bytes(idCount * idBytes) };
	}
}

function decodeAttributes(
	r: ByteReader,
	nodes: Draft[],
	column: "xattrs" | "attributes",
): void {
	let left = r.varint();
	let last = -1;
	for (; left > 0; left--) {
		const index = r.varint();
		const node = nodes[index];
		if (node === undefined || index <= last)
			r.fail("holds attributes out of order");
		last = index;
		const count = r.varint();
		if (count < 1 || count > r.left) r.fail(`names ${count} attributes`);
		node[column] = Array.from({ length: count }, () => ({
			name: r.block(),
			value: r.block(),
		}));
		if (column === "attributes") node[column].forEach(requireKnown);
	}
}

function requireKnown({ name }: Attribute): void {
	if (name[0] !== 0x21) return;
	const text = new TextDecoder("utf-8").decode(name);
	throw new UnsupportedError(
		"UNKNOWN_ATTRIBUTE",
		`a tree holds the attribute ${text}, which is not known`,
		{
			feature: `attribute-${text}`,
		},
	);
}

function isDevice(kind: NodeKind): boolean {
	return kind === NodeKind.characterDevice || kind === NodeKind.blockDevice;
}

function zigzag(n: number): number {
	return n < 0 ? -n * 2 - 1 : n * 2;
}

function unzigzag(n: number): number {
	return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
}

/** Directories of more entries are paged. */
export const maxTreeNodes = 4096;
const minPage = 512;
const maxPage = 8192;
const pageMask = 1023;

/**
 * Decides where the pages of a large directory end, name by name and by names alone, so that one change rewrites one page. A
 * page ends after a name whose CRC-32 has its ten low bits zero once it has 512 entries, and at 8,192 entries at the latest.
 */
export class PageBoundaries {
	#count = 0;

	/** True if a page ends after this name. */
	endsAfter(name: Bytes): boolean {
		this.#count++;
		const ends =
			this.#count >= maxPage ||
			(this.#count >= minPage && (crc32(name) & pageMask) === 0);
		if (ends) this.#count = 0;
		return ends;
	}
}

export interface TreePage {
	/** Last name in the page. */
	readonly last: Bytes;
	readonly count: number;
	readonly tree: TreeId;
}

/** The tree object of a paged directory: "VP1\0", page count (varint), then last name (block), entries (varint), tree id of each page. */
export function encodePages(pages: readonly TreePage[]): Bytes {
	const w = new ByteWriter(64 + pages.length * 64);
	w.u32(pagesMagic);
	w.varint(pages.length);
	for (const page of pages) {
		w.block(page.last);
		w.varint(page.count);
		w.bytes(idToBytes(page.tree));
	}
	return w.finish();
}

/** True if the bytes of a tree object are a list of pages rather than nodes. */
export function isPaged(bytes: Bytes): boolean {
	return (
		bytes.length >= 4 &&
		bytes[0] === 0x56 &&
		bytes[1] === 0x50 &&
		bytes[2] === 0x31 &&
		bytes[3] === 0
	);
}

export function decodePages(bytes: Bytes): TreePage[] {
	const r = new ByteReader(bytes, "tree pages");
	if (r.u32() !== pagesMagic) r.fail("does not begin with VP1");
	const count = r.varint();
	if (count > r.left) r.fail(`names ${count} pages`);
	const pages: TreePage[] = [];
	for (let i = 0; i < count; i++) {
		const last = r.block();
		const before = pages[i - 1];
		if (before !== undefined && compareBytes(before.last, last) >= 0)
			r.fail("is not in order");
		pages.push({
			last,
			count: r.varint(),
			tree: idAt<TreeId>(r.bytes(idBytes)),
		});
	}
	r.end();
	return pages;
}

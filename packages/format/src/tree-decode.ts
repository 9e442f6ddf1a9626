import { ByteReader } from "./byte-reader.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import { contentFault, decodeItemHeaders, leastItemBytes } from "./content.ts";
import { UnsupportedError } from "./errors.ts";
import { idAt, idBytes, type TreeId } from "./id.ts";
import { openObject } from "./magic.ts";
import {
	blankNode,
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
import {
	holesFault,
	holesFlag,
	isTarget,
	maxPageNodes,
	tornFlag,
	treeLetters,
} from "./tree.ts";
import { decodeAttributes, requireKnownAttributes } from "./tree-attributes.ts";

type Draft = { -readonly [K in keyof Node]: Node[K] };

/** Name of one letter with its length, kind, mode, uid, gid, mtime, nanoseconds: the columns every node has. */
const leastNodeBytes = 12;

/** Throws a CorruptError for anything that `encodeTree` does not write, an UnsupportedError for what a newer one may. */
export function decodeTree(bytes: Bytes): Node[] {
	const r = new ByteReader(bytes, "tree");
	openObject(r, treeLetters, "tree");
	const count = r.count(leastNodeBytes, "nodes");
	if (count > maxPageNodes) r.fail(`names ${count} nodes`);
	const nodes = decodeNames(r, count);
	for (const n of nodes) decodeKind(r, n);
	for (const n of nodes) n.mode = inRange(r, r.u16(), maxMode);
	for (const n of nodes) n.uid = inRange(r, r.varint(), maxOwner);
	for (const n of nodes) n.gid = inRange(r, r.varint(), maxOwner);
	decodeTimes(r, nodes);
	decodeTargetsAndDevices(r, nodes);
	decodeContents(r, nodes);
	decodeAttributes(r, count, (index, xattrs) => {
		(nodes[index] as Draft).xattrs = xattrs;
	});
	decodeAttributes(r, count, (index, attributes) => {
		requireKnownAttributes(r, attributes);
		(nodes[index] as Draft).attributes = attributes;
	});
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
	if (kind < NodeKind.file || kind > NodeKind.blockDevice || byte > 63)
		throw new UnsupportedError(
			"UNKNOWN_NODE",
			`a tree holds a node of a newer kind (${byte})`,
			{ feature: `node-${byte}` },
		);
	if (byte > 15 && kind !== NodeKind.file)
		r.fail("gives flags of files to a node that is no file");
	node.kind = kind as NodeKind;
	node.holes = (byte & holesFlag) !== 0;
	node.torn = (byte & tornFlag) !== 0;
}

function decodeTimes(r: ByteReader, nodes: readonly Draft[]): void {
	let previous = 0;
	for (const n of nodes) {
		previous += unzigzag(r.varint());
		if (previous < minMtime || previous > maxMtime)
			r.fail(`holds an mtime of ${previous} s`);
		n.mtime = previous;
	}
	for (const n of nodes) n.mtimeNs = inRange(r, r.u32(), maxNanoseconds);
}

function decodeTargetsAndDevices(r: ByteReader, nodes: readonly Draft[]): void {
	for (const n of nodes) {
		if (n.kind !== NodeKind.symlink) continue;
		n.target = r.block();
		if (!isTarget(n.target)) r.fail("holds an impossible target of a symlink");
	}
	for (const n of nodes) if (isDevice(n.kind)) n.device = r.varint();
}

function decodeContents(r: ByteReader, nodes: readonly Draft[]): void {
	const files = nodes.filter((n) => n.kind === NodeKind.file);
	const counts = files.map(() => r.varint());
	const least = counts.reduce((sum, count) => sum + leastItemBytes(count), 0);
	if (least > r.left) r.fail("names too many items");
	const headers = files.map((file, i) => {
		const items = decodeItemHeaders(r, counts[i] as number);
		const fault =
			contentFault(items, file.torn) ?? holesFault(items.kinds, file.holes);
		if (fault !== undefined) r.fail(fault);
		return items;
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

function inRange(r: ByteReader, value: number, most: number): number {
	if (value > most) r.fail(`holds ${value} where ${most} is the most`);
	return value;
}

function unzigzag(n: number): number {
	return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
}

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { compareBytes } from "./bytes.ts";
import { UnsupportedError } from "./errors.ts";
import { decodeName } from "./name.ts";
import type { Attribute, Node } from "./node.ts";

/**
 * A column of attributes: how many nodes have any (varint), then for each of those its index among the nodes (varint,
 * ascending), the number of attributes (varint, at least 1), and name and value of each (blocks), in ascending order of names.
 */
export type AttributeColumn = "xattrs" | "attributes";

/** A name of one letter with its length, an empty value. */
const leastAttributeBytes = 3;
/** Index, number, and one attribute. */
const leastOwnerBytes = 2 + leastAttributeBytes;
/** In one column of one tree: each takes much more memory than bytes. */
const maxAttributes = 1024 * 1024;

/** Throws a plain Error for attributes out of order or without a name: a fault of the caller. */
export function encodeAttributes(
	w: ByteWriter,
	nodes: readonly Node[],
	column: AttributeColumn,
): void {
	let owners = 0;
	let all = 0;
	for (const node of nodes) {
		if (node[column].length > 0) owners++;
		all += node[column].length;
	}
	if (all > maxAttributes) throw new Error(`a tree of ${all} attributes`);
	w.varint(owners);
	if (owners === 0) return;
	nodes.forEach((node, index) => {
		const attributes = node[column];
		if (attributes.length === 0) return;
		w.varint(index);
		w.varint(attributes.length);
		attributes.forEach((attribute, i) => {
			const fault = attributeFault(attributes[i - 1], attribute);
			if (fault !== undefined) throw new Error(`a node ${fault}`);
			w.block(attribute.name);
			w.block(attribute.value);
		});
	});
}

/** Calls `put` with the index of each node that has any, and what it has. */
export function decodeAttributes(
	r: ByteReader,
	nodeCount: number,
	put: (index: number, attributes: Attribute[]) => void,
): void {
	let last = -1;
	let all = 0;
	for (let left = r.count(leastOwnerBytes, "owners"); left > 0; left--) {
		const index = r.varint();
		if (index <= last || index >= nodeCount)
			r.fail("holds attributes out of order");
		last = index;
		const count = r.count(leastAttributeBytes, "attributes");
		if (count === 0) r.fail("names an owner of no attributes");
		all += count;
		if (all > maxAttributes) r.fail(`names ${all} attributes`);
		put(index, decodeSorted(r, count));
	}
}

function decodeSorted(r: ByteReader, count: number): Attribute[] {
	const attributes: Attribute[] = [];
	for (let i = 0; i < count; i++) {
		const attribute = { name: r.block(), value: r.block() };
		const fault = attributeFault(attributes[i - 1], attribute);
		if (fault !== undefined) r.fail(fault);
		attributes.push(attribute);
	}
	return attributes;
}

/** What is wrong with an attribute that follows another one of the same entry, or undefined. */
export function attributeFault(
	before: Pick<Attribute, "name"> | undefined,
	{ name }: Pick<Attribute, "name">,
): string | undefined {
	if (name.length === 0 || name.includes(0))
		return "holds an attribute with an impossible name";
	return before !== undefined && compareBytes(before.name, name) >= 0
		? "holds attributes out of order"
		: undefined;
}

/** Throws an UnsupportedError for an attribute that must be understood and is not. */
export function requireKnownAttributes(
	r: ByteReader,
	attributes: readonly Attribute[],
): void {
	const unknown = attributes.find(({ name }) => name[0] === 0x21);
	if (unknown === undefined) return;
	const text = decodeName(unknown.name);
	if (!/^![!-~]{0,63}$/.test(text))
		r.fail("holds an attribute with an impossible name");
	throw new UnsupportedError(
		"UNKNOWN_ATTRIBUTE",
		`a tree holds the attribute ${text}, which this program does not know`,
		{ feature: `attribute-${text}` },
	);
}

import type { Attribute, Node } from "@varve/format";

/** Bytes of attributes in one tree object, which must fit in a frame of 64 MiB with all else that is in it. */
const room = 32 * 1024 * 1024;
/** Each counts as that much at least, so that there are never more than a tree may have. */
const leastBytes = 32;

/** The nodes of a tree object, without the extended attributes of those, in order, for which there is no room; and how many these are. */
export function shedXattrs(nodes: readonly Node[]): {
	readonly nodes: readonly Node[];
	readonly shed: number;
} {
	if (sum(nodes.map(xattrBytes)) <= room) return { nodes, shed: 0 };
	let used = 0;
	let shed = 0;
	const kept = nodes.map((node) => {
		const bytes = xattrBytes(node);
		if (used + bytes <= room) {
			used += bytes;
			return node;
		}
		shed++;
		return { ...node, xattrs: [] };
	});
	return { nodes: kept, shed };
}

function xattrBytes({ xattrs }: Node): number {
	return xattrs.length === 0 ? 0 : sum(xattrs.map(bytesOf));
}

function bytesOf({ name, value }: Attribute): number {
	return Math.max(leastBytes, name.length + value.length + 8);
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((a, b) => a + b, 0);
}

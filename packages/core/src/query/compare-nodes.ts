import {
	type Attribute,
	type Bytes,
	type Content,
	equalBytes,
	type Node,
} from "@varve/format";

/** What of an entry is not the same: its type, what it holds, or something about it. */
export type NodeChange =
	| "type"
	| "content"
	| "entries"
	| "target"
	| "device"
	| "mode"
	| "owner"
	| "mtime"
	| "xattrs"
	| "attributes";

/** Nothing but "type" if the types differ. */
export function nodeChanges(a: Node, b: Node): NodeChange[] {
	if (a.kind !== b.kind) return ["type"];
	const same: Record<Exclude<NodeChange, "type">, boolean> = {
		content: sameContent(a.content, b.content),
		entries: a.tree === b.tree,
		target: sameBytes(a.target, b.target),
		device: a.device === b.device,
		mode: a.mode === b.mode,
		owner: a.uid === b.uid && a.gid === b.gid,
		mtime: a.mtime === b.mtime && a.mtimeNs === b.mtimeNs,
		xattrs: sameAttributes(a.xattrs, b.xattrs),
		attributes: sameAttributes(a.attributes, b.attributes),
	};
	const changes = Object.keys(same) as (keyof typeof same)[];
	return changes.filter((change) => !same[change]);
}

export function sameContent(a: Content, b: Content): boolean {
	return (
		equalBytes(a.ids, b.ids) &&
		sameNumbers(a.lengths, b.lengths) &&
		sameNumbers(a.kinds, b.kinds)
	);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
	return a.length === b.length && a.every((n, i) => n === b[i]);
}

function sameBytes(a: Bytes | undefined, b: Bytes | undefined): boolean {
	if (a === undefined || b === undefined) return a === b;
	return equalBytes(a, b);
}

function sameAttributes(
	a: readonly Attribute[],
	b: readonly Attribute[],
): boolean {
	return (
		a.length === b.length &&
		a.every(({ name, value }, i) => {
			const other = b[i] as Attribute;
			return equalBytes(name, other.name) && equalBytes(value, other.value);
		})
	);
}

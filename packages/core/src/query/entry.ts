import {
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type SnapshotRecord,
} from "@varve/format";

/** Kinds of entries, in the words that restic has for them. */
export type EntryType =
	| "file"
	| "dir"
	| "symlink"
	| "fifo"
	| "socket"
	| "chardev"
	| "dev";

/** An entry of a snapshot as users see it. */
export interface Entry {
	/** Absolute, as a path text. */
	readonly path: string;
	/** The last part of the path; "/" for the root of a file system. */
	readonly name: string;
	readonly type: EntryType;
	/** Permission, set-id and sticky bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Names, where they were known when the snapshot was taken. */
	readonly user: string | undefined;
	readonly group: string | undefined;
	/** Content bytes; 0 for what is no file. */
	readonly size: number;
	/** Seconds since 1970, rounded down, and nanoseconds. */
	readonly mtime: number;
	readonly mtimeNs: number;
	/** What a symlink points to, as a path text. */
	readonly target: string | undefined;
	/** Of devices: st_rdev. */
	readonly device: number | undefined;
	/** The file changed while it was read: its content may be a mixture. */
	readonly torn: boolean;
}

/** A node and where it stands. Of a root, the node has its attributes and tree. */
export interface PlacedNode {
	/** Absolute, as a path text: "/" for the root of a file system. */
	readonly path: string;
	/** Index of the root it lies in. */
	readonly root: number;
	readonly node: Node;
}

const types: Readonly<Record<NodeKind, EntryType>> = {
	[NodeKind.file]: "file",
	[NodeKind.directory]: "dir",
	[NodeKind.symlink]: "symlink",
	[NodeKind.fifo]: "fifo",
	[NodeKind.socket]: "socket",
	[NodeKind.characterDevice]: "chardev",
	[NodeKind.blockDevice]: "dev",
};

export const typeOf = (node: Pick<Node, "kind">): EntryType => types[node.kind];

export function toEntry(
	{ path, node }: PlacedNode,
	{ users, groups }: Pick<SnapshotRecord, "users" | "groups">,
): Entry {
	const { kind, mode, uid, gid, mtime, mtimeNs, target, torn } = node;
	const isDevice =
		kind === NodeKind.characterDevice || kind === NodeKind.blockDevice;
	return {
		path,
		name: path === "/" ? path : path.slice(path.lastIndexOf("/") + 1),
		type: types[kind],
		mode,
		uid,
		gid,
		user: users[uid],
		group: groups[gid],
		size: contentLength(node.content),
		mtime,
		mtimeNs,
		target: target === undefined ? undefined : decodeName(target),
		device: isDevice ? node.device : undefined,
		torn,
	};
}

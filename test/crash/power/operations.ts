import type { Bytes } from "@varve/format";

/** A file or a folder, as long as it exists under any name or was ever synced: what an inode number is. */
export type Inode = number;

/** That a name of a folder is from now on this file or folder, or (undefined) nothing. */
export interface EntryChange {
	readonly folder: Inode;
	readonly name: string;
	readonly inode: Inode | undefined;
}

/** What a file system was asked to do, as far as it changes something or makes it durable. */
export type Operation = WriteOperation | EntryOperation | SyncOperation;

export interface WriteOperation {
	readonly type: "write";
	readonly path: string;
	readonly inode: Inode;
	readonly at: number;
	readonly bytes: Bytes;
}

/** Creates, links, unlinks, renames: one change, or for a rename two. */
export interface EntryOperation {
	readonly type: "entries";
	readonly call: "open" | "link" | "unlink" | "rename" | "mkdir" | "rmdir";
	readonly path: string;
	readonly changes: readonly EntryChange[];
}

export interface SyncOperation {
	readonly type: "sync";
	/** "lost": the call failed, and the system has dropped what it could not write, and takes it for written. */
	readonly outcome: "done" | "lost";
	readonly path: string;
	readonly inode: Inode;
}

/** Content of a file, or names of a folder. */
export type ImageNode = Bytes | ReadonlyMap<string, Inode>;

/** All that lies on a disk. Never changed. */
export interface DiskImage {
	readonly root: Inode;
	readonly nodes: ReadonlyMap<Inode, ImageNode>;
}

export const emptyImage: DiskImage = {
	root: 0,
	nodes: new Map([[0, new Map()]]),
};

/** An operation, for people: names that are random are left out. */
export function describeOperation(operation: Operation | undefined): string {
	if (operation === undefined) return "nothing";
	const what =
		operation.type === "entries"
			? operation.call
			: operation.type === "write"
				? `write ${operation.bytes.length} bytes to`
				: `fsync${operation.outcome === "lost" ? " (fails)" : ""}`;
	return `${what} ${operation.path.replace(/[0-9a-f]{16,}/g, "…")}`;
}

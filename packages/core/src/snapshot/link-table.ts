import {
	compareWalkOrder,
	encodeLinks,
	encodeName,
	type LinkGroup,
} from "@varve/format";
import type { Reading } from "./batches.ts";
import type { FileRead } from "./directory.ts";
import type { MetaWriter, StoredId } from "./meta-writer.ts";

/** Path bytes in a piece, roughly. */
const pieceBytes = 1024 * 1024;

interface Inode {
	readonly paths: Reading[];
	/** Set once one of the paths was read. */
	read: FileRead | undefined;
	/** Paths that wait for the one being read. */
	waiting: Reading[];
	reading: boolean;
}

/** Entries of one inode: read once, kept together. */
export class LinkTable {
	readonly #inodes = new Map<string, Inode>();
	readonly #keyOf = new Map<Reading["directory"], Map<number, string>>();

	add(entry: Reading, stat: { dev: bigint; ino: bigint }): void {
		const key = `${stat.dev}:${stat.ino}`;
		const inode = this.#inodes.get(key);
		if (inode !== undefined) inode.paths.push(entry);
		else
			this.#inodes.set(key, {
				paths: [entry],
				read: undefined,
				waiting: [],
				reading: false,
			});
		const keys = this.#keyOf.get(entry.directory) ?? new Map<number, string>();
		keys.set(entry.index, key);
		this.#keyOf.set(entry.directory, keys);
	}

	/** "read": nobody else reads this inode, so the caller must. "wait": its content comes with another path. Else what was read. */
	claim(entry: Reading): "read" | "wait" | FileRead {
		const inode = this.#inodeOf(entry);
		if (inode === undefined) return "read";
		if (inode.read !== undefined) return inode.read;
		if (!inode.reading) {
			inode.reading = true;
			return "read";
		}
		inode.waiting.push(entry);
		return "wait";
	}

	/** The paths that waited for this one, which was read. */
	settle(entry: Reading, read: FileRead): Reading[] {
		const inode = this.#inodeOf(entry);
		if (inode === undefined) return [];
		inode.read = read;
		inode.reading = false;
		const waiting = inode.waiting;
		inode.waiting = [];
		return waiting;
	}

	/** This path led to no content of the inode, so it is no link to it. The path that must be read in its place, if one waits. */
	leave(entry: Reading): Reading | undefined {
		const inode = this.#inodeOf(entry);
		if (inode === undefined) return undefined;
		const isIt = ({ directory, index }: Reading) =>
			directory === entry.directory && index === entry.index;
		inode.paths.splice(inode.paths.findIndex(isIt), 1);
		this.#keyOf.get(entry.directory)?.delete(entry.index);
		const next = inode.waiting.shift();
		inode.reading = next !== undefined;
		return next;
	}

	/** A directory is done: only the paths of its links are still needed. */
	release(directory: Reading["directory"]): void {
		this.#keyOf.delete(directory);
	}

	/** Stores the table of groups with two or more paths in the snapshot. */
	finish(meta: MetaWriter): StoredId | undefined {
		const groups = this.#groups();
		if (groups.length === 0) return undefined;
		const ids: StoredId[] = [];
		const lengths: number[] = [];
		for (const part of inPieces(groups)) {
			const piece = encodeLinks(part);
			ids.push(meta.put(piece));
			lengths.push(piece.length);
		}
		return meta.putPieces(ids, lengths);
	}

	#groups(): LinkGroup[] {
		const groups: LinkGroup[] = [];
		for (const { paths } of this.#inodes.values()) {
			const present = paths.filter(
				({ directory, index }) => !directory.dropped.has(index),
			);
			if (present.length < 2) continue;
			const group = present.map(({ directory, index }) => ({
				root: directory.root,
				path: encodeName(
					(directory.relative === "" ? "" : `${directory.relative}/`) +
						directory.names[index],
				),
			}));
			groups.push(
				group.sort(
					(a, b) => a.root - b.root || compareWalkOrder(a.path, b.path),
				),
			);
		}
		return groups.sort((a, b) => {
			const [x, y] = [a[0], b[0]];
			return x === undefined || y === undefined
				? 0
				: x.root - y.root || compareWalkOrder(x.path, y.path);
		});
	}

	#inodeOf({ directory, index }: Reading): Inode | undefined {
		const key = this.#keyOf.get(directory)?.get(index);
		return key === undefined ? undefined : this.#inodes.get(key);
	}
}

function* inPieces(groups: readonly LinkGroup[]): Generator<LinkGroup[]> {
	let part: LinkGroup[] = [];
	let bytes = 0;
	for (const group of groups) {
		part.push(group);
		for (const { path } of group) bytes += path.length;
		if (bytes < pieceBytes) continue;
		yield part;
		part = [];
		bytes = 0;
	}
	if (part.length > 0) yield part;
}

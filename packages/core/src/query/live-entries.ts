import type { BigIntStats } from "node:fs";
import {
	type Bytes,
	blankNode,
	type Content,
	emptyContent,
	encodeName,
	ItemKind,
	idBytes,
	type Node,
	NodeKind,
} from "@varve/format";
import { isDirectory, kindOfMode } from "../snapshot/directory.ts";
import type { SourceFs } from "../snapshot/source-fs.ts";
import { codeOf } from "../system.ts";
import { splitTime } from "../time.ts";

/** An entry as it is on disk now. */
export interface LiveEntry {
	readonly name: Bytes;
	/** Absolute. */
	readonly path: string;
	/** undefined if it cannot be looked at. */
	readonly stat: BigIntStats | undefined;
	/** Why it cannot: a word of errno. */
	readonly reason: string | undefined;
}

/** undefined if there is nothing. */
export function liveEntry(
	fs: SourceFs,
	path: string,
	name: string,
): LiveEntry | undefined {
	const entry = { name: encodeName(name), path };
	try {
		const stat = fs.lstat(path);
		return stat && { ...entry, stat, reason: undefined };
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		// A file stands where a directory on the way was.
		if (reason === "ENOTDIR") return undefined;
		return { ...entry, stat: undefined, reason };
	}
}

/** Entries of a directory (absolute, with "/" at its end) with these names. */
export function* liveEntries(
	fs: SourceFs,
	directory: string,
	names: readonly string[],
): Generator<LiveEntry> {
	for (const name of names) {
		const entry = liveEntry(fs, directory + name, name);
		if (entry !== undefined) yield entry;
	}
}

/** The names in a directory, or why it cannot be read. One that is gone is empty. */
export function liveNames(
	fs: SourceFs,
	directory: string,
): readonly string[] | { readonly reason: string } {
	try {
		return fs.readDirectory(directory);
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		return reason === "ENOENT" ? [] : { reason };
	}
}

/**
 * A node for what is on disk: what no snapshot keeps is as in `before`, and content is only as long as the file is.
 * undefined for what no snapshot can hold.
 */
export function liveNode(
	fs: SourceFs,
	{ name, path, stat }: LiveEntry,
	before: Node | undefined,
): Node | undefined {
	if (stat === undefined) return undefined;
	const mode = Number(stat.mode);
	const kind = kindOfMode(mode);
	if (kind === undefined) return undefined;
	const { seconds, nanoseconds } = splitTime(stat.mtimeNs);
	const isDevice =
		kind === NodeKind.characterDevice || kind === NodeKind.blockDevice;
	return {
		...blankNode(name, kind),
		mode: mode & 0o7777,
		uid: Number(stat.uid),
		gid: Number(stat.gid),
		mtime: seconds,
		mtimeNs: nanoseconds,
		tree: isDirectory(mode) ? before?.tree : undefined,
		target: kind === NodeKind.symlink ? fs.readLink(path) : undefined,
		device: isDevice ? Number(stat.rdev) : 0,
		content:
			kind === NodeKind.file ? unknownContent(Number(stat.size)) : emptyContent,
		xattrs: before?.xattrs ?? [],
		attributes: before?.attributes ?? [],
	};
}

/** As long as the file, and like no content of a snapshot: who wants to know must read. */
function unknownContent(size: number): Content {
	if (size === 0) return emptyContent;
	return {
		kinds: [ItemKind.list],
		lengths: [size],
		ids: new Uint8Array(idBytes),
	};
}

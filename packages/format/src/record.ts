import { fromBase64, toBase64 } from "./base64.ts";
import { type Bytes, utf8 } from "./bytes.ts";
import { requireFeatures } from "./features.ts";
import type { Fields } from "./fields.ts";
import {
	type ChunkId,
	parseChunkId,
	parseSnapshotId,
	parseTreeId,
	type SnapshotId,
	type TreeId,
} from "./id.ts";
import {
	canonicalJson,
	type DecodeFieldsOptions,
	decodeFields,
	type Json,
} from "./json.ts";
import { decodeName, encodeName, pathFields, pathOfFields } from "./name.ts";
import {
	type Attribute,
	isNodePath,
	maxMode,
	maxMtime,
	maxNanoseconds,
	maxOwner,
	minMtime,
} from "./node.ts";
import { attributeFault } from "./tree-attributes.ts";

/** One root of a snapshot: a directory, or some entries of one. */
export interface Root {
	/** Absolute path, as a name text (see name.ts): "/" or "/a/b", without "." and "..". Of a snapshot of a stream: "/". */
	readonly path: string;
	/** "directory": the tree is all of the directory, whose own attributes follow. "entries": it holds the entries asked for. */
	readonly kind: "directory" | "entries";
	readonly tree: TreeId;
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Seconds since 1970, rounded down, and nanoseconds. */
	readonly mtime: number;
	readonly mtimeNs: number;
	/** Extended attributes of the directory, sorted by name. */
	readonly xattrs: readonly Attribute[];
}

/** Rules that decided what the snapshot holds. */
export interface Scope {
	readonly excludes: readonly string[];
	readonly iexcludes: readonly string[];
	readonly excludeIfPresent: readonly string[];
	readonly excludeCaches: boolean;
	/** Bytes; undefined for no limit. */
	readonly excludeLargerThan: number | undefined;
	readonly gitignore: boolean;
	readonly varveignore: boolean;
	readonly oneFileSystem: boolean;
}

export const wholeScope: Scope = {
	excludes: [],
	iexcludes: [],
	excludeIfPresent: [],
	excludeCaches: false,
	excludeLargerThan: undefined,
	gitignore: false,
	varveignore: true,
	oneFileSystem: false,
};

export interface Statistics {
	readonly files: number;
	readonly directories: number;
	readonly symlinks: number;
	readonly others: number;
	/** Content bytes of all files. */
	readonly bytes: number;
	readonly filesNew: number;
	readonly filesChanged: number;
	readonly filesUnmodified: number;
	readonly directoriesNew: number;
	readonly directoriesChanged: number;
	readonly directoriesUnmodified: number;
	/** Chunks stored by this run, and their bytes before compression. */
	readonly chunksAdded: number;
	readonly bytesAdded: number;
	/** Bytes of packs this run added, trees included. */
	readonly bytesStored: number;
	/** Milliseconds. */
	readonly duration: number;
}

export const noStatistics: Statistics = {
	files: 0,
	directories: 0,
	symlinks: 0,
	others: 0,
	bytes: 0,
	filesNew: 0,
	filesChanged: 0,
	filesUnmodified: 0,
	directoriesNew: 0,
	directoriesChanged: 0,
	directoriesUnmodified: 0,
	chunksAdded: 0,
	bytesAdded: 0,
	bytesStored: 0,
	duration: 0,
};

/** An entry that could not be read or that changed while it was read. */
export interface Unread {
	readonly path: string;
	/** A word of errno, "CHANGED", "VANISHED". */
	readonly reason: string;
}

/** A dated record that names root trees. Its id is the SHA-256 of its bytes. */
export interface SnapshotRecord {
	/** RFC 3339 with the offset of the host's clock and milliseconds. */
	readonly time: string;
	readonly host: string;
	readonly user: string;
	readonly roots: readonly Root[];
	/** List of the pieces of the table of hard links. */
	readonly links: ChunkId | undefined;
	/** List of the pieces of the scan state. */
	readonly scan: ChunkId | undefined;
	readonly parent: SnapshotId | undefined;
	readonly scope: Scope;
	readonly tags: readonly string[];
	readonly pin: boolean;
	readonly note: string;
	/** Name and version. */
	readonly program: string;
	readonly statistics: Statistics;
	readonly unread: readonly Unread[];
	/** Kinds of metadata that every entry was asked for, beside what a node always has: "xattrs". */
	readonly kept: readonly string[];
	/** What of the source is not kept, by kind, and how many of the entries that were new or changed have it. */
	readonly notKept: { readonly [what: string]: number };
	/** Names of the users and groups seen, by number. */
	readonly users: { readonly [uid: string]: string };
	readonly groups: { readonly [gid: string]: string };
	/** Where the content comes from: components, versions, a command. */
	readonly provenance: { readonly [key: string]: Json };
	/** Snapshots known to the writer: their number, and the SHA-256 of their ids in ascending order, joined by newlines. */
	readonly known: { readonly count: number; readonly hash: string };
	/** What a reader must understand. */
	readonly features: readonly string[];
}

/** Throws a plain Error for a record that could not be read back: a snapshot nobody can open must not be committed. */
export function encodeRecord(record: SnapshotRecord): Bytes {
	const bytes = utf8(canonicalJson(toJson(record)));
	try {
		decodeRecord(bytes);
	} catch (cause) {
		// Whatever a reader would say, the caller gave values that no record may hold.
		throw new Error("a snapshot record is not as it must be", { cause });
	}
	return bytes;
}

function toJson(record: SnapshotRecord): Json {
	const { roots, unread, kept, ...others } = record;
	const rest = kept.length === 0 ? others : { ...others, kept };
	const value = {
		...rest,
		format: 1,
		roots: roots.map(rootFields),
		unread: unread.map(({ path, reason }) => ({ ...pathFields(path), reason })),
	};
	return value as unknown as Json;
}

/** A root as it stands in a record. Two that are alike have the same. */
export function rootFields({ path, xattrs, ...root }: Root): Json {
	const fields = { ...pathFields(path), ...root };
	return xattrs.length === 0
		? fields
		: { ...fields, xattrs: xattrs.map(xattrFields) };
}

function xattrFields({ name, value }: Attribute): Json {
	const { path, path_b64 } = pathFields(decodeName(name));
	const fields = { name: path, value: toBase64(value) };
	return path_b64 === undefined ? fields : { ...fields, name_b64: path_b64 };
}

/** Throws CorruptError for what is no record, UnsupportedError for one that needs a newer program. */
export function decodeRecord(
	bytes: Bytes,
	options: DecodeFieldsOptions = {},
): SnapshotRecord {
	const f = decodeFields(bytes, "snapshot record", options);
	const format = f.count("format");
	if (format !== 1)
		requireFeatures([`record-format-${format}`], "the snapshot");
	const features = f.strings("features");
	requireFeatures(features, "the snapshot");
	const known = f.fields("known");
	return {
		time: f.time("time"),
		host: f.string("host"),
		user: f.string("user"),
		roots: f.fieldsList("roots").map(decodeRoot),
		links: f.has("links") ? parseChunkId(f.string("links")) : undefined,
		scan: f.has("scan") ? parseChunkId(f.string("scan")) : undefined,
		parent: f.has("parent") ? parseSnapshotId(f.string("parent")) : undefined,
		scope: decodeScope(f.fields("scope")),
		tags: f.strings("tags"),
		pin: f.boolean("pin"),
		note: f.string("note"),
		program: f.string("program"),
		statistics: decodeStatistics(f.fields("statistics")),
		unread: f
			.fieldsList("unread")
			.map((u) => ({ path: decodePath(u), reason: u.string("reason") })),
		kept: f.has("kept") ? f.strings("kept") : [],
		notKept: decodeMap(f.fields("notKept"), (m, key) => m.count(key)),
		users: decodeOwners(f.fields("users")),
		groups: decodeOwners(f.fields("groups")),
		provenance: f.fields("provenance").value,
		known: { count: known.count("count"), hash: known.hash("hash") },
		features,
	};
}

function decodePath(f: Fields): string {
	return pathOfFields({
		path: f.string("path"),
		path_b64: f.has("path_b64") ? f.string("path_b64") : undefined,
	});
}

function decodeRoot(f: Fields): Root {
	const kind = f.string("kind");
	if (kind !== "directory" && kind !== "entries")
		requireFeatures([`root-${kind}`], "the snapshot");
	const path = decodePath(f);
	if (!isRootPath(path)) f.fail("path", "an absolute path without . and ..");
	return {
		path,
		kind: kind as Root["kind"],
		tree: parseTreeId(f.string("tree")),
		mode: f.integer("mode", { least: 0, most: maxMode }),
		uid: f.integer("uid", { least: 0, most: maxOwner }),
		gid: f.integer("gid", { least: 0, most: maxOwner }),
		mtime: f.integer("mtime", { least: minMtime, most: maxMtime }),
		mtimeNs: f.integer("mtimeNs", { least: 0, most: maxNanoseconds }),
		xattrs: f.has("xattrs") ? decodeXattrs(f) : [],
	};
}

function decodeXattrs(f: Fields): Attribute[] {
	const xattrs = f.fieldsList("xattrs").map((x) => ({
		name: encodeName(
			pathOfFields({
				path: x.string("name"),
				path_b64: x.has("name_b64") ? x.string("name_b64") : undefined,
			}),
		),
		value: fromBase64(x.string("value")),
	}));
	const isRight = xattrs.every(
		({ name }, i) => attributeFault(xattrs[i - 1], { name }) === undefined,
	);
	return isRight && xattrs.length > 0
		? xattrs
		: f.fail("xattrs", "a list of attributes in order");
}

/** A restore makes directories of it: nothing in it may lead elsewhere. */
function isRootPath(path: string): boolean {
	return (
		path === "/" ||
		(path.startsWith("/") && isNodePath(encodeName(path.slice(1))))
	);
}

function decodeScope(f: Fields): Scope {
	return {
		excludes: f.strings("excludes"),
		iexcludes: f.strings("iexcludes"),
		excludeIfPresent: f.strings("excludeIfPresent"),
		excludeCaches: f.boolean("excludeCaches"),
		excludeLargerThan: f.has("excludeLargerThan")
			? f.count("excludeLargerThan")
			: undefined,
		gitignore: f.boolean("gitignore"),
		varveignore: f.boolean("varveignore"),
		oneFileSystem: f.boolean("oneFileSystem"),
	};
}

function decodeStatistics(f: Fields): Statistics {
	const names = Object.keys(noStatistics) as (keyof Statistics)[];
	return Object.fromEntries(
		names.map((name) => [name, f.has(name) ? f.count(name) : 0]),
	) as unknown as Statistics;
}

function decodeOwners(f: Fields): { readonly [id: string]: string } {
	return decodeMap(f, (m, key) =>
		/^(0|[1-9]\d{0,9})$/.test(key) && Number(key) <= maxOwner
			? m.string(key)
			: m.fail(key, "the number of a user or group"),
	);
}

function decodeMap<T>(
	f: Fields,
	read: (f: Fields, key: string) => T,
): { readonly [key: string]: T } {
	return Object.fromEntries(
		Object.keys(f.value).map((key) => [key, read(f, key)]),
	);
}

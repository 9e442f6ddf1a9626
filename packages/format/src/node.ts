import type { Bytes } from "./bytes.ts";
import { type Content, emptyContent } from "./content.ts";
import type { TreeId } from "./id.ts";

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
	/** Not empty, without zero bytes. */
	readonly name: Bytes;
	readonly value: Bytes;
}

/** One entry of a directory. Inode numbers, ctimes, access times and link counts are not in it. */
export interface Node {
	/** Never empty, ".", "..", nor with "/" or a zero byte in it. */
	readonly name: Bytes;
	readonly kind: NodeKind;
	/** Permission bits, set-id and sticky bits: 0 to 0o7777. */
	readonly mode: number;
	/** 0 to 2^32 - 1, as is `gid`. */
	readonly uid: number;
	readonly gid: number;
	/** Whole seconds since 1970, rounded down; -2^51 to 2^51 - 1. */
	readonly mtime: number;
	/** 0 to 999,999,999. */
	readonly mtimeNs: number;
	/** Of files. */
	readonly content: Content;
	/** Of directories. */
	readonly tree: TreeId | undefined;
	/** Of symlinks: not empty, without zero bytes. */
	readonly target: Bytes | undefined;
	/** Of devices: as in st_rdev. */
	readonly device: number;
	/** Of files with runs of zeros or lists: the runs were holes and are restored as holes. */
	readonly holes: boolean;
	/** Of files: it changed while it was read, and the content may be a mixture. */
	readonly torn: boolean;
	/** Extended attributes, sorted by name. */
	readonly xattrs: readonly Attribute[];
	/** For what comes later, sorted by name. A name that begins with "!" must be understood by a reader. */
	readonly attributes: readonly Attribute[];
}

/** Bounds of `mtime`: the difference of any two fits in a varint. */
export const minMtime = -(2 ** 51);
export const maxMtime = 2 ** 51 - 1;
export const maxMode = 0o7777;
export const maxOwner = 0xffff_ffff;
export const maxNanoseconds = 999_999_999;
/** Bytes in a name. */
export const maxNameBytes = 4096;

const slash = 0x2f;
const dot = 0x2e;

const noAttributes: readonly Attribute[] = [];

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
		xattrs: noAttributes,
		attributes: noAttributes,
	};
}

/** True for a name that a directory can hold. */
export function isNodeName(name: Bytes): boolean {
	return isNodeNameAt(name, 0, name.length);
}

/** The same for bytes `start` to `end`. */
export function isNodeNameAt(
	bytes: Bytes,
	start: number,
	end: number,
): boolean {
	const length = end - start;
	if (length === 0 || length > maxNameBytes) return false;
	if (bytes[start] === dot && length <= 2 && bytes[end - 1] === dot)
		return false;
	for (let i = start; i < end; i++)
		if (bytes[i] === slash || bytes[i] === 0) return false;
	return true;
}

/** True for names joined by "/", without one at the beginning or end. */
export function isNodePath(path: Bytes): boolean {
	let start = 0;
	for (let i = 0; i < path.length; i++) {
		if (path[i] !== slash) continue;
		if (!isNodeNameAt(path, start, i)) return false;
		start = i + 1;
	}
	return isNodeNameAt(path, start, path.length);
}

export function isDevice(kind: NodeKind): boolean {
	return kind === NodeKind.characterDevice || kind === NodeKind.blockDevice;
}

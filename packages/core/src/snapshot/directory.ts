import { constants } from "node:fs";
import type { Bytes, Content, ScanBlock, TreeId } from "@varve/format";
import type { DirectoryRules } from "./exclude.ts";
import type { PreviousTree } from "./previous-tree.ts";
import type { ScanSlot } from "./scan-writer.ts";
import type { StatColumns } from "./stat-columns.ts";

/** What was found out about one file by reading it. */
export interface FileRead {
	readonly content: Content;
	readonly torn: boolean;
	/** Its runs of zeros are holes: there are some, and fewer blocks than bytes. */
	readonly holes: boolean;
}

/** A run of entries that stand and fall together: one block of the scan state, one tree object. */
export interface Page {
	/** Index of the first entry, and of the one after the last. */
	readonly start: number;
	readonly end: number;
	/** Names joined by zero bytes. */
	readonly names: Bytes;
	/** The parent's block if names and lstat are the same to the last bit. */
	readonly same: ScanBlock | undefined;
	readonly slot: ScanSlot;
}

/** A directory on its way from being walked to being a tree. */
export interface Directory {
	readonly parent: Directory | undefined;
	/** Index of this directory among the parent's entries. */
	readonly indexInParent: number;
	readonly root: number;
	/** Absolute, with a "/" at the end. */
	readonly path: string;
	/** Below the root, without "/" at the ends; "" for the root. */
	readonly relative: string;
	readonly names: readonly string[];
	readonly stats: StatColumns;
	readonly pages: readonly Page[];
	readonly rules: DirectoryRules;
	/** Entries that are directories, in order. */
	readonly children: readonly number[];
	/** Directories on another file system: kept, not entered. */
	readonly foreign: readonly number[];
	nextChild: number;
	/** Some child is not as it was. */
	childChanged: boolean;
	/** Files of the parent snapshot that lstat says something else of, or that are too young to be trusted. */
	readonly suspects: number[];
	/** By entry: what was read. Entries that are not here are as in the parent snapshot. */
	readonly reads: Map<number, FileRead>;
	/** Link targets that were read. */
	readonly targets: Map<number, Bytes>;
	/** Entries that were fresh: neither read nor taken from the parent, they have no content (devices, empty files). */
	readonly fresh: Set<number>;
	/** st_rdev of fresh devices. */
	readonly devices: Map<number, number>;
	/** mtimes that do not fit the columns, in ns. */
	readonly farTimes: ReadonlyMap<number, bigint>;
	/** Trees of children that are not the same as in the parent snapshot. */
	readonly childTrees: Map<number, TreeId>;
	/** Entries left out of the tree: vanished or unreadable. */
	readonly dropped: Set<number>;
	/** Entries whose next snapshot must read them again. */
	readonly untrusted: Set<number>;
	readonly sparse: Set<number>;
	/** Files still being read. */
	filesPending: number;
	/** Children still being worked on, and 1 while the directory itself is walked. */
	childrenPending: number;
	/** The parent snapshot's tree of this directory: undefined until asked for, null if there is none. */
	previousTree: PreviousTree | null | undefined;
	/** The pages of this directory in the parent's scan state. */
	readonly prior: readonly ScanBlock[];
}

const {
	S_IFMT,
	S_IFREG,
	S_IFDIR,
	S_IFLNK,
	S_IFIFO,
	S_IFSOCK,
	S_IFCHR,
	S_IFBLK,
} = constants;

export const isRegular = (mode: number) => (mode & S_IFMT) === S_IFREG;
export const isDirectory = (mode: number) => (mode & S_IFMT) === S_IFDIR;
export const isSymlink = (mode: number) => (mode & S_IFMT) === S_IFLNK;

/** Node kind of an st_mode, or undefined for what no tree can hold. */
export function kindOfMode(
	mode: number,
): 1 | 2 | 3 | 4 | 5 | 6 | 7 | undefined {
	switch (mode & S_IFMT) {
		case S_IFREG:
			return 1;
		case S_IFDIR:
			return 2;
		case S_IFLNK:
			return 3;
		case S_IFIFO:
			return 4;
		case S_IFSOCK:
			return 5;
		case S_IFCHR:
			return 6;
		case S_IFBLK:
			return 7;
		default:
			return undefined;
	}
}

import { constants } from "node:fs";
import type {
	Attribute,
	Bytes,
	Content,
	ScanBlock,
	TreeId,
} from "@varve/format";
import type { DirectoryRules } from "./exclude.ts";
import type { PreviousTree } from "./previous-tree.ts";
import type { ScanSlot } from "./scan-writer.ts";
import type { Selection } from "./selection.ts";
import type { StatColumns } from "./stat-columns.ts";

/** What was found out about one file by reading it. */
export interface FileRead {
	readonly content: Content;
	readonly torn: boolean;
	/** Its runs of zeros are holes: there are some, and fewer blocks than bytes. */
	readonly holes: boolean;
	readonly xattrs: readonly Attribute[];
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

/** Where a directory stands, and what is found out about it before its entries are judged. */
export interface DirectoryFacts {
	readonly parent: Directory | undefined;
	/** Index of this directory among the parent's entries. */
	readonly indexInParent: number;
	readonly root: number;
	/** Absolute, with a "/" at the end. */
	readonly path: string;
	/** Below the root, without "/" at the ends; "" for the root. */
	readonly relative: string;
	readonly rules: DirectoryRules;
	readonly selection: Selection;
	readonly pages: readonly Page[];
	/** The pages of this directory in the parent's scan state. */
	readonly prior: readonly ScanBlock[];
}

const noIndices: ReadonlySet<number> = new Set();
const noReads: ReadonlyMap<number, FileRead> = new Map();
const noTargets: ReadonlyMap<number, Bytes> = new Map();
const noLooks: ReadonlyMap<number, readonly Attribute[]> = new Map();
const noTrees: ReadonlyMap<number, TreeId> = new Map();
const noSuspects: readonly number[] = [];

/** A directory on its way from being walked to being a tree. Most are as they were: what only others need is made when they do. */
export class Directory {
	readonly parent: Directory | undefined;
	readonly indexInParent: number;
	readonly root: number;
	readonly path: string;
	readonly relative: string;
	readonly rules: DirectoryRules;
	readonly names: readonly string[];
	readonly stats: StatColumns;
	readonly pages: readonly Page[];
	readonly prior: readonly ScanBlock[];
	/** Entries that are directories, in order. */
	readonly children: readonly number[];
	/** Directories on another file system: kept, not entered. */
	readonly foreign: readonly number[];
	/** st_rdev of fresh devices. */
	readonly devices: ReadonlyMap<number, number>;
	/** mtimes that do not fit the columns, in ns. */
	farTimes: ReadonlyMap<number, bigint>;
	nextChild = 0;
	/** Some child is not as it was. */
	childChanged = false;
	/** Files still being read. */
	filesPending = 0;
	/** Children still being worked on, and 1 while the directory itself is walked. */
	childrenPending = 1;
	/** The parent snapshot's tree of this directory: undefined until asked for, null if there is none. */
	previousTree: PreviousTree | null | undefined = undefined;
	#suspects: number[] | undefined = undefined;
	#reads: Map<number, FileRead> | undefined = undefined;
	#targets: Map<number, Bytes> | undefined = undefined;
	#xattrs: Map<number, readonly Attribute[]> | undefined = undefined;
	#fresh: Set<number> | undefined = undefined;
	#childTrees: Map<number, TreeId> | undefined = undefined;
	#dropped: Set<number> | undefined = undefined;
	#untrusted: Set<number> | undefined;
	#sparse: Set<number> | undefined;

	constructor(facts: DirectoryFacts) {
		this.parent = facts.parent;
		this.indexInParent = facts.indexInParent;
		this.root = facts.root;
		this.path = facts.path;
		this.relative = facts.relative;
		this.rules = facts.rules;
		this.pages = facts.pages;
		this.prior = facts.prior;
		const { selection } = facts;
		this.names = selection.names;
		this.stats = selection.stats;
		this.children = selection.children;
		this.foreign = selection.foreign;
		this.devices = selection.devices;
		this.farTimes = selection.farTimes;
		this.#untrusted = setOf(selection.untrusted);
		this.#sparse = setOf(selection.sparse);
	}

	/** Files of the parent snapshot that lstat says something else of, or that are too young to be trusted. */
	get suspects(): readonly number[] {
		return this.#suspects ?? noSuspects;
	}

	/** By entry: what was read. Entries that are not here are as in the parent snapshot. */
	get reads(): ReadonlyMap<number, FileRead> {
		return this.#reads ?? noReads;
	}

	/** Link targets that were read. */
	get targets(): ReadonlyMap<number, Bytes> {
		return this.#targets ?? noTargets;
	}

	/** Extended attributes of entries that were looked at by path; files that are read have theirs with what was read. */
	get xattrs(): ReadonlyMap<number, readonly Attribute[]> {
		return this.#xattrs ?? noLooks;
	}

	/** Entries that were fresh: neither read nor taken from the parent, they have no content (devices, empty files). */
	get fresh(): ReadonlySet<number> {
		return this.#fresh ?? noIndices;
	}

	/** Trees of children that are not the same as in the parent snapshot. */
	get childTrees(): ReadonlyMap<number, TreeId> {
		return this.#childTrees ?? noTrees;
	}

	/** Entries left out of the tree: vanished or unreadable. */
	get dropped(): ReadonlySet<number> {
		return this.#dropped ?? noIndices;
	}

	/** Entries whose next snapshot must read them again. */
	get untrusted(): ReadonlySet<number> {
		return this.#untrusted ?? noIndices;
	}

	get sparse(): ReadonlySet<number> {
		return this.#sparse ?? noIndices;
	}

	suspect(index: number): void {
		this.#suspects ??= [];
		this.#suspects.push(index);
	}

	keepRead(index: number, read: FileRead): void {
		this.#reads ??= new Map();
		this.#reads.set(index, read);
		if (read.torn) this.distrust(index);
	}

	keepTarget(index: number, target: Bytes): void {
		this.#targets ??= new Map();
		this.#targets.set(index, target);
	}

	keepXattrs(index: number, xattrs: readonly Attribute[]): void {
		this.#xattrs ??= new Map();
		this.#xattrs.set(index, xattrs);
	}

	keepFresh(index: number): void {
		this.#fresh ??= new Set();
		this.#fresh.add(index);
	}

	keepTree(index: number, tree: TreeId): void {
		this.#childTrees ??= new Map();
		this.#childTrees.set(index, tree);
	}

	/** Leaves an entry out. It may be back next time. */
	drop(index: number): void {
		this.#dropped ??= new Set();
		this.#dropped.add(index);
		this.distrust(index);
	}

	distrust(index: number): void {
		this.#untrusted ??= new Set();
		this.#untrusted.add(index);
	}

	/** The columns have the lower 64 bits of an mtime; one that does not fit is kept beside them. */
	setTime(index: number, mtimeNs: bigint): void {
		const { wide, count } = this.stats;
		wide[2 * count + index] = mtimeNs;
		const isFar = BigInt.asIntN(64, mtimeNs) !== mtimeNs;
		if (!isFar && !this.farTimes.has(index)) return;
		const others = [...this.farTimes].filter(([i]) => i !== index);
		this.farTimes = new Map(isFar ? [...others, [index, mtimeNs]] : others);
	}

	setSparse(index: number, sparse: boolean): void {
		if (sparse) {
			this.#sparse ??= new Set();
			this.#sparse.add(index);
		} else this.#sparse?.delete(index);
	}
}

function setOf(indices: readonly number[]): Set<number> | undefined {
	return indices.length === 0 ? undefined : new Set(indices);
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

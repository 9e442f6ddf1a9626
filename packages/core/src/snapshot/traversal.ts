import {
	encodeName,
	encodeTree,
	maxFileBytes,
	type TreeId,
} from "@varve/format";
import type { XattrReader } from "../native/xattr-reader.ts";
import type { ObjectReader } from "../repository.ts";
import { codeOf, isGone } from "../system.ts";
import type { Reading } from "./batches.ts";
import { FormerContents } from "./delta/former-contents.ts";
import {
	type Directory,
	type FileRead,
	isDirectory,
	isRegular,
	isSymlink,
	type Page,
} from "./directory.ts";
import { PriorRows } from "./judge.ts";
import type { LinkTable } from "./link-table.ts";
import type { MetaWriter } from "./meta-writer.ts";
import { PreviousTree } from "./previous-tree.ts";
import type { Report } from "./report.ts";
import { anyIn, applyFresh, freshBlock } from "./scan-block.ts";
import type { ScanWriter } from "./scan-writer.ts";
import type { SourceFs } from "./source-fs.ts";
import { birthsBetween, inodeOf, modeOf, sizeOf } from "./stat-columns.ts";
import type { FreshStat } from "./tasks.ts";
import { buildTree, isSameFile } from "./tree-builder.ts";
import {
	type Entrance,
	enterDirectory,
	type NotEntered,
	type WalkParts,
} from "./walk.ts";

export interface TraversalParts {
	readonly walk: WalkParts;
	readonly fs: SourceFs;
	readonly objects: ObjectReader;
	readonly meta: MetaWriter;
	readonly scan: ScanWriter;
	readonly links: LinkTable;
	readonly report: Report;
	readonly xattrs: XattrReader;
	/** Trees of the parent snapshot's roots, by root; undefined without one. */
	readonly previousRoots: readonly (TreeId | undefined)[];
}

/**
 * Goes through directories in the order of the walk, says which files must be read, and turns each directory into a tree as soon as
 * its files and the directories below it are known. What is still open is the path to where the walk stands, and directories whose
 * files are being read.
 */
export class Traversal {
	readonly #parts: TraversalParts;
	readonly #stack: Directory[] = [];
	readonly #overdue: Reading[] = [];
	readonly finished: TreeId[] = [];
	/** What files that are to be read held in the parent snapshot. */
	readonly formers: FormerContents;

	constructor(parts: TraversalParts) {
		this.#parts = parts;
		this.formers = new FormerContents({
			objects: parts.objects,
			roots: parts.previousRoots,
			treeOf: (directory) => this.#previousTree(directory),
		});
	}

	/** Something differs from the parent snapshot, whose trees will be needed. */
	changed = false;
	/** Roots that could not be read at all. */
	failedRoots = 0;

	/** Enters a root. One that cannot be read stands as an empty directory, so that the others keep their places. */
	enterRoot(entrance: Entrance): Reading[] | undefined {
		const readings = this.#enter(entrance);
		if (typeof readings === "string") {
			this.failedRoots++;
			this.finished[entrance.root] = this.#emptyTree();
			return undefined;
		}
		return readings;
	}

	/** Takes one more step; returns the files that must be read, or undefined when the root is walked. */
	step(): Reading[] | undefined {
		const directory = this.#stack.at(-1);
		if (directory === undefined) return undefined;
		const index = directory.children[directory.nextChild++];
		if (index === undefined) {
			this.#stack.pop();
			this.#childDone(directory);
			return [];
		}
		const name = directory.names[index] as string;
		directory.childrenPending++;
		const readings = this.#enter({
			parent: directory,
			indexInParent: index,
			root: directory.root,
			path: `${directory.path}${name}/`,
			relative:
				directory.relative === "" ? name : `${directory.relative}/${name}`,
			rules: directory.rules,
			only: undefined,
		});
		if (typeof readings !== "string") return readings;
		this.#childFailed(directory, index, readings);
		return [];
	}

	/** The directory that the next step enters, if it enters one. */
	get next(): string | undefined {
		const directory = this.#stack.at(-1);
		const index = directory?.children[directory.nextChild];
		if (directory === undefined || index === undefined) return undefined;
		return `${directory.path}${directory.names[index]}/`;
	}

	get current(): string | undefined {
		return this.#stack.at(-1)?.path;
	}

	/** A file was read. */
	fileRead(file: Reading, read: FileRead, stat: FreshStat | undefined): void {
		// Before the file is settled: its directory may be done then, and its links forgotten.
		const others = isReplaced(file, stat)
			? this.#leave(file)
			: this.#parts.links.settle(file, read);
		this.#settle(file, read, stat);
		for (const other of others) this.#settle(other, read, stat);
	}

	/** A file is left out: it is gone, or cannot be read. */
	fileDropped(file: Reading): void {
		this.#leave(file);
		this.#drop(file);
	}

	/** Files that must be read now, because the link they waited for did not lead to what they are. */
	takeOverdue(): Reading[] {
		return this.#overdue.splice(0);
	}

	/** That this path is gone, or another file now, says nothing about the inode's other paths. */
	#leave(file: Reading): readonly Reading[] {
		const next = this.#parts.links.leave(file);
		if (next !== undefined) this.#overdue.push(next);
		return [];
	}

	#settle(
		{ directory, index }: Reading,
		read: FileRead,
		stat: FreshStat | undefined,
	): void {
		if (stat !== undefined) {
			applyFresh(directory, index, stat);
			if (stat.ctimeNs >= this.#parts.walk.racyFrom) directory.distrust(index);
		}
		directory.keepRead(index, read);
		this.#fileDone(directory);
	}

	#drop({ directory, index }: Reading): void {
		directory.drop(index);
		this.#fileDone(directory);
	}

	#fileDone(directory: Directory): void {
		directory.filesPending--;
		this.#writeScan(directory);
		this.#finishIfDone(directory);
	}

	#enter(entrance: Entrance): Reading[] | NotEntered {
		const directory = enterDirectory(entrance, this.#parts.walk);
		if (typeof directory === "string") return directory;
		this.#stack.push(directory);
		const readings: Reading[] = [];
		// Nothing is done before all is counted: a file of one link may be known already.
		directory.filesPending = 1;
		let prior: PriorRows | undefined;
		for (const page of directory.pages) {
			if (page.same !== undefined)
				this.#parts.report.countSame(directory, page);
			else {
				prior ??= new PriorRows(directory.prior);
				this.#judgePage(directory, { page, prior, readings });
			}
		}
		if (!treeStands(directory)) this.changed = true;
		this.formers.entered(directory);
		this.#parts.report.countDirectory(directory);
		directory.filesPending--;
		this.#writeScan(directory);
		return readings;
	}

	#judgePage(
		directory: Directory,
		{
			page,
			prior,
			readings,
		}: { page: Page; prior: PriorRows; readings: Reading[] },
	): void {
		const { report, fs } = this.#parts;
		for (let index = page.start; index < page.end; index++) {
			const mode = modeOf(directory.stats, index);
			const judgement = prior.judge(
				directory.names[index] as string,
				directory.stats,
				index,
			);
			report.count(directory, index, judgement);
			if (judgement === "unchanged") continue;
			if (!isRegular(mode) || sizeOf(directory.stats, index) === 0)
				this.#readXattrs(directory, index);
			if (isDirectory(mode)) continue;
			if (isRegular(mode) && judgement === "changed") directory.suspect(index);
			if (isSymlink(mode)) this.#readLink(directory, index, fs);
			else if (!isRegular(mode) || sizeOf(directory.stats, index) === 0)
				directory.keepFresh(index);
			else if (sizeOf(directory.stats, index) >= maxFileBytes)
				this.#refuse(directory, index);
			else this.#wantFile({ directory, index, judgement }, readings);
		}
	}

	/** Those of files that are read come with their content. Of a directory it is kept that it has none, as what is below may change alone. */
	#readXattrs(directory: Directory, index: number): void {
		const { xattrs, report } = this.#parts;
		const found = xattrs.ofPath(
			directory.path + (directory.names[index] as string),
		);
		report.countXattrs(found);
		const isSome = found.xattrs.length > 0;
		if (isSome || isDirectory(modeOf(directory.stats, index)))
			directory.keepXattrs(index, found.xattrs);
	}

	#wantFile(file: Reading, readings: Reading[]): void {
		const claim = this.#parts.links.claim(file);
		if (typeof claim === "object") {
			file.directory.keepRead(file.index, claim);
			return;
		}
		file.directory.filesPending++;
		if (claim === "read") readings.push(file);
	}

	/** A sparse file of an impossible size. */
	#refuse(directory: Directory, index: number): void {
		directory.drop(index);
		const path = directory.path + (directory.names[index] as string);
		this.#parts.report.unreadable(path, "EFBIG");
	}

	#readLink(directory: Directory, index: number, fs: SourceFs): void {
		const path = directory.path + (directory.names[index] as string);
		try {
			directory.keepTarget(index, fs.readLink(path));
		} catch (error) {
			const reason = codeOf(error);
			if (reason === undefined) throw error;
			directory.drop(index);
			// EINVAL: it is no link any more.
			if (isGone(reason)) this.#parts.report.vanished(path);
			else if (reason === "EINVAL")
				this.#parts.report.unreadable(path, "CHANGED");
			else this.#parts.report.unreadable(path, reason);
		}
	}

	/** A directory that cannot be read is kept as an empty one; that it is incomplete stands in the record. One that is gone is left out. */
	#childFailed(parent: Directory, index: number, why: NotEntered): void {
		if (why === "gone") parent.drop(index);
		else parent.keepTree(index, this.#emptyTree());
		parent.childChanged = true;
		this.changed = true;
		this.#childDone(parent);
	}

	#emptyTree(): TreeId {
		return this.#parts.meta.put(encodeTree([])).hex as TreeId;
	}

	#childDone(directory: Directory): void {
		directory.childrenPending--;
		this.#finishIfDone(directory);
	}

	/** The scan state of a directory is written once its files are read: what changed meanwhile must be read again next time. */
	#writeScan(directory: Directory): void {
		if (directory.filesPending > 0) return;
		directory.pages.forEach((page, number) => {
			page.slot.block =
				page.same !== undefined && !anyIn(directory.untrusted, page)
					? page.same
					: freshBlock(directory, page, number);
			const { start, end } = page;
			page.slot.births = birthsBetween(directory.stats, start, end);
		});
		this.#parts.scan.advance();
	}

	/** With it those above it that waited for nothing else: a loop, as there may be ten thousand. */
	#finishIfDone(first: Directory): void {
		let directory: Directory | undefined = first;
		while (directory?.filesPending === 0 && directory.childrenPending === 0) {
			this.#finish(directory);
			directory = directory.parent;
			if (directory !== undefined) directory.childrenPending--;
		}
	}

	#finish(directory: Directory): void {
		const changed =
			directory.childChanged ||
			directory.dropped.size > 0 ||
			!treeStands(directory);
		const { parent, indexInParent, root } = directory;
		const tree = changed ? this.#build(directory) : undefined;
		this.#parts.links.release(directory);
		if (parent === undefined) {
			this.finished[root] = tree ?? (this.#parts.previousRoots[root] as TreeId);
			return;
		}
		if (tree !== undefined) {
			parent.keepTree(indexInParent, tree);
			parent.childChanged = true;
		}
	}

	#build(directory: Directory): TreeId {
		for (const index of directory.foreign)
			directory.keepTree(index, this.#emptyTree());
		const previous = this.#previousTree(directory);
		const tree = buildTree(directory, previous ?? undefined, this.#parts);
		this.#parts.report.countTree(directory, previous?.id, tree);
		if (previous !== null)
			for (const index of directory.suspects)
				if (isSameFile(directory, index, previous))
					this.#parts.report.countAcquitted();
		return tree;
	}

	/** Found by name from the root down, so that the scan state need not hold tree ids; only changed directories ask. */
	#previousTree(directory: Directory): PreviousTree | null {
		const unknown: Directory[] = [];
		let at: Directory | undefined = directory;
		for (; at?.previousTree === undefined && at !== undefined; at = at.parent)
			unknown.push(at);
		let above = at?.previousTree;
		for (const below of unknown.reverse()) {
			const id =
				below.parent === undefined
					? this.#parts.previousRoots[below.root]
					: above?.node(nameOf(below))?.tree;
			above =
				id === undefined ? null : new PreviousTree(this.#parts.objects, id);
			below.previousTree = above;
		}
		return above ?? null;
	}
}

function nameOf({ parent, indexInParent }: Directory) {
	return encodeName(parent?.names[indexInParent] ?? "");
}

/** Another file has taken the path since it was listed. */
function isReplaced(
	{ directory, index }: Reading,
	stat: FreshStat | undefined,
): boolean {
	const listed = BigInt.asUintN(64, inodeOf(directory.stats, index));
	return stat !== undefined && stat.ino !== listed;
}

/**
 * The parent's tree of this directory may stand. A page less shows in no page that is left, and what lies on another file system
 * may have been entered then.
 */
function treeStands({ pages, prior, foreign }: Directory): boolean {
	return (
		pages.length === prior.length &&
		pages.every((page) => page.same !== undefined) &&
		foreign.length === 0
	);
}

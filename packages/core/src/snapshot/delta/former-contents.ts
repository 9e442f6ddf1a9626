import {
	type Content,
	decodeName,
	encodeName,
	equalBytes,
	NodeKind,
	type ScanBlock,
	scanRowBytes,
	type TreeId,
} from "@varve/format";
import type { ObjectReader } from "../../repository.ts";
import type { Reading } from "../batches.ts";
import { type Directory, isRegular } from "../directory.ts";
import { PreviousTree } from "../previous-tree.ts";
import { inodeOf, modeOf, sizeOf, statColumnsOf } from "../stat-columns.ts";

/** A file of the parent snapshot that is not where it was; no directory is held on to for it. */
interface GoneFile {
	readonly root: number;
	/** Its directory below the root. */
	readonly relative: string;
	readonly name: string;
}

const maxGone = 20_000;

export interface FormerContentsParts {
	readonly objects: ObjectReader;
	/** Trees of the parent snapshot's roots. */
	readonly roots: readonly (TreeId | undefined)[];
	/** The parent snapshot's tree of a directory. */
	readonly treeOf: (directory: Directory) => PreviousTree | null;
}

/**
 * Tells what a file held in the parent snapshot: by its path; of one that is new, by its inode or else its name among the files that the
 * walk has found gone from directories that are still there. A wrong guess costs an attempt.
 */
export class FormerContents {
	readonly #parts: FormerContentsParts;
	readonly #byInode = new Map<bigint, GoneFile>();
	readonly #byName = new Map<string, GoneFile>();

	/** The directory looked into last for a file that is gone. */
	#last: { readonly key: string; readonly tree: PreviousTree } | undefined;

	constructor(parts: FormerContentsParts) {
		this.#parts = parts;
	}

	/** The walk has come to a directory. */
	entered(directory: Directory): void {
		if (this.#byInode.size >= maxGone || hasSameNames(directory)) return;
		const { root, relative, prior } = directory;
		const names = new Set(directory.names);
		for (const block of prior)
			for (const { name, inode } of filesIn(block)) {
				if (names.has(name)) continue;
				const file = { root, relative, name };
				this.#byInode.set(inode, file);
				this.#byName.set(name, file);
			}
	}

	/** A file to be read, with what it held. The parent's trees must have been prepared. */
	withFormer(file: Reading): Reading {
		const { directory, index, judgement } = file;
		const name = directory.names[index] as string;
		let former: Content | undefined;
		if (judgement === "changed")
			former = contentIn(this.#parts.treeOf(directory), name);
		else if (judgement === "new") {
			const inode = inodeOf(directory.stats, index);
			const gone = this.#byInode.get(inode) ?? this.#byName.get(name);
			if (gone !== undefined) former = contentIn(this.#treeAt(gone), gone.name);
		}
		return former === undefined ? file : { ...file, former };
	}

	#treeAt({ root, relative }: GoneFile): PreviousTree | null {
		const key = `${root} ${relative}`;
		if (this.#last?.key === key) return this.#last.tree;
		const { objects, roots } = this.#parts;
		let id = roots[root];
		for (const name of relative === "" ? [] : relative.split("/"))
			id = id && objects.lookup(id, encodeName(name))?.tree;
		if (id === undefined) return null;
		const tree = new PreviousTree(objects, id);
		this.#last = { key, tree };
		return tree;
	}
}

function contentIn(
	tree: PreviousTree | null,
	name: string,
): Content | undefined {
	const node = tree?.node(encodeName(name));
	return node?.kind === NodeKind.file ? node.content : undefined;
}

function hasSameNames({ pages, prior }: Directory): boolean {
	return (
		prior.length === 0 ||
		(pages.length === prior.length &&
			pages.every(
				({ same, names }, i) =>
					same !== undefined ||
					equalBytes(names, (prior[i] as ScanBlock).names),
			))
	);
}

function* filesIn({
	names,
	rows,
	count,
}: ScanBlock): Generator<{ name: string; inode: bigint }> {
	if (count === 0) return;
	const stats = statColumnsOf(rows.subarray(0, count * scanRowBytes), count);
	for (const [index, name] of decodeName(names).split("\0").entries())
		if (isRegular(modeOf(stats, index)) && sizeOf(stats, index) > 0)
			yield { name, inode: inodeOf(stats, index) };
}

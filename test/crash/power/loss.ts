import type { Bytes } from "@varve/format";
import type { seeded } from "../random.mjs";
import { pickContent } from "./lost-bytes.ts";
import type {
	DiskImage,
	EntryChange,
	EntryOperation,
	ImageNode,
	Inode,
	Operation,
} from "./operations.ts";

export type Random = ReturnType<typeof seeded>;

/** Which part of what no fsync has covered a power loss leaves. */
export interface Loss {
	readonly random: Random;
	/** Chance, 0 to 1, that an unsynced change of names survives. */
	readonly names: number;
	/** What becomes of unsynced bytes. */
	readonly bytes: "none" | "all" | "zeros" | "torn" | "any";
}

/** The losses that are always tried; all others are drawn. */
const plain: readonly Omit<Loss, "random">[] = [
	{ names: 0, bytes: "none" },
	{ names: 1, bytes: "torn" },
	{ names: 1, bytes: "zeros" },
];
const chances = [0.1, 0.5, 0.5, 0.9, 1];

/** The loss with this number: the first ones are plain, the others drawn. */
export function lossOf(variant: number, random: Random): Loss {
	const known = plain[variant];
	if (known !== undefined) return { random, ...known };
	return { random, names: random.pick(chances) as number, bytes: "any" };
}

interface UnsyncedFile {
	synced: Bytes;
	writes: { readonly at: number; readonly bytes: Bytes }[];
}

interface UnsyncedFolder {
	synced: Map<string, Inode>;
	/** For each call the changes that it made in this folder: one, or two for a rename within it. */
	changes: (readonly EntryChange[])[];
}

/**
 * A disk, and what no fsync has covered on it. What is assumed of the file system, which is less than any that Linux has by default
 * promises:
 *
 * - The fsync of a file makes its bytes and its size durable; not its name. Until then any part of what was written may be there: all,
 *   nothing, a beginning, some blocks of 512 or 4096 bytes and others not, the size without the bytes (zeros), or with what lay on
 *   the disk before (noise). What an earlier fsync covered stays.
 * - The fsync of a folder makes the changes of its own names durable; not those of folders above or below, nor any content.
 * - Unsynced changes of names in a folder survive in any combination, in any order. Only changes of the same name keep theirs: no
 *   later one survives without the earlier ones.
 * - A rename within one folder is one change: it survives whole or not at all. A rename to another folder is two, of which either
 *   may survive: the file may then be in both, or in neither.
 * - A change of one name is never torn, and no change damages names or files that it does not concern.
 */
export class UnsyncedDisk {
	readonly #root: Inode;
	readonly #files = new Map<Inode, UnsyncedFile>();
	readonly #folders = new Map<Inode, UnsyncedFolder>();
	readonly #dirty = new Set<Inode>();

	/** All of `image` is durable. */
	constructor(image: DiskImage) {
		this.#root = image.root;
		for (const [inode, node] of image.nodes)
			if (node instanceof Uint8Array)
				this.#files.set(inode, { synced: node, writes: [] });
			else this.#folders.set(inode, { synced: new Map(node), changes: [] });
	}

	/** Things that a loss can decide about now. */
	get unsynced(): number {
		return this.#dirty.size;
	}

	apply(operation: Operation): void {
		if (operation.type === "entries") this.#change(operation);
		else if (operation.type === "sync") this.#sync(operation);
		else {
			this.#files.get(operation.inode)?.writes.push(operation);
			this.#dirty.add(operation.inode);
		}
	}

	#change({ call, changes }: EntryOperation): void {
		for (const { inode } of changes)
			if (inode !== undefined) this.#meet(inode, call);
		for (const folder of new Set(changes.map((change) => change.folder))) {
			const together = changes.filter((change) => change.folder === folder);
			this.#folders.get(folder)?.changes.push(together);
			this.#dirty.add(folder);
		}
	}

	/** What is made is empty, and durably so: content only comes by writes and changes. */
	#meet(inode: Inode, call: EntryOperation["call"]): void {
		if (call === "open")
			this.#files.set(inode, { synced: new Uint8Array(), writes: [] });
		if (call === "mkdir")
			this.#folders.set(inode, { synced: new Map(), changes: [] });
	}

	#sync({ inode, outcome }: Operation & { type: "sync" }): void {
		const file = this.#files.get(inode);
		const folder = this.#folders.get(inode);
		const done = outcome === "done";
		if (file !== undefined) {
			if (done) file.synced = written(file);
			file.writes = [];
		}
		if (folder !== undefined) {
			if (done) folder.synced = changed(folder.synced, folder.changes);
			folder.changes = [];
		}
		this.#dirty.delete(inode);
	}

	/** What lies on the disk when it has power again. */
	afterLoss(loss: Loss): DiskImage {
		const nodes = new Map<Inode, ImageNode>();
		this.#survive(this.#root, loss, nodes);
		return { root: this.#root, nodes };
	}

	/** Only what can be reached, each once. */
	#survive(inode: Inode, loss: Loss, nodes: Map<Inode, ImageNode>): void {
		if (nodes.has(inode)) return;
		const file = this.#files.get(inode);
		if (file !== undefined) {
			nodes.set(inode, survivingBytes(file, loss));
			return;
		}
		const folder = this.#folders.get(inode) as UnsyncedFolder;
		const names = survivingNames(folder, loss);
		nodes.set(inode, names);
		for (const child of names.values()) this.#survive(child, loss, nodes);
	}
}

/** All of it. */
function written({ synced, writes }: UnsyncedFile): Bytes {
	if (writes.length === 0) return synced;
	const ends = writes.map(({ at, bytes }) => at + bytes.length);
	const whole = new Uint8Array(Math.max(synced.length, ...ends));
	whole.set(synced);
	for (const { at, bytes } of writes) whole.set(bytes, at);
	return whole;
}

function survivingBytes(file: UnsyncedFile, loss: Loss): Bytes {
	if (file.writes.length === 0) return file.synced;
	const joints = file.writes.map(({ at }) => at);
	return pickContent(
		{ synced: file.synced, whole: written(file), joints },
		loss,
	);
}

function survivingNames(
	{ synced, changes }: UnsyncedFolder,
	{ names, random }: Loss,
): ReadonlyMap<string, Inode> {
	if (changes.length === 0) return synced;
	const lost = new Set<string>();
	const surviving = changes.filter((together) => {
		const follows = together.every(({ name }) => !lost.has(name));
		if (follows && random.fraction() < names) return true;
		for (const { name } of together) lost.add(name);
		return false;
	});
	return changed(synced, surviving);
}

function changed(
	synced: ReadonlyMap<string, Inode>,
	changes: readonly (readonly EntryChange[])[],
): Map<string, Inode> {
	const names = new Map(synced);
	for (const { name, inode } of changes.flat())
		if (inode === undefined) names.delete(name);
		else names.set(name, inode);
	return names;
}

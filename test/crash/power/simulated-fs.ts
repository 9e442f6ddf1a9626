import type { Bytes } from "@varve/format";
import type { FileStat, FsLayer } from "@varve/store";
import { type DiskCalls, diskLayer } from "../disk-layer.ts";
import {
	type DiskImage,
	type EntryChange,
	type EntryOperation,
	emptyImage,
	type ImageNode,
	type Inode,
	type Operation,
} from "./operations.ts";

class File {
	readonly inode: Inode;
	bytes: Bytes;

	constructor(inode: Inode, bytes: Bytes) {
		this.inode = inode;
		this.bytes = bytes;
	}
}

class Folder {
	readonly inode: Inode;
	readonly entries = new Map<string, File | Folder>();

	constructor(inode: Inode) {
		this.inode = inode;
	}
}

type Item = File | Folder;

export interface SimulationOptions {
	/** Waited for before each asynchronous call: lets calls of several writers come in another order. */
	readonly pause?: (() => Promise<void>) | undefined;
	/** Asked at each call that changes something or syncs, before it happens: an error that it fails with instead. */
	readonly fail?: ((operation: Operation) => Error | undefined) | undefined;
}

/**
 * A file system in memory that writes down each operation. While it runs, everything is as it is on a disk that never loses power;
 * what a loss would leave is for `UnsyncedDisk` to say, from what was written down. Paths are absolute. One thread.
 */
export class SimulatedFs {
	/** Since the beginning, or the last `settle`. */
	operations: Operation[] = [];
	options: SimulationOptions;
	readonly #root: Folder;
	readonly #open = new Map<number, Item>();
	readonly #paths = new Map<number, string>();
	/** Folders by path; all are forgotten when one changes its path. */
	readonly #folders = new Map<string, Folder>();
	#lastInode: Inode;
	#lastFd = 100;

	constructor(image: DiskImage = emptyImage, options: SimulationOptions = {}) {
		this.options = options;
		const loaded = load(image);
		this.#root = loaded.root;
		this.#lastInode = loaded.last;
	}

	/** What lies on it now. */
	image(): DiskImage {
		const nodes = new Map<Inode, ImageNode>();
		save(this.#root, nodes);
		return { root: this.#root.inode, nodes };
	}

	/** Forgets what led here, as if all of it had been synced long ago. */
	settle(): DiskImage {
		this.operations = [];
		return this.image();
	}

	/** Before anything is recorded. */
	makeFolder(path: string): void {
		this.#calls().mkdir(path, 0o700);
	}

	/** Names in a folder, for a look from outside; none if it is not there. */
	namesIn(path: string): string[] {
		const item = this.#find(path);
		return item instanceof Folder ? [...item.entries.keys()] : [];
	}

	get layer(): FsLayer {
		return diskLayer(this.#calls(), () => this.options.pause?.());
	}

	#calls(): DiskCalls {
		return {
			open: (path: string, flags: string) => this.#openPath(path, flags),
			read: (fd: number, target: Bytes, position: number) => {
				const part = this.#fileOf(fd).bytes.subarray(position);
				const count = Math.min(part.length, target.length);
				target.set(part.subarray(0, count));
				return count;
			},
			write: (fd: number, bytes: Bytes) => this.#write(fd, bytes),
			fsync: (fd: number) => this.#sync(fd),
			close: (fd: number) => {
				if (!this.#open.delete(fd)) throw failure("EBADF", "close", `${fd}`);
				this.#paths.delete(fd);
			},
			fstat: (fd: number) => statOf(this.#opened(fd)),
			stat: (path: string) => statOf(this.#need(path, "stat")),
			rename: (from: string, to: string) => this.#rename(from, to),
			link: (from: string, to: string) => {
				const item = this.#need(from, "link");
				if (this.#find(to)) throw failure("EEXIST", "link", to);
				this.#change("link", to, [[to, item]]);
			},
			unlink: (path: string) => {
				if (this.#need(path, "unlink") instanceof Folder)
					throw failure("EISDIR", "unlink", path);
				this.#change("unlink", path, [[path, undefined]]);
			},
			mkdir: (path: string) => {
				if (this.#find(path)) throw failure("EEXIST", "mkdir", path);
				this.#change("mkdir", path, [[path, new Folder(++this.#lastInode)]]);
			},
			rmdir: (path: string) => {
				const item = this.#need(path, "rmdir");
				if (item instanceof File) throw failure("ENOTDIR", "rmdir", path);
				if (item.entries.size > 0) throw failure("ENOTEMPTY", "rmdir", path);
				this.#change("rmdir", path, [[path, undefined]]);
			},
			readdir: (path: string) => {
				const item = this.#need(path, "readdir");
				if (item instanceof File) throw failure("ENOTDIR", "readdir", path);
				return [...item.entries.keys()];
			},
		};
	}

	#openPath(path: string, flags: string): number {
		let item = this.#find(path);
		if (flags === "wx") {
			if (item) throw failure("EEXIST", "open", path);
			item = new File(++this.#lastInode, new Uint8Array());
			this.#change("open", path, [[path, item]]);
		}
		if (item === undefined) throw failure("ENOENT", "open", path);
		const fd = ++this.#lastFd;
		this.#open.set(fd, item);
		this.#paths.set(fd, path);
		return fd;
	}

	#write(fd: number, bytes: Bytes): number {
		const file = this.#fileOf(fd);
		const path = this.#paths.get(fd) as string;
		const at = file.bytes.length;
		const copy = bytes.slice();
		this.#do({ type: "write", path, inode: file.inode, at, bytes: copy });
		const grown = new Uint8Array(at + copy.length);
		grown.set(file.bytes);
		grown.set(copy, at);
		file.bytes = grown;
		return bytes.length;
	}

	#sync(fd: number): void {
		const { inode } = this.#opened(fd);
		const path = this.#paths.get(fd) as string;
		const operation = { type: "sync", outcome: "done", path, inode } as const;
		const error = this.options.fail?.(operation);
		// The dead have asked for nothing: what was to be synced can still be.
		if (!(error instanceof ProcessDead))
			this.operations.push(
				error === undefined ? operation : { ...operation, outcome: "lost" },
			);
		if (error !== undefined) throw error;
	}

	#rename(from: string, to: string): void {
		const item = this.#need(from, "rename");
		const there = this.#find(to);
		if (there === item) return;
		if (there instanceof Folder && there.entries.size > 0)
			throw failure("ENOTEMPTY", "rename", to);
		this.#change("rename", `${from} to ${to}`, [
			[from, undefined],
			[to, item],
		]);
	}

	/** Writes down, then does. */
	#change(
		call: EntryOperation["call"],
		path: string,
		entries: readonly (readonly [path: string, item: Item | undefined])[],
	): void {
		const parents = entries.map(([at]) => this.#parent(at, call));
		const changes = entries.map(([at, item], i): EntryChange => {
			const folder = (parents[i] as Folder).inode;
			return { folder, name: nameOf(at), inode: item?.inode };
		});
		this.#do({ type: "entries", call, path, changes });
		if (call === "rename" || call === "rmdir") this.#folders.clear();
		for (const [i, [at, item]] of entries.entries()) {
			const { entries: names } = parents[i] as Folder;
			if (item === undefined) names.delete(nameOf(at));
			else names.set(nameOf(at), item);
		}
	}

	#do(operation: Operation): void {
		const error = this.options.fail?.(operation);
		if (error !== undefined) throw error;
		this.operations.push(operation);
	}

	#opened(fd: number): Item {
		const item = this.#open.get(fd);
		if (item === undefined) throw failure("EBADF", "read", `${fd}`);
		return item;
	}

	#fileOf(fd: number): File {
		const item = this.#opened(fd);
		if (item instanceof File) return item;
		throw failure("EISDIR", "read", `${fd}`);
	}

	#find(path: string): Item | undefined {
		return path === "" || path === "/"
			? this.#root
			: this.#folderAbove(path)?.entries.get(nameOf(path));
	}

	#folderAbove(path: string): Folder | undefined {
		const above = path.slice(0, path.lastIndexOf("/"));
		let folder: Item | undefined = this.#folders.get(above);
		if (folder !== undefined) return folder;
		folder = this.#find(above);
		if (!(folder instanceof Folder)) return undefined;
		this.#folders.set(above, folder);
		return folder;
	}

	#need(path: string, syscall: string): Item {
		const item = this.#find(path);
		if (item === undefined) throw failure("ENOENT", syscall, path);
		return item;
	}

	#parent(path: string, syscall: string): Folder {
		const folder = this.#folderAbove(path);
		if (folder !== undefined) return folder;
		throw failure("ENOENT", syscall, path);
	}
}

function load(image: DiskImage): { root: Folder; last: Inode } {
	const items = new Map<Inode, Item>();
	let last = 0;
	for (const [inode, node] of image.nodes) {
		last = Math.max(last, inode);
		const isFile = node instanceof Uint8Array;
		items.set(inode, isFile ? new File(inode, node) : new Folder(inode));
	}
	for (const [inode, node] of image.nodes) {
		const item = items.get(inode);
		if (node instanceof Uint8Array || !(item instanceof Folder)) continue;
		for (const [name, child] of node)
			item.entries.set(name, items.get(child) as Item);
	}
	return { root: items.get(image.root) as Folder, last };
}

function save(item: Item, nodes: Map<Inode, ImageNode>): void {
	if (nodes.has(item.inode)) return;
	if (item instanceof File) {
		nodes.set(item.inode, item.bytes);
		return;
	}
	const names = [...item.entries].map(([name, { inode }]) => [name, inode]);
	nodes.set(item.inode, new Map(names as [string, Inode][]));
	for (const child of item.entries.values()) save(child, nodes);
}

function nameOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

function statOf(item: Item): FileStat {
	return {
		size: item instanceof File ? item.bytes.length : 0,
		dev: 1,
		isFile: () => item instanceof File,
		isDirectory: () => item instanceof Folder,
	};
}

/** An error as the operating system gives it. */
/** A call that fails with it is one that never came. */
export class ProcessDead extends Error {
	constructor() {
		super("the process is dead");
	}
}

export function failure(code: string, syscall: string, path: string): Error {
	const text = `${code}: ${syscall} '${path}'`;
	return Object.assign(new Error(text), { code, syscall, path });
}

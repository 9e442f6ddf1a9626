import type { FileStat, FsLayer } from "@varve/store";
import { type DiskCalls, diskLayer } from "./disk-layer.ts";

/** What is at stake when power fails: true keeps it. */
export type Luck = () => boolean;

class File {
	bytes = Buffer.alloc(0);
	/** What an fsync has made durable. */
	synced = Buffer.alloc(0);
}

class Folder {
	entries = new Map<string, File | Folder>();
	synced = new Map<string, File | Folder>();
}

interface Open {
	readonly item: File | Folder;
	readonly path: string;
}

/**
 * A disk in memory that knows what would be left of it if power failed: bytes of files and entries of folders that no fsync has
 * covered may be gone, each for itself. Paths are absolute.
 */
export class MemoryDisk {
	readonly #root: Folder;
	readonly #open = new Map<number, Open>();
	#lastFd = 100;

	constructor(root?: Folder) {
		this.#root = root ?? new Folder();
	}

	/** Another disk with what is on this one, all of it durable. */
	copy(): MemoryDisk {
		return this.afterPowerLoss(() => true);
	}

	/** What is left: of all that no fsync has covered, `luck` says each time whether it had reached the disk. */
	afterPowerLoss(luck: Luck): MemoryDisk {
		return new MemoryDisk(new Survivors(luck).folder(this.#root));
	}

	/** Holds the same names and bytes. */
	equals(other: MemoryDisk): boolean {
		return areEqual(this.#root, other.#root);
	}

	/** Files and folders below a path, for a look from outside. */
	namesIn(path: string): string[] {
		const folder = this.#find(path);
		return folder instanceof Folder ? [...folder.entries.keys()] : [];
	}

	get layer(): FsLayer {
		return diskLayer(this.#calls(), () => undefined);
	}

	#calls(): DiskCalls {
		return {
			open: (path: string, flags: string) => this.#openFile(path, flags),
			read: (fd: number, target: Uint8Array, position: number) => {
				const { bytes } = this.#fileOf(fd);
				return bytes.copy(target, 0, Math.min(position, bytes.length));
			},
			write: (fd: number, bytes: Uint8Array) => {
				const file = this.#fileOf(fd);
				file.bytes = Buffer.concat([file.bytes, bytes]);
				return bytes.length;
			},
			fsync: (fd: number) => {
				const { item } = this.#opened(fd);
				if (item instanceof File) item.synced = item.bytes;
				else item.synced = new Map(item.entries);
			},
			close: (fd: number) => void this.#open.delete(fd),
			fstat: (fd: number) => statOf(this.#opened(fd).item),
			stat: (path: string) => statOf(this.#need(path, "stat")),
			rename: (from: string, to: string) => this.#rename(from, to),
			link: (from: string, to: string) => {
				const item = this.#need(from, "link");
				if (this.#find(to)) throw failure("EEXIST", "link", to);
				this.#parent(to, "link").entries.set(nameOf(to), item);
			},
			unlink: (path: string) => {
				this.#need(path, "unlink");
				this.#parent(path, "unlink").entries.delete(nameOf(path));
			},
			mkdir: (path: string) => {
				if (this.#find(path)) throw failure("EEXIST", "mkdir", path);
				this.#parent(path, "mkdir").entries.set(nameOf(path), new Folder());
			},
			rmdir: (path: string) => {
				if (this.namesIn(path).length > 0)
					throw failure("ENOTEMPTY", "rmdir", path);
				this.#need(path, "rmdir");
				this.#parent(path, "rmdir").entries.delete(nameOf(path));
			},
			readdir: (path: string) => {
				const item = this.#need(path, "readdir");
				if (item instanceof File) throw failure("ENOTDIR", "readdir", path);
				return [...item.entries.keys()];
			},
		};
	}

	#openFile(path: string, flags: string): number {
		const there = this.#find(path);
		if (flags === "wx") {
			if (there) throw failure("EEXIST", "open", path);
			this.#parent(path, "open").entries.set(nameOf(path), new File());
		}
		const item = this.#need(path, "open");
		const fd = ++this.#lastFd;
		this.#open.set(fd, { item, path });
		return fd;
	}

	#rename(from: string, to: string): void {
		const item = this.#need(from, "rename");
		const target = this.#parent(to, "rename");
		this.#parent(from, "rename").entries.delete(nameOf(from));
		target.entries.set(nameOf(to), item);
	}

	#opened(fd: number): Open {
		const open = this.#open.get(fd);
		if (open === undefined) throw failure("EBADF", "read", String(fd));
		return open;
	}

	#fileOf(fd: number): File {
		const { item, path } = this.#opened(fd);
		if (item instanceof File) return item;
		throw failure("EISDIR", "read", path);
	}

	#find(path: string): File | Folder | undefined {
		let item: File | Folder | undefined = this.#root;
		for (const name of path.split("/"))
			if (name !== "")
				item = item instanceof Folder ? item.entries.get(name) : undefined;
		return item;
	}

	#need(path: string, syscall: string): File | Folder {
		const item = this.#find(path);
		if (item === undefined) throw failure("ENOENT", syscall, path);
		return item;
	}

	#parent(path: string, syscall: string): Folder {
		const item = this.#find(path.slice(0, path.lastIndexOf("/")));
		if (item instanceof Folder) return item;
		throw failure("ENOENT", syscall, path);
	}
}

/** Copies what survives. A file with two names stays one file. */
class Survivors {
	readonly #luck: Luck;
	readonly #files = new Map<File, File>();

	constructor(luck: Luck) {
		this.#luck = luck;
	}

	folder(folder: Folder): Folder {
		const copy = new Folder();
		const names = new Set([...folder.entries.keys(), ...folder.synced.keys()]);
		for (const name of names) {
			const now = folder.entries.get(name);
			const before = folder.synced.get(name);
			const item = now === before || this.#luck() ? now : before;
			if (item !== undefined) copy.entries.set(name, this.#item(item));
		}
		copy.synced = new Map(copy.entries);
		return copy;
	}

	#item(item: File | Folder): File | Folder {
		if (item instanceof Folder) return this.folder(item);
		const known = this.#files.get(item);
		if (known !== undefined) return known;
		const file = new File();
		file.bytes = this.#bytesOf(item);
		file.synced = file.bytes;
		this.#files.set(item, file);
		return file;
	}

	/** All, nothing but what was synced, or a part of what was not. */
	#bytesOf({ bytes, synced }: File): Buffer<ArrayBuffer> {
		if (bytes === synced || this.#luck()) return bytes;
		if (!this.#luck()) return synced;
		return bytes.subarray(0, (synced.length + bytes.length) >> 1);
	}
}

function areEqual(a: File | Folder | undefined, b: File | Folder): boolean {
	if (a instanceof File)
		return (
			b instanceof File && (a.bytes === b.bytes || a.bytes.equals(b.bytes))
		);
	if (a === undefined || b instanceof File) return false;
	if (a.entries.size !== b.entries.size) return false;
	for (const [name, item] of b.entries)
		if (!areEqual(a.entries.get(name), item)) return false;
	return true;
}

function nameOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

function statOf(item: File | Folder): FileStat {
	return {
		size: item instanceof File ? item.bytes.length : 0,
		dev: 1,
		isFile: () => item instanceof File,
		isDirectory: () => item instanceof Folder,
	};
}

function failure(code: string, syscall: string, path: string): Error {
	const text = `${code}: ${syscall} '${path}'`;
	return Object.assign(new Error(text), { code, syscall, path });
}

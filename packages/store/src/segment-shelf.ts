import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, isVarveError } from "@varve/format";
import type { ReadBackend } from "./backend.ts";
import { writeCacheFile } from "./cache-file.ts";
import { isErrno, storageError } from "./fs-errors.ts";
import {
	openIfThere,
	openSegmentFile,
	type SegmentFile,
	segmentInMemory,
} from "./segment-file.ts";
import { prove, proveNow } from "./segment-proof.ts";
import type { Warn } from "./warn.ts";

export interface SegmentShelfOptions {
	readonly backend: ReadBackend;
	/** Folder for copies, where the backend's files are not local; undefined to hold them in memory. */
	readonly copies: string | undefined;
	readonly warn: Warn;
}

/** Opens the segments of a repository, each proved by its name before it is believed. */
export class SegmentShelf {
	readonly #options: SegmentShelfOptions;
	readonly #files = new Map<string, SegmentFile>();
	/** Proved to be damaged, and said so. */
	readonly #damaged = new Set<string>();

	constructor(options: SegmentShelfOptions) {
		this.#options = options;
	}

	/** Undefined if it has vanished since it was listed, or is damaged (then there is a warning). */
	async open(name: string): Promise<SegmentFile | undefined> {
		if (this.#damaged.has(name)) return undefined;
		let file = this.#files.get(name);
		if (file === undefined) {
			file = await this.#openFile(name);
			if (file === undefined) return undefined;
			if (!(await prove(file))) {
				file.close();
				return this.#setDamaged(name);
			}
			this.#files.set(name, file);
		}
		return file;
	}

	#setDamaged(name: string, cause?: unknown): undefined {
		this.#damaged.add(name);
		this.#options.warn({
			code: "BAD_SEGMENT",
			message: `segments/${name} is damaged: what it lists is looked for elsewhere`,
			cause,
		});
	}

	async #openFile(name: string): Promise<SegmentFile | undefined> {
		const local = this.#localPath(name);
		if (local !== undefined) return openIfThere(local, name);
		const { copies } = this.#options;
		if (copies !== undefined) {
			const copy = openIfThere(join(copies, name), name);
			if (copy !== undefined) {
				if (await prove(copy)) return copy;
				copy.close();
			}
		}
		return await this.#fetch(name);
	}

	#localPath(name: string): string | undefined {
		const { descriptor } = this.#options.backend;
		return descriptor && join(descriptor.path, "segments", name);
	}

	async #fetch(name: string): Promise<SegmentFile | undefined> {
		let bytes: Bytes;
		try {
			bytes = await this.#options.backend.read("segments", name);
		} catch (error) {
			if (isVarveError(error) && error.code === "NO_FILE") return undefined;
			throw error;
		}
		return (await this.#copy(name, bytes)) ?? segmentInMemory(name, bytes);
	}

	/** Undefined if nothing can be written: the copy is a cache. */
	async #copy(name: string, bytes: Bytes): Promise<SegmentFile | undefined> {
		const { copies } = this.#options;
		if (copies === undefined) return undefined;
		const path = join(copies, name);
		try {
			await writeCacheFile(path, bytes);
			return openSegmentFile(path, name);
		} catch (cause) {
			this.#options.warn({
				code: "CACHE_UNUSABLE",
				message: `${path} cannot be written`,
				cause,
			});
			return undefined;
		}
	}

	/** A segment that LevelDB holds, for when it must be read all the same. Undefined if it is not at hand, or damaged. */
	openNow(name: string): SegmentFile | undefined {
		const known = this.#files.get(name);
		if (known !== undefined || this.#damaged.has(name)) return known;
		const path = this.pathOf(name);
		const file = path === undefined ? undefined : openIfThere(path, name);
		if (file === undefined) return undefined;
		if (!proveNow(file)) {
			file.close();
			return this.#setDamaged(name);
		}
		this.#files.set(name, file);
		return file;
	}

	/** Where threads find it, if it is local. */
	pathOf(name: string): string | undefined {
		const { copies } = this.#options;
		return this.#localPath(name) ?? (copies && join(copies, name));
	}

	/** A segment that was just written: a copy of it is kept, where the backend's files are not local. */
	async add(name: string, bytes: Bytes): Promise<void> {
		if (this.#localPath(name) !== undefined || this.#files.has(name)) return;
		const file = await this.#copy(name, bytes);
		if (file !== undefined) this.#files.set(name, file);
	}

	/** Closes all but these, and deletes copies of what is no longer listed. */
	async keepOnly(names: ReadonlySet<string>): Promise<void> {
		for (const [name, file] of this.#files) {
			if (names.has(name)) continue;
			file.close();
			this.#files.delete(name);
		}
		const { copies, backend } = this.#options;
		if (copies === undefined || backend.descriptor !== undefined) return;
		for (const name of await namesIn(copies))
			if (!names.has(name)) await rm(join(copies, name), { force: true });
	}

	close(): void {
		for (const file of this.#files.values()) file.close();
		this.#files.clear();
	}
}

async function namesIn(folder: string): Promise<string[]> {
	try {
		return await readdir(folder);
	} catch (error) {
		if (isErrno(error, "ENOENT")) return [];
		throw storageError(error, `list ${folder}`);
	}
}

import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Hash64, utf8 } from "@varve/format";
import { writeCacheFile } from "./cache-file.ts";
import { isErrno, isSystemError } from "./fs-errors.ts";
import type { ClientCache } from "./repository-index.ts";
import type { Warn } from "./warn.ts";

/** After the bytes of each file: "VARVECCH", XXH64 of the name and the XXH64 of the bytes. */
const magic = utf8("VARVECCH");
const trailerBytes = 16;
const plainName = /^[0-9A-Za-z][0-9A-Za-z._-]*(\/[0-9A-Za-z][0-9A-Za-z._-]*)?$/;

/**
 * The cache of one repository. Names are "what" or "what/which"; `usage` counts by the part before the slash. Without a folder, or
 * where it cannot be used, nothing is kept and nothing fails.
 */
export async function openClientCache(
	folder: string | undefined,
	hash64: Hash64,
	warn: Warn = () => undefined,
): Promise<ClientCache> {
	return folder === undefined ? noCache : new FolderCache(folder, hash64, warn);
}

const noCache: ClientCache = {
	folder: undefined,
	get: async () => undefined,
	put: async () => undefined,
	usage: async () => [],
	clear: async () => undefined,
};

class FolderCache implements ClientCache {
	readonly folder: string;
	readonly #hash64: Hash64;
	readonly #warn: Warn;

	constructor(folder: string, hash64: Hash64, warn: Warn) {
		this.folder = folder;
		this.#hash64 = hash64;
		this.#warn = warn;
	}

	async get(name: string): Promise<Bytes | undefined> {
		let file: Bytes;
		try {
			file = await readFile(this.#pathOf(name));
		} catch (error) {
			if (!isSystemError(error)) throw error;
			return undefined;
		}
		const length = file.length - trailerBytes;
		if (length < 0) return undefined;
		const bytes = file.subarray(0, length);
		const trailer = this.#trailer(name, bytes);
		return Buffer.compare(trailer, file.subarray(length)) === 0
			? bytes
			: undefined;
	}

	async put(name: string, bytes: Bytes): Promise<void> {
		const path = this.#pathOf(name);
		try {
			await writeCacheFile(path, bytes, this.#trailer(name, bytes));
		} catch (cause) {
			if (!isSystemError(cause)) throw cause;
			this.#warnUnusable(cause);
		}
	}

	#trailer(name: string, bytes: Bytes): Bytes {
		const label = utf8(name);
		const named = new Uint8Array(label.length + 8);
		named.set(label);
		const view = new DataView(named.buffer);
		view.setBigUint64(label.length, this.#hash64(bytes), true);
		const trailer = new Uint8Array(trailerBytes);
		trailer.set(magic);
		new DataView(trailer.buffer).setBigUint64(8, this.#hash64(named), true);
		return trailer;
	}

	#pathOf(name: string): string {
		if (!plainName.test(name))
			throw new Error(`not a name of a file in a cache: ${name}`);
		return join(this.folder, name);
	}

	async usage(): Promise<{ name: string; bytes: number; files: number }[]> {
		const usage = [];
		for (const name of (await this.#namesIn(this.folder)).sort())
			usage.push({ name, ...(await this.#sizeOf(join(this.folder, name))) });
		return usage;
	}

	/** Of a file, or of all files in a folder. */
	async #sizeOf(path: string): Promise<{ bytes: number; files: number }> {
		try {
			const found = await stat(path);
			if (!found.isDirectory()) return { bytes: found.size, files: 1 };
		} catch (error) {
			// Deleted since the folder was read.
			if (!isSystemError(error)) throw error;
			return { bytes: 0, files: 0 };
		}
		const total = { bytes: 0, files: 0 };
		for (const name of await this.#namesIn(path)) {
			const { bytes, files } = await this.#sizeOf(join(path, name));
			total.bytes += bytes;
			total.files += files;
		}
		return total;
	}

	async #namesIn(folder: string): Promise<string[]> {
		try {
			return await readdir(folder);
		} catch (cause) {
			if (!isSystemError(cause)) throw cause;
			if (!isErrno(cause, "ENOENT")) this.#warnUnusable(cause);
			return [];
		}
	}

	async clear(): Promise<void> {
		await rm(this.folder, { recursive: true, force: true });
	}

	#warnUnusable(cause: unknown): void {
		this.#warn({
			code: "CACHE_UNUSABLE",
			message: `the cache in ${this.folder} cannot be used`,
			cause,
		});
	}
}

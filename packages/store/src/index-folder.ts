import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Hash64 } from "@varve/format";
import { isErrno } from "./fs-errors.ts";
import { breakSeal, checkSeal, type Seal, writeSeal } from "./index-seal.ts";
import {
	type Database,
	isLocked,
	openDatabase,
	openLock,
} from "./level-database.ts";
import { DamagedValue } from "./level-values.ts";
import { emptyMarker, type Marker, readMarker, writeMarker } from "./marker.ts";
import type { Warn } from "./warn.ts";

export interface IndexFolderOptions {
	/** Folder of this repository in the cache. */
	readonly folder: string;
	/** 64 hex digits. */
	readonly repositoryId: string;
	readonly hash64: Hash64;
	readonly warn: Warn;
}

export interface OpenIndex {
	readonly database: Database;
	readonly marker: Marker;
	/** For `close`. */
	readonly seal: Seal;
}

/**
 * Opens, makes and drops the LevelDB of a repository. Whatever is doubtful about it is dropped: it can be built again. A LevelDB
 * that lost its CURRENT would open empty and delete its tables, so it is only made in a fresh folder that is then renamed; one with a
 * damaged table would end the process, so its files are checked before.
 */
export class IndexFolder {
	readonly #options: IndexFolderOptions;
	/** Of the LevelDB. */
	readonly path: string;
	#lock: Database | undefined;

	constructor(options: IndexFolderOptions) {
		this.#options = options;
		this.path = join(options.folder, "index");
	}

	/** Undefined if someone else has it open, or the cache cannot be used. */
	async open(): Promise<OpenIndex | undefined> {
		try {
			await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
			this.#lock ??= await this.#takeLock();
			if (this.#lock === undefined) return undefined;
			for (let tries = 0; tries < 3; tries++) {
				const opened = await this.#tryOpen();
				if (opened !== undefined) return opened;
			}
			throw new Error("it was damaged again and again");
		} catch (cause) {
			this.#warnUnusable(cause);
			await this.#releaseLock();
			return undefined;
		}
	}

	/** Whoever has it may check, drop and make the index; undefined if that is someone else. */
	async #takeLock(): Promise<Database | undefined> {
		const path = join(this.#options.folder, "index-lock");
		for (let tries = 0; ; tries++) {
			try {
				return await openLock(path);
			} catch (error) {
				if (isLocked(error)) return undefined;
				if (tries > 0) throw error;
				await rm(path, { recursive: true, force: true });
			}
		}
	}

	async #releaseLock(): Promise<void> {
		const lock = this.#lock;
		this.#lock = undefined;
		await lock?.close();
	}

	/** Undefined if it had to be dropped. */
	async #tryOpen(): Promise<OpenIndex | undefined> {
		// LevelDB makes the folder even where it is told to make nothing.
		if (!(await this.#exists())) await this.#create();
		const { hash64, repositoryId } = this.#options;
		const seal = await checkSeal(this.path, hash64);
		if (seal === undefined)
			return await this.#drop(new Error("its files are not what they were"));
		let database: Database;
		try {
			database = await openDatabase(this.path);
		} catch (error) {
			return await this.#drop(error);
		}
		const marker = await this.#readMarker(database);
		if (marker?.repository === repositoryId) {
			await breakSeal(this.path);
			return { database, marker, seal };
		}
		await database.close();
		return await this.#drop(new Error("it is of another repository"));
	}

	/** Undefined if there is none that can be read. */
	async #readMarker(database: Database): Promise<Marker | undefined> {
		try {
			return await readMarker(database, this.#options.hash64);
		} catch (error) {
			if (error instanceof DamagedValue) return undefined;
			throw error;
		}
	}

	async #exists(): Promise<boolean> {
		return (await readdir(this.#options.folder)).includes("index");
	}

	/** Makes an empty one aside and renames it: a LevelDB is never made where one may have been. */
	async #create(): Promise<void> {
		const { repositoryId, hash64 } = this.#options;
		const aside = this.#aside("new");
		const database = await openDatabase(aside, { create: true });
		await writeMarker(database, emptyMarker(repositoryId), hash64);
		await database.close();
		await rename(aside, this.path);
	}

	async #drop(cause: unknown): Promise<undefined> {
		this.#options.warn({
			code: "INDEX_REBUILT",
			message: `the index in ${this.path} is damaged or out of date: it is built again`,
			cause,
		});
		await this.#discard();
	}

	/** Renames it away and deletes it. */
	async #discard(): Promise<void> {
		const aside = this.#aside("old");
		await rename(this.path, aside).catch((error) => {
			if (!isErrno(error, "ENOENT")) throw error;
		});
		for (const name of await readdir(this.#options.folder))
			if (name.startsWith("index-old-") || name.startsWith("index-new-"))
				await rm(join(this.#options.folder, name), {
					recursive: true,
					force: true,
				});
	}

	#aside(what: string): string {
		const random = randomBytes(4).toString("hex");
		return join(this.#options.folder, `index-${what}-${random}`);
	}

	/** `sound`: no damage has shown; else it is dropped. */
	async close({ database, seal }: OpenIndex, sound: boolean): Promise<void> {
		try {
			await database.close();
			if (sound) await writeSeal(this.path, seal, this.#options.hash64);
			else await this.#discard();
		} catch (cause) {
			this.#warnUnusable(cause);
		}
		await this.#releaseLock();
	}

	#warnUnusable(cause: unknown): void {
		this.#options.warn({
			code: "CACHE_UNUSABLE",
			message: `the index in ${this.path} cannot be used: look-ups are slower`,
			cause,
		});
	}
}

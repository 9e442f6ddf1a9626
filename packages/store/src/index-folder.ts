import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Hash64 } from "@varve/format";
import { isErrno } from "./fs-errors.ts";
import { breakSeal, checkSeal, writeSeal } from "./index-seal.ts";
import { type Database, isLocked, openDatabase } from "./level-database.ts";
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
}

/**
 * Opens, makes and drops the LevelDB of a repository. Whatever is doubtful about it is dropped: it can be built again. A LevelDB
 * that lost its CURRENT would open empty and delete its tables, so it is only made in a fresh folder that is then renamed.
 */
export class IndexFolder {
	readonly #options: IndexFolderOptions;
	/** Of the LevelDB. */
	readonly path: string;

	constructor(options: IndexFolderOptions) {
		this.#options = options;
		this.path = join(options.folder, "index");
	}

	/** Undefined if another process has it open, or the cache cannot be used. */
	async open(): Promise<OpenIndex | undefined> {
		try {
			await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
			for (let tries = 0; tries < 3; tries++) {
				const opened = await this.#tryOpen();
				if (opened !== "dropped") return opened;
			}
			throw new Error("it was damaged again and again");
		} catch (cause) {
			this.#warnUnusable(cause);
			return undefined;
		}
	}

	async #tryOpen(): Promise<OpenIndex | undefined | "dropped"> {
		const { hash64 } = this.#options;
		// LevelDB makes the folder even where it is told to make nothing.
		if (!(await this.exists())) await this.#create();
		let state = await checkSeal(this.path, hash64);
		let database: Database;
		try {
			database = await openDatabase(this.path);
		} catch (error) {
			if (isLocked(error)) return undefined;
			await this.drop(error);
			return "dropped";
		}
		let marker: Marker | undefined;
		try {
			marker = await readMarker(database, hash64);
		} catch (error) {
			if (!(error instanceof DamagedValue)) throw error;
			state = "damaged";
		}
		if (
			state !== "damaged" &&
			marker?.repository === this.#options.repositoryId
		) {
			await breakSeal(this.path);
			return { database, marker };
		}
		await database.close();
		await this.drop(new Error("its files are not what they were"));
		return "dropped";
	}

	/** True if there is something in its place. */
	async exists(): Promise<boolean> {
		try {
			return (await readdir(this.#options.folder)).includes("index");
		} catch (error) {
			if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
			throw error;
		}
	}

	/** Makes an empty one aside and renames it, unless another process was quicker. */
	async #create(): Promise<void> {
		const { repositoryId, hash64 } = this.#options;
		const aside = this.#aside("new");
		const database = await openDatabase(aside, { create: true });
		await writeMarker(database, emptyMarker(repositoryId), hash64);
		await database.close();
		try {
			await rename(aside, this.path);
		} catch (error) {
			if (!isErrno(error, "ENOTEMPTY", "EEXIST", "EPERM")) throw error;
			await rm(aside, { recursive: true, force: true });
		}
	}

	/** Renames it away and deletes it. */
	async drop(cause: unknown): Promise<void> {
		this.#options.warn({
			code: "INDEX_REBUILT",
			message: `the index in ${this.path} is damaged or out of date: it is built again`,
			cause,
		});
		await this.discard();
	}

	/** The same, without a warning. */
	async discard(): Promise<void> {
		const aside = this.#aside("old");
		await rename(this.path, aside).catch((error) => {
			if (!isErrno(error, "ENOENT")) throw error;
		});
		for (const name of await readdir(this.#options.folder))
			if (name.startsWith("index-old-"))
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
	async close(database: Database, sound: boolean): Promise<void> {
		try {
			await database.close();
			if (sound) await writeSeal(this.path, this.#options.hash64);
			else await this.discard();
		} catch (cause) {
			this.#warnUnusable(cause);
		}
	}

	#warnUnusable(cause: unknown): void {
		this.#options.warn({
			code: "CACHE_UNUSABLE",
			message: `the index in ${this.path} cannot be used: look-ups are slower`,
			cause,
		});
	}
}

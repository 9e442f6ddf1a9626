import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ConflictError, type LeaseId } from "@varve/format";
import type { DurableWrite } from "./durable-write.ts";
import { isErrno, storageError } from "./fs-errors.ts";
import type { FsLayer } from "./fs-layer.ts";
import { isStageName, stagePath } from "./local-layout.ts";
import type { Warn } from "./warn.ts";

/** Begins the name, in tmp/, of what was a stage and is being deleted. */
const fencedPrefix = "fenced-";

export interface StageFoldersOptions {
	readonly root: string;
	readonly fs: FsLayer;
	readonly durable: DurableWrite;
	readonly warn: Warn;
}

/** The folders in tmp/: one for each lease that prepares files. */
export class StageFolders {
	readonly #root: string;
	readonly #tmp: string;
	readonly #fs: FsLayer;
	readonly #durable: DurableWrite;
	readonly #warn: Warn;
	readonly #made = new Set<LeaseId>();

	constructor({ root, fs, durable, warn }: StageFoldersOptions) {
		this.#root = root;
		this.#tmp = join(root, "tmp");
		this.#fs = fs;
		this.#durable = durable;
		this.#warn = warn;
	}

	/** ConflictError ("FENCED") if the lease has a stage or had one here. */
	async make(lease: LeaseId): Promise<void> {
		const path = stagePath(this.#root, lease);
		if (this.#made.has(lease)) throw stagedBefore(lease);
		try {
			await this.#fs.mkdir(path, 0o700).catch(async (error) => {
				if (!isErrno(error, "ENOENT")) throw error;
				await this.#makeTmp();
				await this.#fs.mkdir(path, 0o700);
			});
		} catch (error) {
			if (isErrno(error, "EEXIST")) throw stagedBefore(lease, error);
			throw storageError(error, `make ${path}`);
		}
		this.#made.add(lease);
	}

	async #makeTmp(): Promise<void> {
		await this.#fs.mkdir(this.#tmp, 0o700).catch((error) => {
			if (!isErrno(error, "EEXIST")) throw error;
		});
	}

	async list(): Promise<LeaseId[]> {
		return (await this.#names()).filter(isStageName) as LeaseId[];
	}

	async #names(): Promise<string[]> {
		try {
			return await this.#fs.readdir(this.#tmp);
		} catch (error) {
			if (isErrno(error, "ENOENT")) return [];
			throw storageError(error, "list tmp");
		}
	}

	/** True if there was one. Durable when this resolves: what is decided on the strength of it survives with it. */
	async fence(lease: LeaseId): Promise<boolean> {
		const away = await this.#renameAway(lease);
		// Also where it is gone already: who renamed it may have been killed before that was durable.
		await this.#durable.settle(this.#tmp);
		if (away === undefined) return false;
		await this.clearFenced();
		return true;
	}

	async listFenced(): Promise<string[]> {
		return (await this.#names()).filter((name) =>
			name.startsWith(fencedPrefix),
		);
	}

	async clearFenced(): Promise<void> {
		for (const name of await this.listFenced())
			await this.#delete(join(this.#tmp, name));
	}

	/** The same by the owner, who decides nothing on the strength of it. */
	async release(lease: LeaseId): Promise<void> {
		const away = await this.#renameAway(lease);
		if (away !== undefined) await this.#delete(away);
	}

	async #renameAway(lease: LeaseId): Promise<string | undefined> {
		const random = randomBytes(4).toString("hex");
		const away = join(this.#tmp, `${fencedPrefix}${lease}-${random}`);
		try {
			await this.#fs.rename(stagePath(this.#root, lease), away);
			return away;
		} catch (error) {
			if (isErrno(error, "ENOENT")) return undefined;
			throw storageError(error, `remove the stage of ${lease}`);
		}
	}

	/** That a folder cannot be deleted undoes no fencing; the next one tries again. */
	async #delete(folder: string): Promise<void> {
		try {
			for (const name of await this.#fs.readdir(folder))
				await this.#unlink(join(folder, name));
			await this.#fs.rmdir(folder);
		} catch (cause) {
			if (isErrno(cause, "ENOENT")) return;
			this.#warn({
				code: "STAGE_LEFT",
				message: `${folder} could not be deleted`,
				cause,
			});
		}
	}

	async #unlink(path: string): Promise<void> {
		await this.#fs.unlink(path).catch((error) => {
			if (!isErrno(error, "ENOENT")) throw error;
		});
	}
}

function stagedBefore(lease: LeaseId, cause?: unknown): ConflictError {
	return new ConflictError(
		"FENCED",
		`the lease ${lease} has had a stage already`,
		{ lease },
		{ cause },
	);
}

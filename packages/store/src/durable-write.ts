import { dirname } from "node:path";
import type { Bytes } from "@varve/format";
import { isErrno, storageError } from "./fs-errors.ts";
import type { FsLayer } from "./fs-layer.ts";
import { statUnlessAbsent } from "./quarantine.ts";
import type { Warn } from "./warn.ts";

/**
 * The one way in which a file of a repository comes to be: a new file in the stage, all bytes, fsync, close, rename (or link),
 * fsync of the directory. Nobody else in the store renames or syncs.
 *
 * An fsync that failed says that the file is lost: the system may have dropped its pages, and a second fsync would succeed
 * without them. So nothing is ever synced again after a failure; the file is deleted and the error stands.
 */
export class DurableWrite {
	readonly #fs: FsLayer;
	readonly #warn: Warn;
	readonly #directories = new Map<string, GroupedSync>();
	#warned = false;

	constructor(fs: FsLayer, warn: Warn) {
		this.#fs = fs;
		this.#warn = warn;
	}

	/** Makes a new file with these bytes, synced. Deleted again if that fails. */
	async writeNew(path: string, bytes: Bytes): Promise<void> {
		const fd = await this.#fs.open(path, "wx", 0o600);
		await this.#closing(fd, path, async () => {
			for (let at = 0; at < bytes.length; )
				at += await this.#fs.write(fd, bytes.subarray(at));
			await this.#fs.fsync(fd);
		});
	}

	/** Syncs a closed file. Deleted if that fails. */
	async syncFile(path: string): Promise<void> {
		const fd = await this.#fs.open(path, "r+");
		await this.#closing(fd, path, () => this.#fs.fsync(fd));
	}

	async #closing(
		fd: number,
		path: string,
		work: () => Promise<void>,
	): Promise<void> {
		try {
			await work().finally(() => this.#fs.close(fd));
		} catch (error) {
			await this.discard(path);
			throw error;
		}
	}

	/** Renames a synced file to its final name, durably. */
	async rename(from: string, to: string): Promise<void> {
		await this.#fs.rename(from, to);
		await this.syncDirectory(dirname(to));
	}

	/** Gives a synced file its final name, durably, unless that is taken: then EEXIST. */
	async renameToNew(from: string, to: string): Promise<void> {
		try {
			await this.#fs.link(from, to);
		} catch (error) {
			if (!isErrno(error, ...noLinks)) throw error;
			return await this.#renameUnlessThere(from, to);
		}
		await this.syncDirectory(dirname(to));
		await this.discard(from);
	}

	/** Gives a file a second name, not yet durable; false where the file system knows no such thing. */
	async link(from: string, to: string): Promise<boolean> {
		try {
			await this.#fs.link(from, to);
			return true;
		} catch (error) {
			if (isErrno(error, ...noLinks)) return false;
			throw error;
		}
	}

	/** Where the file system knows no hard links, nothing is both whole at once and exclusive: two writers in the same moment may both succeed. */
	async #renameUnlessThere(from: string, to: string): Promise<void> {
		const there = await this.#fs.stat(to).then(
			() => true,
			(error) => {
				if (isErrno(error, "ENOENT")) return false;
				throw error;
			},
		);
		if (there)
			throw Object.assign(new Error(`EEXIST: file already exists, ${to}`), {
				code: "EEXIST",
				syscall: "link",
			});
		await this.rename(from, to);
	}

	/** Deletes a file of no more use, if it can be: a stage is cleared anyway when it is released. */
	async discard(path: string): Promise<void> {
		await this.#fs.unlink(path).catch(() => undefined);
	}

	/**
	 * Makes the entries of a directory durable. Calls that come while one is under way share the next one: many packs, few syncs.
	 */
	syncDirectory(path: string): Promise<void> {
		let grouped = this.#directories.get(path);
		if (!grouped) {
			grouped = new GroupedSync(() => this.#syncDirectoryNow(path));
			this.#directories.set(path, grouped);
		}
		return grouped.run();
	}

	/** Makes durable what is there and what is absent in a directory, if that is there. */
	async settle(path: string): Promise<void> {
		const stat = await statUnlessAbsent(this.#fs, path).catch((error) => {
			throw storageError(error, `sync the directory ${path}`);
		});
		if (stat !== undefined) await this.syncDirectory(path);
	}

	async #syncDirectoryNow(path: string): Promise<void> {
		let opened = false;
		try {
			const fd = await this.#fs.open(path, "r");
			opened = true;
			await this.#fs.fsync(fd).finally(() => this.#fs.close(fd));
		} catch (error) {
			const isGone = !opened && isErrno(error, "ENOENT");
			if (isGone || !cannotSyncDirectories(error))
				throw storageError(error, `sync the directory ${path}`);
			if (!this.#warned)
				this.#warn({
					code: "NO_DIRECTORY_SYNC",
					message: `the file system of ${path} cannot sync directories: what was written last may be lost when the power fails`,
					cause: error,
				});
			this.#warned = true;
		}
	}
}

const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** SMB and FUSE say so in different words, SMB by ENOENT for one that was opened; Windows cannot open a directory at all. */
function cannotSyncDirectories(error: unknown): boolean {
	return (
		isErrno(error, "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOTTY", "ENOENT") ||
		(process.platform === "win32" && isErrno(error, "EPERM", "EISDIR"))
	);
}

/** Runs something so that each call is served by a run that began after it, and as few runs as that allows. */
class GroupedSync {
	readonly #work: () => Promise<void>;
	#current: Promise<void> | undefined;
	#next: Promise<void> | undefined;

	constructor(work: () => Promise<void>) {
		this.#work = work;
	}

	run(): Promise<void> {
		if (!this.#current) return this.#start();
		const start = () => {
			this.#next = undefined;
			return this.#start();
		};
		this.#next ??= this.#current.then(start, start);
		return this.#next;
	}

	#start(): Promise<void> {
		const run = this.#work().finally(() => {
			if (this.#current === run) this.#current = undefined;
		});
		this.#current = run;
		return run;
	}
}

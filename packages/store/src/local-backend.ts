import { join, resolve } from "node:path";
import {
	type Bytes,
	InputError,
	type LeaseId,
	NotFoundError,
	StorageError,
} from "@varve/format";
import type {
	Abortable,
	BackendDescriptor,
	BlockingReads,
	FileKind,
	ListedFile,
	Range,
	RemoveBackend,
	Stage,
} from "./backend.ts";
import { notFound, openBlockingReads, tooShort } from "./blocking-reads.ts";
import { DurableWrite } from "./durable-write.ts";
import { isErrno, storageError } from "./fs-errors.ts";
import { type FileStat, type FsLayer, nodeFs } from "./fs-layer.ts";
import { folderOf, foldersOf, pathOf } from "./local-layout.ts";
import { listFiles } from "./local-listing.ts";
import { LocalStage } from "./local-stage.ts";
import { StageFolders } from "./stage-folders.ts";
import type { Warn } from "./warn.ts";

/** Of folders, where many are to be made durable. */
const syncsAtOnce = 16;

export interface LocalBackendOptions {
	/** The operating system's, if not given. */
	readonly fs?: FsLayer | undefined;
	readonly warn?: Warn | undefined;
}

/**
 * Opens the directory of a repository; whether one is in it is for its config to tell. NotFoundError ("NO_REPOSITORY") if there
 * is nothing, InputError ("NOT_A_DIRECTORY") if it is a file.
 */
export async function openLocalBackend(
	path: string,
	options: LocalBackendOptions = {},
): Promise<RemoveBackend> {
	const root = resolve(path);
	const fs = options.fs ?? nodeFs;
	let stat: FileStat;
	try {
		stat = await fs.stat(root);
	} catch (error) {
		if (isErrno(error, "ENOENT"))
			throw new NotFoundError(
				"NO_REPOSITORY",
				`there is no repository at ${root}: no such directory`,
				{ path: root },
				{ cause: error },
			);
		if (isErrno(error, "ENOTDIR")) throw notADirectory(root, error);
		throw storageError(error, `open ${root}`);
	}
	if (!stat.isDirectory()) throw notADirectory(root);
	return new LocalBackend(root, stat.dev, options);
}

export function notADirectory(path: string, cause?: unknown): InputError {
	return new InputError(
		"NOT_A_DIRECTORY",
		`${path} is not a directory`,
		{ path },
		{ cause },
	);
}

class LocalBackend implements RemoveBackend {
	readonly location: string;
	readonly descriptor: BackendDescriptor;
	readonly blocking: BlockingReads;
	readonly #fs: FsLayer;
	readonly #durable: DurableWrite;
	readonly #stages: StageFolders;
	/** Device of the root: another one means that something was unmounted. */
	readonly #device: number;

	constructor(root: string, device: number, options: LocalBackendOptions) {
		this.location = root;
		this.descriptor = { type: "local", path: root };
		this.#device = device;
		this.#fs = options.fs ?? nodeFs;
		const warn = options.warn ?? (() => undefined);
		this.#durable = new DurableWrite(this.#fs, warn);
		this.#stages = new StageFolders({
			root,
			fs: this.#fs,
			durable: this.#durable,
			warn,
		});
		this.blocking = openBlockingReads(this.descriptor, this.#fs);
	}

	async list(kind: FileKind, options: Abortable = {}): Promise<ListedFile[]> {
		const { signal } = options;
		signal?.throwIfAborted();
		try {
			const files = await listFiles(this.#fs, this.location, kind, signal);
			if (files.length === 0) await this.#requireRoot();
			return files;
		} catch (error) {
			throw storageError(error, `list ${kind}`);
		}
	}

	async read(kind: FileKind, name: string, range?: Range): Promise<Bytes> {
		try {
			const fd = await this.#fs.open(pathOf(this.location, kind, name), "r");
			return await this.#readOpen(fd, kind, name, range).finally(() =>
				this.#fs.close(fd),
			);
		} catch (error) {
			if (!isErrno(error, "ENOENT"))
				throw storageError(error, `read ${kind}/${name}`);
			await this.#requireRoot();
			throw notFound(kind, name, error);
		}
	}

	async #readOpen(
		fd: number,
		kind: FileKind,
		name: string,
		range: Range | undefined,
	): Promise<Bytes> {
		const { size } = await this.#fs.fstat(fd);
		const { at, length } = range ?? { at: 0, length: size };
		if (at + length > size) throw tooShort(kind, name, at + length);
		const bytes = new Uint8Array(length);
		for (let done = 0; done < length; ) {
			const read = await this.#fs.read(fd, bytes.subarray(done), at + done);
			if (read === 0) throw tooShort(kind, name, at + length);
			done += read;
		}
		return bytes;
	}

	async size(kind: FileKind, name: string): Promise<number | undefined> {
		return (await this.#stat(kind, name))?.size;
	}

	async storedAt(kind: FileKind, name: string): Promise<number | undefined> {
		return (await this.#stat(kind, name))?.mtimeMs;
	}

	async #stat(kind: FileKind, name: string): Promise<FileStat | undefined> {
		try {
			return await this.#fs.stat(pathOf(this.location, kind, name));
		} catch (error) {
			if (!isErrno(error, "ENOENT"))
				throw storageError(error, `look at ${kind}/${name}`);
			await this.#requireRoot();
			return undefined;
		}
	}

	/** "Not there" is believed only while the repository itself is. */
	async #requireRoot(): Promise<void> {
		let device: number | undefined;
		let cause: unknown;
		try {
			device = (await this.#fs.stat(this.location)).dev;
		} catch (error) {
			if (!isErrno(error, "ENOENT"))
				throw storageError(error, `look at ${this.location}`);
			cause = error;
		}
		if (device !== this.#device)
			throw new StorageError(
				"STORAGE_FAILED",
				`${this.location} is gone: it was removed or unmounted`,
				{ path: this.location },
				{ cause },
			);
	}

	async space(): Promise<number | undefined> {
		try {
			return await this.#fs.space(this.location);
		} catch (error) {
			throw storageError(error, `ask for the free space of ${this.location}`);
		}
	}

	async stage(lease: LeaseId): Promise<Stage> {
		await this.#requireRoot();
		await this.#stages.make(lease);
		return new LocalStage({
			root: this.location,
			lease,
			fs: this.#fs,
			durable: this.#durable,
			release: () => this.#stages.release(lease),
		});
	}

	async listStages(): Promise<LeaseId[]> {
		const leases = await this.#stages.list();
		if (leases.length === 0) await this.#requireRoot();
		return leases;
	}

	async fence(lease: LeaseId): Promise<boolean> {
		const there = await this.#stages.fence(lease);
		if (!there) await this.#requireRoot();
		return there;
	}

	async listFenced(): Promise<string[]> {
		return await this.#stages.listFenced();
	}

	async clearFenced(): Promise<void> {
		await this.#stages.clearFenced();
	}

	async remove(stage: Stage, kind: FileKind, name: string): Promise<void> {
		if (!(stage instanceof LocalStage))
			throw new Error("the stage is not one of this backend");
		await stage.remove(kind, name);
	}

	async settle(kinds: readonly FileKind[]): Promise<void> {
		await this.#settleFolders(kinds.flatMap(foldersOf));
	}

	async settlePacks(names: readonly string[]): Promise<void> {
		if (names.length === 0) return;
		const folders = new Set(names.map((name) => folderOf("packs", name)));
		// Those folders themselves may have been made anew.
		await this.#settleFolders([...folders, "packs"]);
	}

	async #settleFolders(folders: readonly string[]): Promise<void> {
		const waiting = folders.values();
		const lane = async () => {
			for (const folder of waiting)
				try {
					await this.#durable.settle(join(this.location, folder));
				} catch (error) {
					throw storageError(error, `sync ${folder}`);
				}
		};
		const done = await Promise.allSettled(
			Array.from({ length: syncsAtOnce }, lane),
		);
		for (const one of done) if (one.status === "rejected") throw one.reason;
	}

	async quarantine(
		stage: Stage,
		kind: FileKind,
		name: string,
		options?: { stays?: boolean },
	): Promise<string | undefined> {
		if (!(stage instanceof LocalStage))
			throw new Error("the stage is not one of this backend");
		const away = await stage.quarantine(kind, name, options?.stays ?? false);
		// What takes its place must be read, and not what was open by that name.
		this.blocking.close();
		return away;
	}

	async giveUpReserve(): Promise<boolean> {
		try {
			await this.#fs.unlink(pathOf(this.location, "reserve", "reserve"));
		} catch (error) {
			if (isErrno(error, "ENOENT")) return false;
			throw storageError(error, "give up the reserve");
		}
		await this.#durable.syncDirectory(this.location);
		return true;
	}

	async close(): Promise<void> {
		this.blocking.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}
}

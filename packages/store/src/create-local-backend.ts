import { dirname, join, resolve } from "node:path";
import { ConflictError, isVarveError, leastReserve } from "@varve/format";
import type { RemoveBackend } from "./backend.ts";
import { DurableWrite } from "./durable-write.ts";
import { isErrno, storageError } from "./fs-errors.ts";
import { type FsLayer, nodeFs } from "./fs-layer.ts";
import {
	type LocalBackendOptions,
	notADirectory,
	openLocalBackend,
} from "./local-backend.ts";
import { folders, packFolders } from "./local-layout.ts";

/**
 * Makes the folders of a repository at a path that is absent, an empty directory, or what an interrupted call left there; mode
 * 0700; durable when it resolves. ConflictError ("NOT_EMPTY") for a directory that holds something, InputError ("NOT_A_DIRECTORY")
 * for a file, StorageErrors as in Stage.put.
 */
export async function createLocalBackend(
	path: string,
	options: LocalBackendOptions = {},
): Promise<RemoveBackend> {
	const root = resolve(path);
	const fs = options.fs ?? nodeFs;
	const durable = new DurableWrite(fs, options.warn ?? (() => undefined));
	try {
		await makeFolderDurably(fs, durable, root);
		await settleAbove(durable, root);
		await requireUnused(fs, root);
		for (const folder of folders) await makeFolder(fs, join(root, folder));
		const packs = join(root, "packs");
		await Promise.all(packFolders.map((f) => makeFolder(fs, join(packs, f))));
		// Entries are made durable by a sync of the directory that holds them; the new folders hold none yet.
		await durable.syncDirectory(packs);
		await durable.syncDirectory(root);
	} catch (error) {
		if (isErrno(error, "ENOTDIR")) throw notADirectory(root, error);
		throw storageError(error, `make a repository at ${root}`);
	}
	return await openLocalBackend(root, options);
}

/** The folder and those above it that are missing, from the top. */
async function makeFolderDurably(
	fs: FsLayer,
	durable: DurableWrite,
	path: string,
): Promise<void> {
	const parent = dirname(path);
	let made: boolean;
	try {
		made = await makeFolder(fs, path);
	} catch (error) {
		if (!isErrno(error, "ENOENT") || parent === path) throw error;
		await makeFolderDurably(fs, durable, parent);
		made = await makeFolder(fs, path);
	}
	if (made) await durable.syncDirectory(parent);
}

/** Who made the folders above may have been killed before they were durable. Those that may not be read are no work of ours. */
async function settleAbove(durable: DurableWrite, path: string): Promise<void> {
	const parent = dirname(path);
	if (parent === path) return;
	try {
		await durable.syncDirectory(parent);
	} catch (error) {
		if (!isVarveError(error) || error.code !== "REFUSED") throw error;
	}
	await settleAbove(durable, parent);
}

/** False if it was there. */
async function makeFolder(fs: FsLayer, path: string): Promise<boolean> {
	try {
		await fs.mkdir(path, 0o700);
		return true;
	} catch (error) {
		if (!isErrno(error, "EEXIST", "EISDIR")) throw error;
		if (!(await fs.stat(path)).isDirectory()) throw notADirectory(path, error);
		return false;
	}
}

/** Our own folders without a file in them, and a reserve, are what an interrupted call left. */
async function requireUnused(fs: FsLayer, root: string): Promise<void> {
	const ours: readonly string[] = folders;
	const names = await fs.readdir(root);
	for (const name of names) {
		if (name === "reserve" && (await isLeftReserve(fs, root, names))) continue;
		if (!ours.includes(name)) throw notEmpty(root, name);
		// In tmp lies at most what the interrupted call prepared, or another one prepares right now.
		if (name === "tmp") continue;
		const inside = await fs.readdir(join(root, name));
		if (name !== "packs" && inside.length > 0)
			throw notEmpty(root, `${name}/${inside[0]}`);
		if (name === "packs") await requireEmptyFolders(fs, root, inside);
	}
}

/** True for a file that an init made before it could make the config: when all folders were there. A user's own would hardly be like that. */
async function isLeftReserve(
	fs: FsLayer,
	root: string,
	names: readonly string[],
): Promise<boolean> {
	const stat = await fs.stat(join(root, "reserve"));
	return (
		stat.isFile() &&
		stat.size === leastReserve &&
		folders.every((folder) => names.includes(folder))
	);
}

async function requireEmptyFolders(
	fs: FsLayer,
	root: string,
	names: readonly string[],
): Promise<void> {
	for (const name of names) {
		const inside = packFolders.includes(name)
			? await fs.readdir(join(root, "packs", name))
			: [""];
		if (inside.length > 0) throw notEmpty(root, `packs/${name}/${inside[0]}`);
	}
}

function notEmpty(path: string, example: string): ConflictError {
	return new ConflictError(
		"NOT_EMPTY",
		`${path} is not empty: it holds ${example}`,
		{ path, example },
	);
}

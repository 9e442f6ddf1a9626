import { basename, dirname, join } from "node:path";
import type { FileKind, ListedFile } from "./backend.ts";
import { isErrno } from "./fs-errors.ts";
import type { FsLayer } from "./fs-layer.ts";
import { isFanned, isSingle, packFolders } from "./local-layout.ts";

/** Folders read at the same time: more than threads in Node's pool, so that none waits. */
const parallel = 16;

/**
 * Lists the files of a kind. Folders are read asynchronously and side by side; sizes are asked for synchronously, folder by
 * folder: measured with 256 folders and 1,000 packs 4 ms, against 6 to 20 ms with a promise for each file.
 */
export async function listFiles(
	fs: FsLayer,
	root: string,
	kind: FileKind,
	signal?: AbortSignal,
): Promise<ListedFile[]> {
	const files: ListedFile[] = [];
	if (isSingle(kind))
		addFile(fs, join(root, dirname(kind)), basename(kind), files);
	else if (!isFanned(kind)) await addFolder(fs, join(root, kind), "", files);
	else {
		const waiting = (await foldersOf(fs, root, kind)).values();
		const lane = async () => {
			for (const folder of waiting) {
				signal?.throwIfAborted();
				await addFolder(fs, `${root}/${kind}/${folder}`, folder, files);
			}
		};
		await Promise.all(Array.from({ length: parallel }, lane));
	}
	return files;
}

/** Those of the packs are all there from the beginning; those of copies are made one by one, and few. */
async function foldersOf(
	fs: FsLayer,
	root: string,
	kind: "packs" | "copies/packs",
): Promise<readonly string[]> {
	if (kind === "packs") return packFolders;
	try {
		const there = new Set(await fs.readdir(join(root, kind)));
		return packFolders.filter((folder) => there.has(folder));
	} catch (error) {
		if (isErrno(error, "ENOENT")) return [];
		throw error;
	}
}

/** Files whose names begin with `prefix`: a pack in a folder that is not its own could not be read, so it is not listed. */
async function addFolder(
	fs: FsLayer,
	folder: string,
	prefix: string,
	files: ListedFile[],
): Promise<void> {
	let names: string[];
	try {
		names = await fs.readdir(folder);
	} catch (error) {
		if (isErrno(error, "ENOENT")) return;
		throw error;
	}
	for (const name of names)
		if (name.startsWith(prefix)) addFile(fs, folder, name, files);
}

function addFile(
	fs: FsLayer,
	folder: string,
	name: string,
	files: ListedFile[],
): void {
	try {
		const stat = fs.statSync(`${folder}/${name}`);
		if (stat.isFile()) files.push({ name, size: stat.size });
	} catch (error) {
		// Removed since the folder was read.
		if (!isErrno(error, "ENOENT")) throw error;
	}
}

import { readdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Hash64, utf8 } from "@varve/format";
import { isSoundTable } from "./check-table.ts";
import { isErrno } from "./fs-errors.ts";

/**
 * What LevelDB does not see: that one of its files is gone, shorter, older or has rotted. When it is closed, a list of its files
 * with their hashes is left beside them, and compared before it is opened again. Without a list, after a crash, the blocks of its
 * tables are checked; its logs it checks itself.
 */

const sealName = "VARVE-SEAL";
/** Files that are no part of the contents. */
const ignored = [sealName, "LOCK", "LOG", "LOG.old"];
/** Bytes of tables that are hashed again when a sealed LevelDB is opened: each time others. */
const hashedBytes = 16 * 1024 * 1024;

interface SealedFile {
	readonly size: number;
	/** Milliseconds since 1970. */
	readonly mtime: number;
	readonly hash: string;
}

/** What is known of the files of a LevelDB that is open. */
export interface Seal {
	readonly files: ReadonlyMap<string, SealedFile>;
	/** Tables hashed so far, in all: where the next opening goes on. */
	readonly turn: number;
}

const noSeal: Seal = { files: new Map(), turn: 0 };

/** Undefined if the files are not what they were. To be given to `writeSeal`. */
export async function checkSeal(
	folder: string,
	hash64: Hash64,
): Promise<Seal | undefined> {
	let bytes: Bytes;
	try {
		bytes = await readFile(join(folder, sealName));
	} catch (error) {
		if (!isErrno(error, "ENOENT")) throw error;
		return (await haveSoundTables(folder)) ? noSeal : undefined;
	}
	const seal = decodeSeal(bytes, hash64);
	return seal && (await checkFiles(folder, seal, hash64));
}

async function haveSoundTables(folder: string): Promise<boolean> {
	for (const name of await namesIn(folder))
		if (isTable(name) && !isSoundTable(await readFile(join(folder, name))))
			return false;
	return true;
}

const isTable = (name: string) => name.endsWith(".ldb");

async function namesIn(folder: string): Promise<string[]> {
	const names = await readdir(folder);
	return names.filter((name) => !ignored.includes(name)).sort();
}

async function checkFiles(
	folder: string,
	seal: Seal,
	hash64: Hash64,
): Promise<Seal | undefined> {
	const names = await namesIn(folder);
	if (names.join() !== [...seal.files.keys()].join()) return undefined;
	for (const [name, { size }] of seal.files)
		if ((await stat(join(folder, name))).size !== size) return undefined;
	const tables = names.filter(isTable);
	const { due, turn } = chooseTables(tables, seal);
	for (const name of names) {
		if (isTable(name) && !due.has(name)) continue;
		const bytes = await readFile(join(folder, name));
		if (String(hash64(bytes)) !== seal.files.get(name)?.hash) return undefined;
	}
	return { files: seal.files, turn };
}

/** The tables whose turn it is, as many as there is time for. */
function chooseTables(
	tables: readonly string[],
	{ files, turn }: Seal,
): { due: ReadonlySet<string>; turn: number } {
	const due = new Set<string>();
	let left = hashedBytes;
	for (let i = 0; i < tables.length && left > 0; i++) {
		const name = tables[(turn + i) % tables.length] as string;
		due.add(name);
		left -= files.get(name)?.size ?? 0;
	}
	return { due, turn: turn + due.size };
}

/**
 * For a LevelDB that has been closed. Tables are never changed, so that those known need not be read; but a compaction that was cut
 * short leaves a table which is deleted later, and its name is then given to another.
 */
export async function writeSeal(
	folder: string,
	known: Seal,
	hash64: Hash64,
): Promise<void> {
	const lines = [`${known.turn}\n`];
	for (const name of await namesIn(folder)) {
		const { size, mtime, hash } = await describe(folder, name, {
			known: known.files.get(name),
			hash64,
		});
		lines.push(`${name} ${size} ${mtime} ${hash}\n`);
	}
	const text = lines.join("");
	const seal = utf8(`${text}${hash64(utf8(text))}\n`);
	await writeFile(join(folder, sealName), seal, { mode: 0o600 });
}

async function describe(
	folder: string,
	name: string,
	{ known, hash64 }: { known: SealedFile | undefined; hash64: Hash64 },
): Promise<SealedFile> {
	const { size, mtimeMs } = await stat(join(folder, name));
	if (isTable(name) && known?.size === size && known.mtime === mtimeMs)
		return known;
	const hash = String(hash64(await readFile(join(folder, name))));
	return { size, mtime: mtimeMs, hash };
}

/** Undefined for what is no whole seal. */
function decodeSeal(bytes: Bytes, hash64: Hash64): Seal | undefined {
	const lines = Buffer.from(bytes).toString("latin1").split("\n");
	const check = lines.at(-2);
	const text = `${lines.slice(0, -2).join("\n")}\n`;
	if (lines.at(-1) !== "" || check !== String(hash64(utf8(text))))
		return undefined;
	const files = lines.slice(1, -2).map((line): [string, SealedFile] => {
		const [name = "", size, mtime, hash = ""] = line.split(" ");
		return [name, { size: Number(size), mtime: Number(mtime), hash }];
	});
	return { files: new Map(files), turn: Number(lines[0]) };
}

export async function breakSeal(folder: string): Promise<void> {
	await unlink(join(folder, sealName)).catch((error) => {
		if (!isErrno(error, "ENOENT")) throw error;
	});
}

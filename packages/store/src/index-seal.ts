import { readdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Hash64, utf8 } from "@varve/format";
import { isErrno } from "./fs-errors.ts";

/**
 * What LevelDB does not see: that one of its files is gone, shorter, older or has rotted. When a LevelDB is closed, a list of its
 * files is left beside them; before it is opened, they are compared. A list is missing after a crash, which LevelDB itself copes with.
 */

const sealName = "VARVE-SEAL";
/** Files that are no part of the contents. */
const ignored = [sealName, "LOCK", "LOG", "LOG.old"];
/** Bytes of tables that are hashed; of those beyond, the size must do: their values have checksums. */
const hashedBytes = 8 * 1024 * 1024;

export type SealState = "sound" | "damaged" | "not sealed";

export async function checkSeal(
	folder: string,
	hash64: Hash64,
): Promise<SealState> {
	let sealed: Bytes;
	try {
		sealed = await readFile(join(folder, sealName));
	} catch (error) {
		if (isErrno(error, "ENOENT")) return "not sealed";
		throw error;
	}
	const found = await describeFiles(folder, hash64);
	return Buffer.compare(sealed, found) === 0 ? "sound" : "damaged";
}

export async function writeSeal(folder: string, hash64: Hash64): Promise<void> {
	const seal = await describeFiles(folder, hash64);
	await writeFile(join(folder, sealName), seal, { mode: 0o600 });
}

export async function breakSeal(folder: string): Promise<void> {
	await unlink(join(folder, sealName)).catch((error) => {
		if (!isErrno(error, "ENOENT")) throw error;
	});
}

/** A line for each file, and one that proves the others. */
async function describeFiles(folder: string, hash64: Hash64): Promise<Bytes> {
	const names = (await readdir(folder)).filter((n) => !ignored.includes(n));
	names.sort();
	let left = hashedBytes;
	const lines: string[] = [];
	for (const name of names) {
		const path = join(folder, name);
		const { size } = await stat(path);
		const isTable = name.endsWith(".ldb");
		if (isTable) left -= size;
		const hash = !isTable || left >= 0 ? hash64(await readFile(path)) : "-";
		lines.push(`${name} ${size} ${hash}\n`);
	}
	const text = lines.join("");
	return utf8(`${text}${hash64(utf8(text))}\n`);
}

import type { Bytes } from "@varve/format";
import type { Level } from "level";
import { DamagedValue } from "./level-values.ts";

/** LevelDB with bytes for keys and values. `level` itself is loaded when the first one is opened. */
export type Database = Level<Bytes, Bytes>;

export type Put = {
	readonly type: "put";
	readonly key: Bytes;
	readonly value: Bytes;
};
export type Del = { readonly type: "del"; readonly key: Bytes };
export type Change = Put | Del;

/**
 * Opens the LevelDB in a folder; threads of one process can open the same. Errors have the codes of classic-level in themselves
 * or in their cause.
 */
export async function openDatabase(
	folder: string,
	options: { create: boolean } = { create: false },
): Promise<Database> {
	const { Level } = await import("level");
	const database: Database = new Level<Bytes, Bytes>(folder, {
		keyEncoding: "view",
		valueEncoding: "view",
		multithreading: true,
		createIfMissing: options.create,
		errorIfExists: options.create,
		// Hashes do not compress.
		compression: false,
	});
	await database.open();
	return database;
}

/**
 * Takes a lock that the system gives back when the process ends: an empty LevelDB, for Node offers none. Throws if it is taken,
 * also by this process (see `isLocked`).
 */
export async function openLock(folder: string): Promise<Database> {
	const { Level } = await import("level");
	const lock: Database = new Level<Bytes, Bytes>(folder);
	await lock.open();
	return lock;
}

/** True if someone else has it open. */
export function isLocked(error: unknown): boolean {
	for (let e = error; e instanceof Error; e = e.cause)
		if ((e as { code?: unknown }).code === "LEVEL_LOCKED") return true;
	return false;
}

/** True for a checksum that is wrong, and for any complaint of LevelDB itself. */
export function isLevelDamage(error: unknown): boolean {
	if (error instanceof DamagedValue) return true;
	const code = error instanceof Error && (error as { code?: unknown }).code;
	return typeof code === "string" && code.startsWith("LEVEL_");
}

/** All entries whose keys begin with `prefix`, some at a time. */
export async function* entriesOf(
	database: Database,
	prefix: string,
): AsyncGenerator<[key: Bytes, value: Bytes][]> {
	const first = prefix.charCodeAt(0);
	const iterator = database.iterator({
		gte: Uint8Array.of(first),
		lt: Uint8Array.of(first + 1),
	});
	try {
		for (;;) {
			const some = await iterator.nextv(1000);
			if (some.length === 0) return;
			yield some;
		}
	} finally {
		await iterator.close();
	}
}

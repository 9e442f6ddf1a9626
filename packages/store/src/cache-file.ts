import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Bytes } from "@varve/format";

/**
 * Writes a file of a cache that other processes use too: whole under its name, or not at all; not durable. Each writer has a name of its own
 * for what is not whole yet, as the same file may be written by another one at the same moment. Errors of the system, if it cannot be written, or
 * another process clears the folder meanwhile (ENOENT).
 */
export async function writeCacheFile(
	path: string,
	...parts: readonly Bytes[]
): Promise<void> {
	const aside = `${path}.${randomBytes(8).toString("hex")}.new`;
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	try {
		const file = await open(aside, "wx", 0o600);
		try {
			for (const part of parts) await file.writeFile(part);
		} finally {
			await file.close();
		}
		await rename(aside, path);
	} catch (error) {
		await rm(aside, { force: true }).catch(() => undefined);
		throw error;
	}
}

import { type FileHandle, open, unlink } from "node:fs/promises";
import { TargetError } from "@varve/core";

/** Writes a new file, durably, and resolves to its length in bytes. A file that cannot be finished is taken away again. TargetError. */
export async function writeNewFile(
	path: string,
	parts: AsyncIterable<Uint8Array>,
): Promise<number> {
	const file = await attempt(path, () => open(path, "wx", 0o666));
	try {
		return await writeAll(file, path, parts);
	} catch (error) {
		await unlink(path);
		throw error;
	} finally {
		await file.close();
	}
}

async function writeAll(
	file: FileHandle,
	path: string,
	parts: AsyncIterable<Uint8Array>,
): Promise<number> {
	let length = 0;
	for await (const part of parts) {
		await attempt(path, () => file.writeFile(part));
		length += part.length;
	}
	await attempt(path, () => file.sync());
	return length;
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (cause) {
		if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
		const { code = "" } = cause as NodeJS.ErrnoException;
		const isFull = code === "ENOSPC" || code === "EDQUOT";
		const exists = code === "EEXIST";
		throw new TargetError(
			isFull ? "NO_SPACE" : exists ? "TARGET_EXISTS" : "TARGET_FAILED",
			exists
				? `${path} exists already: name a new file`
				: `cannot write ${path}: ${cause.message}`,
			{ path },
			{ cause },
		);
	}
}

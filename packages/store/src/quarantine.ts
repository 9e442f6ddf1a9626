import type { FileKind } from "./backend.ts";
import { isErrno } from "./fs-errors.ts";
import type { FileStat, FsLayer } from "./fs-layer.ts";

/** The name of a damaged file in `quarantine/`: the `count`-th of this kind and name. */
export function quarantineName(
	kind: FileKind,
	name: string,
	count: number,
): string {
	const whole = `${kind.replaceAll("/", "-")}.${name}`;
	return count === 1 ? whole : `${whole}.${count}`;
}

/** undefined if there is nothing at that path. */
export async function statUnlessAbsent(
	fs: FsLayer,
	path: string,
): Promise<FileStat | undefined> {
	try {
		return await fs.stat(path);
	} catch (error) {
		if (isErrno(error, "ENOENT")) return undefined;
		throw error;
	}
}

const blockBytes = 1024 * 1024;

/** True if both are there with the same bytes. What cannot be read is the same as nothing. */
export async function haveSameBytes(
	fs: FsLayer,
	a: string,
	b: string,
): Promise<boolean> {
	const one = await statUnlessAbsent(fs, a);
	const other = await statUnlessAbsent(fs, b);
	if (one === undefined || one.size !== other?.size) return false;
	const blockOfA = new Uint8Array(blockBytes);
	const blockOfB = new Uint8Array(blockBytes);
	for (let at = 0; at < one.size; at += blockBytes) {
		const length = Math.min(blockBytes, one.size - at);
		const fromA = blockOfA.subarray(0, length);
		const fromB = blockOfB.subarray(0, length);
		if (!(await isFilled(fs, a, at, fromA))) return false;
		if (!(await isFilled(fs, b, at, fromB))) return false;
		if (Buffer.compare(fromA, fromB) !== 0) return false;
	}
	return true;
}

async function isFilled(
	fs: FsLayer,
	path: string,
	at: number,
	target: Uint8Array,
): Promise<boolean> {
	const fd = await fs.open(path, "r");
	try {
		for (let done = 0; done < target.length; ) {
			const read = await fs.read(fd, target.subarray(done), at + done);
			if (read === 0) return false;
			done += read;
		}
		return true;
	} catch (error) {
		if (isErrno(error, "EIO")) return false;
		throw error;
	} finally {
		await fs.close(fd);
	}
}

import { closeSync, constants, existsSync, openSync } from "node:fs";
import { systemPath } from "../system.ts";

/** PATH_MAX of Linux: bytes of a path that a system call takes, with the zero byte at its end. */
const maxPathBytes = 4096;
/** Bytes that one unit of a text has at most. */
const maxUnitBytes = 3;
const slash = 0x2f;
/** O_PATH: a handle to go on from, for which nothing of the directory need be readable. */
const openFlags = 0o10000000 | constants.O_DIRECTORY;
const openHandles = "/proc/self/fd";

/**
 * Calls `use` with the path as system calls take it. One that is too long for them is entered part by part through open directories,
 * so that it may have any length. Where the system does not show open files as paths, throws an error with the code ENAMETOOLONG.
 */
export function reach<T>(
	path: string,
	use: (path: string | Buffer) => T,
	handles = openHandles,
): T {
	if (path.length * maxUnitBytes < maxPathBytes) return use(systemPath(path));
	const bytes = Buffer.from(systemPath(path));
	return bytes.length < maxPathBytes
		? use(systemPath(path))
		: throughHandles(bytes, use, handles);
}

function throughHandles<T>(
	path: Buffer,
	use: (path: Buffer) => T,
	handles: string,
): T {
	let fd = -1;
	let rest = path;
	try {
		while (rest.length + handles.length + 16 > maxPathBytes) {
			// A single name that is too long: the call itself says so.
			const end = rest.lastIndexOf(slash, maxPathBytes - handles.length - 16);
			if (end < 1) break;
			const next = openSync(
				below(fd, rest.subarray(0, end), handles),
				openFlags,
			);
			if (fd >= 0) closeSync(fd);
			fd = next;
			if (!existsSync(`${handles}/${fd}`)) throw tooLong();
			rest = rest.subarray(end + 1);
		}
		return use(below(fd, rest, handles));
	} finally {
		if (fd >= 0) closeSync(fd);
	}
}

function below(fd: number, rest: Buffer, handles: string): Buffer {
	return fd < 0
		? rest
		: Buffer.concat([Buffer.from(`${handles}/${fd}/`), rest]);
}

function tooLong(): Error {
	return Object.assign(
		new Error("ENAMETOOLONG: the path is longer than a system call takes"),
		{ code: "ENAMETOOLONG" },
	);
}

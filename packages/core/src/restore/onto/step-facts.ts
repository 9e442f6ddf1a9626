import { type BigIntStats, fstatSync, lstatSync, readSync } from "node:fs";
import { codeOf, systemPath } from "../../system.ts";
import type { KeptAttributes, Place, Was } from "./journal.ts";
import type { Top } from "./tops.ts";

/** undefined if there is nothing. */
export function statOf(path: string): BigIntStats | undefined {
	return lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
}

/** undefined if there is nothing, or if a directory on the way is none. */
export function placeStat(
	tops: readonly Top[],
	{ top, suffix }: Place,
): BigIntStats | undefined {
	try {
		const { tree } = tops[top] as Top;
		return lstatSync(tree.path(suffix), {
			bigint: true,
			throwIfNoEntry: false,
		});
	} catch (error) {
		if (codeOf(error) === "ENOENT") return undefined;
		throw error;
	}
}

/** It is this very file, whatever it holds by now. */
export function isFile(stat: BigIntStats, { inode }: Was): boolean {
	return String(stat.ino) === inode;
}

/** Error with the code ESTALE if what was opened is another file: somebody has put it there after the last look. */
export function requireFile(descriptor: number, was: Was): void {
	if (isFile(fstatSync(descriptor, { bigint: true }), was)) return;
	throw Object.assign(new Error("ESTALE: something else has come there"), {
		code: "ESTALE",
	});
}

/** Of a file with several names, those that were dealt with before have moved the ctime. */
export function isAsItWas(stat: BigIntStats, was: Was): boolean {
	return (
		holdsWhatItDid(stat, was) &&
		(was.links > 1 || String(stat.ctimeNs) === was.ctime)
	);
}

/** The same, wherever it has been moved. */
export function holdsWhatItDid(stat: BigIntStats, was: Was): boolean {
	return (
		isFile(stat, was) &&
		String(stat.mtimeNs) === was.mtime &&
		(stat.isDirectory() || String(stat.size) === was.size)
	);
}

export function hasTime(
	{ mtimeNs }: BigIntStats,
	{ mtime, mtimeNs: nanoseconds }: KeptAttributes,
): boolean {
	return mtimeNs === BigInt(mtime) * 1_000_000_000n + BigInt(nanoseconds);
}

/** Throws where there is less. */
export function readAt(
	fd: number,
	position: number,
	length: number,
): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	for (let done = 0; done < length; ) {
		const count = readSync(fd, bytes, done, length - done, position + done);
		if (count === 0) throw new Error("a slot of a journal is too short");
		done += count;
	}
	return bytes;
}

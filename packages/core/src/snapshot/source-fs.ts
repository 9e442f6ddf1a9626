import {
	type BigIntStats,
	lstatSync,
	readdirSync,
	readFileSync,
	readlinkSync,
} from "node:fs";
import { type Bytes, decodeName, sortNames } from "@varve/format";
import { reach } from "../native/long-path.ts";

/** How the walk sees the source. Synchronous: a promise for each entry would cost more than the entry. */
export interface SourceFs {
	/** Names of a directory, sorted by bytes, as name texts. Throws errors with an errno code. */
	readDirectory(path: string): string[];
	/** undefined if it is gone. */
	lstat(path: string): BigIntStats | undefined;
	readLink(path: string): Bytes;
	/** A small file whole, or undefined if it is absent or longer than `limit` bytes. */
	readSmall(path: string, limit: number): Bytes | undefined;
}

export function createSourceFs(): SourceFs {
	return {
		readDirectory(path) {
			return reach(path, readNames);
		},
		lstat: (path) =>
			reach(path, (reached) =>
				lstatSync(reached, { bigint: true, throwIfNoEntry: false }),
			),
		readLink: (path) =>
			reach(path, (reached) => readlinkSync(reached, { encoding: "buffer" })),
		readSmall: (path, limit) =>
			reach(path, (reached) => readSmallFile(reached, limit)),
	};
}

function readNames(path: string | Buffer): string[] {
	const names = readdirSync(path);
	// Node turns bytes that are not UTF-8 into U+FFFD, which no system call would find again.
	const all = names.some((name) => name.includes("\ufffd"))
		? readdirSync(path, { encoding: "buffer" }).map(decodeName)
		: names;
	return sortNames(all);
}

function readSmallFile(
	path: string | Buffer,
	limit: number,
): Bytes | undefined {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (stat === undefined || !stat.isFile() || stat.size > limit)
		return undefined;
	return readFileSync(path);
}

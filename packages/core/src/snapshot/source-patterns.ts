import { type Dirent, lstatSync, readdirSync, statSync } from "node:fs";
import { decodeName, type Unread } from "@varve/format";
import fastGlob, { type FileSystemAdapter } from "fast-glob";
import { codeOf, systemPath } from "../system.ts";

export interface Matches {
	/** Absolute, as name texts, in no order. */
	readonly paths: readonly string[];
	/** Directories that the pattern asks about and that cannot be read. */
	readonly unreadable: readonly Unread[];
}

export const isPattern = (word: string) => fastGlob.isDynamicPattern(word);

/** What matches a pattern: names that begin with a dot too; links are not followed. */
export function matchPattern(pattern: string, cwd: string): Matches {
	const unreadable: Unread[] = [];
	const paths = fastGlob.sync(pattern, {
		cwd,
		absolute: true,
		dot: true,
		onlyFiles: false,
		followSymbolicLinks: false,
		fs: bytewiseFs(unreadable),
	});
	return { paths, unreadable };
}

/** Names of any bytes, and a directory that cannot be read noted rather than thrown. */
function bytewiseFs(unreadable: Unread[]): Partial<FileSystemAdapter> {
	const readdir = (path: string) => {
		try {
			return readdirSync(systemPath(path), {
				withFileTypes: true,
				encoding: "buffer",
			} as unknown as { withFileTypes: true });
		} catch (error) {
			const reason = codeOf(error);
			if (reason === undefined) throw error;
			if (reason !== "ENOENT" && reason !== "ENOTDIR")
				unreadable.push({ path, reason });
			return [];
		}
	};
	return {
		lstatSync: ((path: string) => lstatSync(systemPath(path))) as never,
		statSync: ((path: string) => statSync(systemPath(path))) as never,
		readdirSync: ((path: string) => readdir(path).map(named)) as never,
	};
}

/** An entry whose name is a text, given one whose name is bytes. */
function named(entry: Dirent): Dirent {
	const name = decodeName(entry.name as unknown as Uint8Array<ArrayBuffer>);
	return Object.assign(entry, { name });
}

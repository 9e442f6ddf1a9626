import { type Bytes, decodeName } from "@varve/format";
import { lowerBound } from "../lower-bound.ts";
import type { DirectoryView, FilterFs } from "./exclude.ts";
import { type Levels, PatternLevel, patternLines } from "./pattern-level.ts";

const gitFile = ".gitignore";
const gitExclude = ".git/info/exclude";
/** No ignore file is longer: a longer one is taken for something else. */
const maxIgnoreFile = 1024 * 1024;

/** The patterns of an ignore file of this directory; undefined if there is none, or if it cannot be read: then more is kept. */
export function readIgnoreFile(
	{ path, names, readSmallFile }: DirectoryView,
	name: string,
): PatternLevel | undefined {
	return hasName(names, name)
		? parse(path, () => readSmallFile(name))
		: undefined;
}

/** What git's own files say in the directory, given the parent's levels. A repository within another answers for itself alone. */
export function enterGit(parent: Levels, directory: DirectoryView): Levels {
	const file = readIgnoreFile(directory, gitFile);
	if (!hasName(directory.names, ".git"))
		return file === undefined ? parent : [file, ...parent];
	const exclude = parse(directory.path, () =>
		directory.readSmallFile(gitExclude),
	);
	return [file, exclude].filter((level) => level !== undefined);
}

/** What git's files above a root say: those from the root of the work tree down to the parent of `root` ("/" at its end). */
export function gitAbove(root: string, fs: FilterFs): Levels {
	const levels: PatternLevel[] = [];
	for (const directory of parentsOf(root)) {
		const read = (name: string) =>
			parse(directory, () => fs.readSmall(directory + name, maxIgnoreFile));
		const file = read(gitFile);
		if (file !== undefined) levels.push(file);
		if (!exists(fs, `${directory}.git`)) continue;
		const exclude = read(gitExclude);
		return exclude === undefined ? levels : [...levels, exclude];
	}
	return [];
}

/** The directories above, innermost first, each with "/" at its end. */
function* parentsOf(directory: string): Generator<string> {
	for (let path = directory; path !== "/"; ) {
		path = path.slice(0, path.lastIndexOf("/", path.length - 2) + 1);
		yield path;
	}
}

function exists(fs: FilterFs, path: string): boolean {
	return orUnreadable(() => fs.lstat(path)) !== undefined;
}

function parse(
	directory: string,
	read: () => Bytes | undefined,
): PatternLevel | undefined {
	const bytes = orUnreadable(read);
	const lines = bytes && patternLines(decodeName(bytes));
	return lines && new PatternLevel(directory, lines);
}

/** undefined where the system refuses: what cannot be read leaves nothing out, and is reported by whoever stores it. */
function orUnreadable<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		if (typeof (error as { errno?: unknown }).errno === "number")
			return undefined;
		throw error;
	}
}

/** Whether a plain ASCII name is among names sorted by bytes. */
function hasName(names: readonly string[], name: string): boolean {
	return names[lowerBound(names, (n) => (n < name ? -1 : 0))] === name;
}

import { lstatSync, realpathSync, type Stats } from "node:fs";
import { resolve } from "node:path";
import {
	compareNames,
	decodeName,
	InputError,
	printableName,
	sortNames,
	type Unread,
} from "@varve/format";
import { reach } from "../native/long-path.ts";
import { codeOf } from "../system.ts";
import type { SourceRoot } from "./options.ts";

export interface SourceRequest {
	/** Paths and patterns as a user typed them. A path that is there is taken as it stands, whatever characters it has. */
	readonly words: readonly string[];
	/** Paths that are never patterns. */
	readonly literal?: readonly string[];
	/** What relative paths are relative to. */
	readonly cwd: string;
	/** A source on another file system than the one around it then stays a root of its own. */
	readonly oneFileSystem?: boolean;
}

export interface Sources {
	/** Sorted by path; none lies in another, but for other file systems. */
	readonly roots: readonly SourceRoot[];
	/** What was asked for and is not there, or cannot be looked at. */
	readonly missing: readonly Unread[];
}

/** InputError with code "NO_SOURCE" if nothing is asked for, "NO_SUCH_PATH" if nothing of it is there. */
export async function resolveSources(request: SourceRequest): Promise<Sources> {
	const { words, literal = [], cwd } = request;
	if (words.length + literal.length === 0)
		throw new InputError("NO_SOURCE", "no path to take a snapshot of");
	const finds = new Map<string, Find>();
	const missing: Unread[] = [];
	for (const word of words) await addWord(word, cwd, { finds, missing });
	for (const path of literal) addPath(path, cwd, { finds, missing });
	if (finds.size === 0) throw noSuchPath(missing);
	return { roots: rootsOf([...finds.values()], request), missing };
}

/** Something that is there. */
interface Find {
	readonly path: string;
	readonly isDirectory: boolean;
	readonly device: number;
}

interface Found {
	readonly finds: Map<string, Find>;
	readonly missing: Unread[];
}

async function addWord(word: string, cwd: string, found: Found): Promise<void> {
	const absent = look(word, cwd, found);
	if (absent === undefined) return;
	// Loaded only where a pattern may be meant: it takes as long as half of Node's own start.
	const { isPattern, matchPattern } = await import("./source-patterns.ts");
	const matches = isPattern(word) ? matchPattern(word, cwd) : undefined;
	for (const path of matches?.paths ?? []) addPath(path, cwd, found);
	const unreadable = matches?.unreadable ?? [];
	found.missing.push(...unreadable);
	if ((matches?.paths.length ?? 0) + unreadable.length === 0)
		found.missing.push(absent);
}

function addPath(path: string, cwd: string, found: Found): void {
	const absent = look(path, cwd, found);
	if (absent !== undefined) found.missing.push(absent);
}

/** Adds the path if it is there, else says why it is not. */
function look(word: string, cwd: string, { finds }: Found): Unread | undefined {
	const path = resolve(cwd, word);
	try {
		const find = findAt(word, path);
		finds.set(find.path, find);
		return undefined;
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		return { path, reason };
	}
}

/** A link is taken as a link; with a slash behind it, what it points to is meant. */
function findAt(word: string, path: string): Find {
	const stat = reach(path, (reached) => lstatSync(reached));
	if (!word.endsWith("/") || !stat.isSymbolicLink()) return find(path, stat);
	const target = reach(path, (reached) =>
		realpathSync(reached, { encoding: "buffer" }),
	);
	return find(decodeName(target), lstatSync(target));
}

function find(path: string, stat: Stats): Find {
	return { path, isDirectory: stat.isDirectory(), device: stat.dev };
}

function noSuchPath(missing: readonly Unread[]): InputError {
	const [first] = missing;
	const path = printableName(first?.path ?? "");
	const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
	const what =
		first?.reason === "ENOENT"
			? `there is nothing at ${path}`
			: `${path} cannot be looked at: ${first?.reason}`;
	return new InputError("NO_SUCH_PATH", what + more, { path });
}

function rootsOf(
	finds: readonly Find[],
	{ oneFileSystem = false }: SourceRequest,
): SourceRoot[] {
	const kept = new Map<string, Find>();
	const names = new Map<string, string[]>();
	for (const one of [...finds].sort((a, b) => compareNames(a.path, b.path))) {
		const around = nearestAround(one.path, kept);
		const apart = oneFileSystem && one.device !== around?.device;
		if (around !== undefined && !apart) continue;
		if (one.isDirectory) kept.set(one.path, one);
		else addName(names, one.path);
	}
	const roots: SourceRoot[] = [...kept.keys()].map((path) => ({
		path,
		kind: "directory",
		names: [],
	}));
	for (const [path, entries] of names)
		roots.push({ path, kind: "entries", names: sortNames(entries) });
	return roots.sort((a, b) => compareNames(a.path, b.path));
}

function nearestAround(
	path: string,
	kept: ReadonlyMap<string, Find>,
): Find | undefined {
	for (let at = path, up = parentOf(at); up !== at; up = parentOf(at)) {
		at = up;
		const around = kept.get(at);
		if (around !== undefined) return around;
	}
	return undefined;
}

function addName(names: Map<string, string[]>, path: string): void {
	const parent = parentOf(path);
	const name = path.slice(path.lastIndexOf("/") + 1);
	const entries = names.get(parent);
	if (entries === undefined) names.set(parent, [name]);
	else entries.push(name);
}

function parentOf(path: string): string {
	return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

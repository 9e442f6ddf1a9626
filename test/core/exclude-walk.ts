import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { type Scope, sortNames, utf8 } from "@varve/format";
import {
	createFilter,
	type DirectoryRules,
	type Filter,
	type FilterFs,
} from "../../packages/core/src/snapshot/exclude.ts";

/** What a walk needs to see of a directory tree; paths are absolute. */
export interface WalkFs extends FilterFs {
	names(directory: string): string[];
	isDirectory(path: string): boolean;
	size(path: string): number;
}

export const realFs: WalkFs = {
	lstat: (path) => lstatSync(path, { throwIfNoEntry: false }),
	readSmall(path, limit) {
		const stat = lstatSync(path, { throwIfNoEntry: false });
		if (!stat?.isFile() || stat.size > limit) return undefined;
		return readFileSync(path);
	},
	names: (directory) => readdirSync(directory),
	isDirectory: (path) => lstatSync(path).isDirectory(),
	size: (path) => lstatSync(path).size,
};

/** Files by absolute path; directories are those that files lie in. */
export function filesFs(files: Readonly<Record<string, string>>): WalkFs {
	const paths = Object.keys(files);
	const isDirectory = (path: string) =>
		paths.some((p) => p.startsWith(path.endsWith("/") ? path : `${path}/`));
	const bytes = (path: string) => {
		const text = files[path];
		return text === undefined ? undefined : utf8(text);
	};
	return {
		lstat: (path) => bytes(path) ?? (isDirectory(path) ? {} : undefined),
		readSmall: bytes,
		names(directory) {
			const below = paths.filter((path) => path.startsWith(directory));
			const names = below.map(
				(path) => path.slice(directory.length).split("/")[0] as string,
			);
			return [...new Set(names)];
		},
		isDirectory,
		size: (path) => bytes(path)?.length ?? 0,
	};
}

/** Paths below `root` of all that a scope does not leave out, directories with "/" at the end. */
export function walkKept(root: string, scope: Scope, fs = realFs): string[] {
	const filter = createFilter(scope, fs);
	const kept: string[] = [];
	const above = filter.above({ path: root, kind: "directory" });
	const base = root === "/" ? "" : root;
	visit(filter, above, { fs, base, relative: "", kept });
	return kept;
}

interface Visit {
	readonly fs: WalkFs;
	readonly base: string;
	readonly relative: string;
	readonly kept: string[];
}

function visit(filter: Filter, parent: DirectoryRules, at: Visit): void {
	const { fs } = at;
	const path = `${at.base}/${at.relative}`;
	const names = sortNames(fs.names(path));
	const readSmallFile = (name: string) =>
		fs.readSmall(path + name, 1024 * 1024);
	const rules = filter.enter(parent, { path, names, readSmallFile });
	for (const name of names) {
		const directory = fs.isDirectory(path + name);
		if (!rules.inert && rules.excludes(name, directory, fs.size(path + name)))
			continue;
		const relative = at.relative + name + (directory ? "/" : "");
		at.kept.push(relative);
		if (directory) visit(filter, rules, { ...at, relative });
	}
}

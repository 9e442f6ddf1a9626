import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { type Scope, sortNames } from "@varve/format";
import {
	createFilter,
	type DirectoryRules,
	type Filter,
	type FilterFs,
} from "../../packages/core/src/snapshot/exclude.ts";

export const realFs: FilterFs = {
	lstat: (path) => lstatSync(path, { throwIfNoEntry: false }),
	readSmall(path, limit) {
		const stat = lstatSync(path, { throwIfNoEntry: false });
		if (!stat?.isFile() || stat.size > limit) return undefined;
		return readFileSync(path);
	},
};

/** Paths below `root` of all that a scope does not leave out, directories with "/" at the end. */
export function walkKept(root: string, scope: Scope): string[] {
	const filter = createFilter(scope, realFs);
	const kept: string[] = [];
	visit(filter, filter.above({ path: root, kind: "directory" }), {
		root,
		relative: "",
		kept,
	});
	return kept;
}

interface Visit {
	readonly root: string;
	readonly relative: string;
	readonly kept: string[];
}

function visit(filter: Filter, parent: DirectoryRules, at: Visit): void {
	const path = `${at.root}/${at.relative}`;
	const names = sortNames(readdirSync(path));
	const readSmallFile = (name: string) =>
		realFs.readSmall(path + name, 1024 * 1024);
	const rules = filter.enter(parent, { path, names, readSmallFile });
	for (const name of names) {
		const stat = lstatSync(path + name);
		const directory = stat.isDirectory();
		if (!rules.inert && rules.excludes(name, directory, stat.size)) continue;
		const relative = at.relative + name + (directory ? "/" : "");
		at.kept.push(relative);
		if (directory) visit(filter, rules, { ...at, relative });
	}
}

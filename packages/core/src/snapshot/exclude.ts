import type { Bytes, Root, Scope } from "@varve/format";

/** A directory as the walk finds it. */
export interface DirectoryView {
	/** Absolute, with "/" at the end. */
	readonly path: string;
	/** Sorted by bytes. */
	readonly names: readonly string[];
	/** Of this directory: whole, or undefined if absent, long, or no file. */
	readSmallFile(name: string): Bytes | undefined;
}

/** What is left out of one directory. */
export interface DirectoryRules {
	/** Nothing is: `excludes` need not be asked. */
	readonly inert: boolean;
	/** True if the entry is left out, and with it all that is below it. `size` in bytes counts for what is no directory. */
	excludes(name: string, isDirectory: boolean, size: number): boolean;
}

/** The rules of a scope, brought to bear directory by directory, from a root downwards. */
export interface Filter {
	/** What holds above a root: the `parent` for entering the root itself. A root is never left out, whatever the rules say. */
	above(root: Pick<Root, "path" | "kind">): DirectoryRules;
	/** The rules of a directory, given those of its parent. */
	enter(parent: DirectoryRules, directory: DirectoryView): DirectoryRules;
}

/** How a filter looks at what lies above a root. */
export interface FilterFs {
	/** undefined if there is nothing. */
	lstat(path: string): unknown;
	/** Whole, or undefined if absent, no file, or longer than `limit` bytes. */
	readSmall(path: string, limit: number): Bytes | undefined;
}

const nothing: DirectoryRules = { inert: true, excludes: () => false };

export function createFilter(_scope: Scope, _fs: FilterFs): Filter {
	return { above: () => nothing, enter: () => nothing };
}

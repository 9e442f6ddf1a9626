import {
	closeSync,
	futimesSync,
	linkSync,
	lutimesSync,
	mkdirSync,
	openSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** A directory as a literal: names to what is there. A text or bytes are a file, an object is a directory. */
export interface TreeLiteral {
	readonly [name: string]: string | Uint8Array | TreeLiteral | Special;
}

const special = Symbol("special");

export type Special =
	| { readonly [special]: "symlink"; readonly target: string }
	| { readonly [special]: "hardlink"; readonly to: string };

export const symlink = (target: string): Special => ({
	[special]: "symlink",
	target,
});
/** Another name of the file at `to`, a path below the tree's root that comes before this one. */
export const hardlink = (to: string): Special => ({
	[special]: "hardlink",
	to,
});

/** Long enough ago that no snapshot distrusts it. Seconds since 1970. */
export const longAgo = 1_700_000_000.5;

/** Makes the tree in `folder`, which is made too. Every mtime is `longAgo`. */
export function makeTree(folder: string, tree: TreeLiteral): void {
	makeDirectory(folder, tree, folder);
}

function makeDirectory(folder: string, tree: TreeLiteral, top: string): void {
	mkdirSync(folder, { recursive: true });
	for (const [name, entry] of Object.entries(tree))
		makeEntry(join(folder, name), entry, top);
	lutimesSync(folder, longAgo, longAgo);
}

function makeEntry(
	path: string,
	entry: TreeLiteral[string],
	top: string,
): void {
	if (typeof entry === "string" || entry instanceof Uint8Array) {
		writeFileSync(path, entry);
		settle(path);
	} else if (isSpecial(entry)) {
		if (entry[special] === "symlink") {
			symlinkSync(entry.target, path);
			lutimesSync(path, longAgo, longAgo);
		} else linkSync(join(top, entry.to), path);
	} else makeDirectory(path, entry, top);
}

function isSpecial(entry: object): entry is Special {
	return special in entry;
}

function settle(path: string): void {
	const fd = openSync(path, "r+");
	futimesSync(fd, longAgo, longAgo);
	closeSync(fd);
}

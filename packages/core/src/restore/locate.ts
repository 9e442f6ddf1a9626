import {
	encodeName,
	InputError,
	type Node,
	NodeKind,
	NotFoundError,
	printableName,
	type Root,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import type { ObjectReader } from "../repository.ts";

/** Attributes of a directory that is no node of a tree: a root. */
export type Attributes = Pick<
	Node,
	"mode" | "uid" | "gid" | "mtime" | "mtimeNs" | "xattrs"
>;

/** A directory, or another entry, that a path of a snapshot names. */
export type Located = LocatedDirectory | LocatedEntry;

export interface LocatedDirectory {
	readonly type: "directory";
	/** Index of the root it is, or lies below. */
	readonly root: number;
	/** Absolute path in the snapshot: a path text without "/" at its end, so "" for "/". */
	readonly path: string;
	readonly tree: TreeId;
	readonly attributes: Attributes;
}

export interface LocatedEntry {
	readonly type: "entry";
	readonly root: number;
	readonly path: string;
	readonly node: Node;
}

export interface Location {
	/** What comes before the paths that are restored: they lie in the target without it. No "/" at the end. */
	readonly prefix: string;
	readonly found: readonly Located[];
}

/**
 * Finds what `subpath` names in a snapshot: all roots where it is undefined or lies above them; else a directory, whose entries
 * then are at the top, or another entry, whose name then is. A path that does not begin with "/" is looked for below each root.
 * NotFoundError "NO_SUCH_PATH"; InputError "BAD_PATH" for "..", or if several roots hold a relative path.
 */
export function locate(
	objects: Pick<ObjectReader, "lookup">,
	record: Pick<SnapshotRecord, "roots">,
	subpath: string | undefined,
): Location {
	if (subpath === undefined) return allBelow(record.roots, "");
	const names = subpath.split("/").filter((n) => n !== "" && n !== ".");
	if (names.includes(".."))
		throw new InputError("BAD_PATH", `".." in the path ${subpath}`);
	const rest = names.map((name) => `/${name}`).join("");
	const search = (path: string) => locateAbsolute(objects, record.roots, path);
	if (subpath.startsWith("/")) return search(rest) ?? noSuchPath(subpath);
	const found = [
		...new Set(record.roots.map((root) => trimmed(root.path) + rest)),
	].flatMap((path) => search(path) ?? []);
	if (found.length > 1)
		throw new InputError(
			"BAD_PATH",
			`${printableName(subpath)} is in several roots of the snapshot: name it from "/" on`,
		);
	return found[0] ?? noSuchPath(subpath);
}

function noSuchPath(path: string): never {
	throw new NotFoundError(
		"NO_SUCH_PATH",
		`the snapshot holds no ${printableName(path)}`,
		{ path: printableName(path) },
	);
}

function locateAbsolute(
	objects: Pick<ObjectReader, "lookup">,
	roots: readonly Root[],
	path: string,
): Location | undefined {
	const above = allBelow(roots, path);
	if (above.found.length > 0) return above;
	for (let root = 0; root < roots.length; root++) {
		const { path: rootPath, tree } = roots[root] as Root;
		const start = `${trimmed(rootPath)}/`;
		if (!path.startsWith(start)) continue;
		const names = path.slice(start.length).split("/");
		const node = descend(objects, tree, names);
		if (node !== undefined) return locationOf(root, path, node);
	}
	return undefined;
}

/** All roots at or below a path. A root that is the path itself has its entries at the top. */
function allBelow(roots: readonly Root[], path: string): Location {
	const found: LocatedDirectory[] = [];
	roots.forEach((root, index) => {
		const own = trimmed(root.path);
		if (own !== path && !own.startsWith(`${path}/`)) return;
		const { tree, mode, uid, gid, mtime, mtimeNs, xattrs } = root;
		const attributes = { mode, uid, gid, mtime, mtimeNs, xattrs };
		found.push({
			type: "directory",
			root: index,
			path: own,
			tree,
			attributes,
		});
	});
	return { prefix: path, found };
}

function descend(
	objects: Pick<ObjectReader, "lookup">,
	tree: TreeId,
	names: readonly string[],
): Node | undefined {
	let node: Node | undefined;
	let at: TreeId | undefined = tree;
	for (const name of names) {
		if (at === undefined) return undefined;
		node = objects.lookup(at, encodeName(name));
		if (node === undefined) return undefined;
		at = node.kind === NodeKind.directory ? node.tree : undefined;
	}
	return node;
}

function locationOf(root: number, path: string, node: Node): Location {
	if (node.kind !== NodeKind.directory || node.tree === undefined)
		return {
			prefix: path.slice(0, path.lastIndexOf("/")),
			found: [{ type: "entry", root, path, node }],
		};
	const found: LocatedDirectory = {
		type: "directory",
		root,
		path,
		tree: node.tree,
		attributes: node,
	};
	return { prefix: path, found: [found] };
}

function trimmed(path: string): string {
	return path.replace(/\/+$/, "");
}

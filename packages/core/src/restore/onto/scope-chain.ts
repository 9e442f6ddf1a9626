import { decodeName, type Node, NodeKind, type Root } from "@varve/format";
import type { ObjectReader } from "../../repository.ts";
import type { SourceFs } from "../../snapshot/source-fs.ts";
import { codeOf } from "../../system.ts";
import type { DeletionScope, ScopeRules } from "./deletion-scope.ts";

const maxSmallFile = 1024 * 1024;

export interface ChainOptions {
	readonly scope: DeletionScope;
	readonly objects: Pick<ObjectReader, "nodes">;
	readonly fs: SourceFs;
	/** Where a directory of the snapshot lies now. */
	readonly whereIs: (path: string) => string;
}

/** The rules that hold in a directory of a snapshot (absolute, "" for "/"), brought down from its root. */
export function scopeIn(
	root: Root,
	path: string,
	{ scope, objects, fs, whereIs }: ChainOptions,
): ScopeRules {
	let rules = scope.above(root);
	let at = root.path === "/" ? "" : root.path;
	let nodes: readonly Node[] | undefined = [...objects.nodes(root.tree)];
	const names = path.slice(at.length).split("/").filter(Boolean);
	for (let depth = 0; depth <= names.length; depth++) {
		const here = `${whereIs(at)}/`;
		rules = scope.enter(rules, {
			path: `${at}/`,
			names: namesIn(fs, here),
			readSmall: (name) => fs.readSmall(here + name, maxSmallFile),
			nodes,
		});
		const name = names[depth];
		if (name === undefined) break;
		at += `/${name}`;
		const node: Node | undefined = nodes?.find(
			(n) => n.kind === NodeKind.directory && decodeName(n.name) === name,
		);
		nodes = node?.tree && [...objects.nodes(node.tree)];
	}
	return rules;
}

/** None where it cannot be read: then no ignore file is found there. */
function namesIn(fs: SourceFs, directory: string): readonly string[] {
	try {
		return fs.readDirectory(directory);
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return [];
	}
}

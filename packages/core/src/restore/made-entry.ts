import { fstatSync, lstatSync, type Stats } from "node:fs";
import { NodeKind } from "@varve/format";
import { type OpenEntry, pathEntry, selfEntry } from "./open-entry.ts";
import type { TargetCalls } from "./target-calls.ts";
import { pathOnly, selfOf, type TargetTree } from "./target-tree.ts";

/** An entry that this restore has made, and what must be true of it. */
export interface MadeEntry {
	readonly tree: TargetTree;
	readonly suffix: string;
	readonly kind: NodeKind;
	/** Names it has been given. */
	readonly names: number;
}

export interface Reached {
	readonly entry: OpenEntry;
	/** Opened with O_PATH; -1 where that cannot be done. */
	readonly descriptor: number;
}

/** Reaches an entry by its directory and name, follows nothing, and throws (ESTALE) if it is not the one that was made. */
export function withMade(
	made: MadeEntry,
	calls: TargetCalls,
	use: (reached: Reached) => void,
): void {
	const { tree, suffix } = made;
	if (tree.root.descriptor === -1) {
		const path = tree.pathText(suffix);
		requireMade(lstatSync(tree.path(suffix)), made);
		use({ entry: pathEntry(path, calls), descriptor: -1 });
		return;
	}
	const descriptor = tree.open(suffix, pathOnly);
	try {
		requireMade(fstatSync(descriptor), made);
		use({ entry: selfEntry(selfOf(descriptor), calls), descriptor });
	} finally {
		tree.shut(descriptor);
	}
}

/** An open directory, to change its attributes. */
export function directoryEntry(
	tree: TargetTree,
	suffix: string,
	calls: TargetCalls,
): OpenEntry {
	const { descriptor, self } = tree.directory(suffix);
	return descriptor === -1 ? pathEntry(self, calls) : selfEntry(self, calls);
}

/** Somebody may have put another entry there meanwhile, or a further name of a file of theirs. */
function requireMade(stat: Stats, { kind, names }: MadeEntry): void {
	if (isOfKind(stat, kind) && stat.nlink <= names) return;
	const message =
		"ESTALE: something else stands there than was made, and it is left as it is";
	throw Object.assign(new Error(message), { code: "ESTALE" });
}

function isOfKind(stat: Stats, kind: NodeKind): boolean {
	switch (kind) {
		case NodeKind.file:
			return stat.isFile();
		case NodeKind.symlink:
			return stat.isSymbolicLink();
		case NodeKind.fifo:
			return stat.isFIFO();
		case NodeKind.socket:
			return stat.isSocket();
		case NodeKind.characterDevice:
			return stat.isCharacterDevice();
		case NodeKind.blockDevice:
			return stat.isBlockDevice();
		default:
			return false;
	}
}

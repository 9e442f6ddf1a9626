import { NodeKind, type TreeId } from "@varve/format";
import type { ObjectReader } from "../../repository.ts";
import type { Located } from "../locate.ts";
import type { Selection } from "../selection.ts";
import { type Entry, walkLocation } from "../walk.ts";
import type { Item, Piece, Wanted } from "./items.ts";

export interface MadeOptions {
	readonly objects: Pick<ObjectReader, "read">;
	readonly selection: Selection;
}

/** All entries that an item makes, by their suffixes below its place ("" for itself). Walks anew each time. */
export function* madeEntries(
	{ wanted, pieces }: Item,
	options: MadeOptions,
): Generator<Entry> {
	const own: readonly Piece[] =
		pieces ?? (wanted === undefined ? [] : [{ rest: "", wanted }]);
	for (const { rest, wanted: made } of own)
		for (const entry of entriesOf(made, options))
			yield { ...entry, suffix: rest + entry.suffix };
}

/** False for a directory that is not asked for, nor anything in it. */
export function makesAnything(item: Item, options: MadeOptions): boolean {
	return madeEntries(item, options).next().done !== true;
}

/** All that is asked for at and below an entry. */
export function* entriesOf(
	wanted: Wanted,
	options: MadeOptions,
): Generator<Entry> {
	const { root, path, node } = wanted;
	if (node.kind !== NodeKind.directory) {
		yield { type: "node", suffix: "", root, node };
		return;
	}
	const located: Located = {
		type: "directory",
		root,
		path,
		tree: node.tree as TreeId,
		attributes: node,
	};
	const location = { prefix: path, found: [located] };
	yield* walkLocation({ ...options, location });
}

import { contentLength, type Node, NodeKind } from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { ObjectReader } from "../repository.ts";
import type { Entry, NodeEntry } from "./walk.ts";

/** What a restore takes from a file system. */
export interface Need {
	readonly bytes: number;
	readonly entries: number;
}

export interface NeedOptions {
	readonly objects: Pick<ObjectReader, "items">;
	readonly blockBytes: number;
	/** True for a further name of a file that is counted already. */
	readonly isLinked: (entry: NodeEntry) => boolean;
}

/** Adds up what entries need: whole blocks, no holes, each hard-linked file once. */
export function needOf(
	walked: Iterable<Entry>,
	{ objects, blockBytes, isLinked }: NeedOptions,
): Need {
	let bytes = 0;
	let entries = 0;
	for (const entry of walked) {
		if (entry.type === "damaged") continue;
		if (entry.type === "node" && isLinked(entry)) continue;
		entries++;
		if (entry.type !== "node" || entry.node.kind !== NodeKind.file) continue;
		const stored = storedBytes(objects, entry.node);
		bytes += Math.ceil(stored / blockBytes) * blockBytes;
	}
	return { bytes, entries };
}

/** Content bytes that take room. */
function storedBytes(
	objects: Pick<ObjectReader, "items">,
	{ content, holes }: Node,
): number {
	if (!holes) return contentLength(content);
	const stored = attemptRead(() => {
		let bytes = 0;
		for (const { id, length } of objects.items(content))
			if (id !== undefined) bytes += length;
		return bytes;
	});
	// A file whose lists are damaged is not restored.
	return typeof stored === "number" ? stored : 0;
}

import {
	contentLength,
	type Node,
	NodeKind,
	type Statistics,
	TargetError,
} from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { ObjectReader } from "../repository.ts";
import { type Space, spaceAt } from "./target.ts";
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

/**
 * TargetError "NO_SPACE" if the target cannot hold what is to be restored, as far as that can be known. The whole snapshot is the
 * most it can be; only where that does not fit the need is counted, by `count`.
 */
export function requireSpace(
	target: string,
	{ files, directories, symlinks, others, bytes }: Statistics,
	count: (blockBytes: number) => Need,
): void {
	const space = spaceAt(target);
	if (space === undefined) return;
	const fits = (need: Need) =>
		need.bytes <= space.bytes &&
		(space.entries === undefined || need.entries <= space.entries);
	const most = {
		bytes: bytes + files * space.blockBytes,
		entries: files + directories + symlinks + others,
	};
	if (fits(most)) return;
	const need = count(space.blockBytes);
	if (fits(need)) return;
	throw new TargetError(
		"NO_SPACE",
		`the target ${target} has too little room: ${need.bytes} bytes in ${need.entries} entries are to be restored, ${roomOf(space, need)}`,
		{ target, needed: need.bytes, free: space.bytes },
	);
}

/** What is too little; both if both are. */
function roomOf({ bytes, entries }: Space, need: Need): string {
	const lacks = [
		...(need.bytes > bytes ? [`${bytes} bytes are free`] : []),
		...(entries !== undefined && need.entries > entries
			? [`inodes are free for ${entries} entries only`]
			: []),
	];
	return lacks.join(", ");
}

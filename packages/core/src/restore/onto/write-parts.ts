import {
	type BigIntStats,
	closeSync,
	constants,
	ftruncateSync,
	openSync,
} from "node:fs";
import { systemPath } from "../../system.ts";
import type { TargetTree } from "../target-tree.ts";
import type { Changes } from "./changes.ts";
import type { PatchStep } from "./journal.ts";
import { hasTime, readAt, requireFile } from "./step-facts.ts";

const noFollow = constants.O_NOFOLLOW ?? 0;

/** How far a patch has come, by the name that its slot has then. */
export const patchNames = {
	/** Nothing was written. */
	ready: (slot: string) => slot,
	/** What the file holds, nobody knows: it is repeated. */
	begun: (slot: string) => `${slot}.begun`,
	/** The file is what it was to become: what differs from that is somebody else's work. */
	whole: (slot: string) => `${slot}.whole`,
};

export interface PartsPlace {
	readonly tree: TargetTree;
	readonly changes: Changes;
	/** Path of the slot, as it is called now. */
	readonly source: string;
	/** True for the new bytes, false for the old ones. */
	readonly forward: boolean;
	/** Sets the attributes: they are durable, too, before the slot says that all is done. */
	readonly finish: () => void;
}

/** Writes the parts of a file in place, durably. Can be repeated. */
export function writeParts(
	{ place, parts, was, sizes: [before, after] }: PatchStep,
	{ tree, changes, source: path, forward, finish }: PartsPlace,
): void {
	const source = openSync(systemPath(path), constants.O_RDONLY | noFollow);
	const file = tree.open(place.suffix, constants.O_WRONLY);
	try {
		requireFile(file, was);
		const total = parts.reduce((sum, [, length]) => sum + length, 0);
		let from = forward ? 0 : total;
		for (const [position, length] of parts) {
			const end = forward
				? position + length
				: Math.min(position + length, before);
			const bytes = readAt(source, from, Math.max(0, end - position));
			changes.writeAt(file, bytes, position);
			from += length;
		}
		changes.alter("truncate", () =>
			ftruncateSync(file, forward ? after : before),
		);
		changes.syncFile(file);
		finish();
		changes.syncFile(file);
	} finally {
		closeSync(source);
		tree.shut(file);
	}
}

/** It is still what the patch has made of it, by size and time. */
export function isPatched(
	live: BigIntStats,
	{ sizes: [, size], after }: PatchStep,
): boolean {
	return live.size === BigInt(size) && hasTime(live, after);
}

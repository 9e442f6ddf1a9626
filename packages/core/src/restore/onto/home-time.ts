import { lstatSync } from "node:fs";
import { splitTime } from "../../time.ts";
import { pathEntry, selfEntry } from "../open-entry.ts";
import type { TargetCalls } from "../target-calls.ts";
import { selfOf } from "../target-tree.ts";
import type { Spot } from "./items.ts";
import type { KeptAttributes } from "./journal.ts";

/** Gives a directory the time it had. */
export function setHomeTime(
	{ top, suffix }: Spot,
	{ mtime, mtimeNs }: Pick<KeptAttributes, "mtime" | "mtimeNs">,
	calls: TargetCalls,
): void {
	const { descriptor, self } = top.tree.directory(suffix);
	const entry =
		descriptor === -1
			? pathEntry(self, calls)
			: selfEntry(selfOf(descriptor), calls);
	entry.setTime(mtime, mtimeNs);
}

/** Does something in a directory that leaves its time as it was. */
export function keepingTime(
	home: Spot,
	calls: TargetCalls,
	work: () => void,
): void {
	const { top, suffix } = home;
	const before = lstatSync(`${top.tree.directory(suffix).self}/.`, {
		bigint: true,
	});
	work();
	const { seconds: mtime, nanoseconds: mtimeNs } = splitTime(before.mtimeNs);
	setHomeTime(home, { mtime, mtimeNs }, calls);
}

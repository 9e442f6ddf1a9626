import { lstatSync } from "node:fs";
import { codeOf } from "../../system.ts";
import { splitTime } from "../../time.ts";
import { pathEntry, selfEntry } from "../open-entry.ts";
import type { TargetCalls } from "../target-calls.ts";
import { selfOf } from "../target-tree.ts";
import type { Spot } from "./items.ts";
import type { KeptAttributes } from "./journal.ts";

/** Gives a directory the time it had, if its owner is who runs this. */
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
	try {
		entry.setTime(mtime, mtimeNs);
	} catch (error) {
		const code = codeOf(error);
		if (code !== "EPERM" && code !== "EACCES") throw error;
	}
}

/** Does something in a directory that leaves its time as it was. */
export function keepingTime<T>(
	home: Spot,
	calls: TargetCalls,
	work: () => T,
): T {
	const { top, suffix } = home;
	const before = lstatSync(`${top.tree.directory(suffix).self}/.`, {
		bigint: true,
	});
	const result = work();
	const { seconds: mtime, nanoseconds: mtimeNs } = splitTime(before.mtimeNs);
	setHomeTime(home, { mtime, mtimeNs }, calls);
	return result;
}

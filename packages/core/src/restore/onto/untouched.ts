import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { decodeName } from "@varve/format";
import { systemPath } from "../../system.ts";
import type { Top } from "./tops.ts";

/** Moments in ns since 1970. */
export interface Since {
	/** When all that was made lay ready. */
	readonly since: bigint;
	/** When the last of it came to its place, if nothing was moved again since: then it tells of files with several names, too. */
	readonly lastMove?: bigint | undefined;
}

/** True if nothing in a directory was changed since it was made: what somebody put there is not to go with it. */
export function isUntouchedBelow(
	top: Top,
	suffix: string,
	since: Since,
): boolean {
	const directory = top.tree.hold(suffix);
	try {
		for (const name of namesIn(directory.self)) {
			const stat = statOf(directory.path(name));
			if (stat === undefined) continue;
			if (isChanged(stat, since)) return false;
			if (!stat.isDirectory()) continue;
			if (!isUntouchedBelow(top, `${suffix}/${name}`, since)) return false;
		}
		return true;
	} finally {
		top.tree.release(directory);
	}
}

/** A further name of a file that was moved into its place has moved the ctime of all its names. */
function isChanged(
	{ ctimeNs, mtimeNs, nlink }: BigIntStats,
	{ since, lastMove }: Since,
): boolean {
	if (nlink === 1n) return ctimeNs > since;
	return mtimeNs > since || (lastMove !== undefined && ctimeNs > lastMove);
}

function namesIn(path: string): string[] {
	const names = readdirSync(systemPath(path), { encoding: "buffer" });
	return names.map((bytes) => decodeName(Uint8Array.from(bytes)));
}

function statOf(path: string | Buffer): BigIntStats | undefined {
	return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

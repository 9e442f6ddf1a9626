import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { decodeName } from "@varve/format";
import { systemPath } from "../../system.ts";
import type { Top } from "./tops.ts";

/** True if nothing in a directory was changed after a moment (ns since 1970): what somebody put there is not to go with it. */
export function isUntouchedBelow(
	top: Top,
	suffix: string,
	since: bigint,
): boolean {
	const directory = top.tree.hold(suffix);
	try {
		for (const name of namesIn(directory.self)) {
			const stat = statOf(directory.path(name));
			if (stat === undefined) continue;
			if (changedAt(stat) > since) return false;
			if (!stat.isDirectory()) continue;
			if (!isUntouchedBelow(top, `${suffix}/${name}`, since)) return false;
		}
		return true;
	} finally {
		top.tree.release(directory);
	}
}

/** A further name of a file that was moved into its place has moved the ctime of all its names. */
function changedAt({ ctimeNs, mtimeNs, nlink }: BigIntStats): bigint {
	return nlink > 1n ? mtimeNs : ctimeNs;
}

function namesIn(path: string): string[] {
	const names = readdirSync(systemPath(path), { encoding: "buffer" });
	return names.map((bytes) => decodeName(Uint8Array.from(bytes)));
}

function statOf(path: string | Buffer): BigIntStats | undefined {
	return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

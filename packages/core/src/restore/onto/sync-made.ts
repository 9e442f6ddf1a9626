import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { decodeName } from "@varve/format";
import { systemPath } from "../../system.ts";
import type { Changes } from "./changes.ts";

/** Beyond this many files it is quicker to sync all of a file system. */
const worthWholeSync = 256;
const flags =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);

/** Makes all that lies in a directory durable. */
export function syncMade(directory: string, changes: Changes): void {
	const files = [...filesBelow(directory, worthWholeSync + 1)];
	if (files.length > worthWholeSync && changes.syncFileSystem(directory))
		return;
	for (const path of filesBelow(directory, Number.POSITIVE_INFINITY)) {
		const fd = openSync(systemPath(path), flags);
		try {
			changes.syncFile(fd);
		} finally {
			closeSync(fd);
		}
	}
}

/** Files and directories, the lowest first, up to a number. */
function* filesBelow(directory: string, most: number): Generator<string> {
	let count = 0;
	const entries = readdirSync(systemPath(directory), {
		withFileTypes: true,
		encoding: "buffer",
	});
	for (const entry of entries) {
		const name = decodeName(Uint8Array.from(entry.name));
		const path = `${directory}/${name}`;
		if (entry.isDirectory())
			for (const below of filesBelow(path, most - count)) {
				yield below;
				if (++count >= most) return;
			}
		else if (entry.isFile()) {
			yield path;
			if (++count >= most) return;
		}
	}
	// Its own path may be one in /proc, which must not be taken for a link.
	yield `${directory}/.`;
}

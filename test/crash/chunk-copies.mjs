import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeDirectory, frameHeaderBytes, idBytes } from "@varve/format";
import { filesIn } from "./repository-files.mjs";

const footerBytes = 40;

/** How often the chunk is stored that is stored most often, by what the directories of all packs say. */
export function mostCopies(location) {
	const copies = new Map();
	let most = 0;
	for (const id of storedIds(location)) {
		const count = (copies.get(id) ?? 0) + 1;
		copies.set(id, count);
		most = Math.max(most, count);
	}
	return most;
}

function* storedIds(location) {
	for (const { path, kind } of filesIn(location)) {
		if (kind !== "packs") continue;
		const bytes = readFileSync(join(location, path));
		const footer = bytes.subarray(bytes.length - footerBytes);
		const at = Number(footer.readBigUInt64LE(0)) + frameHeaderBytes;
		const end = Number(footer.readBigUInt64LE(8));
		for (const { ids } of decodeDirectory(bytes.subarray(at, end)))
			for (let i = 0; i < ids.length; i += idBytes)
				yield Buffer.from(ids.subarray(i, i + idBytes)).toString("latin1");
	}
}

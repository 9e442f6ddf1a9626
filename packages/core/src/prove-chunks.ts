import { type Bytes, idBytes, type PackFrame } from "@varve/format";

/** True if the hash is the id that stands at byte `at` of `ids`. Makes no view: it is asked for each chunk. */
export function standsAt(hash: Bytes, ids: Bytes, at: number): boolean {
	for (let i = 0; i < idBytes; i++) if (hash[i] !== ids[at + i]) return false;
	return true;
}

/** The ids, as views, of those chunks of a decoded frame whose bytes do not have them. */
export function wrongChunks(
	raw: Bytes,
	{ ids, lengths }: Pick<PackFrame, "ids" | "lengths">,
	sha256: (bytes: Bytes) => Bytes,
): Bytes[] {
	const wrong: Bytes[] = [];
	let at = 0;
	for (let i = 0; i < lengths.length; i++) {
		const length = lengths[i] as number;
		const hash = sha256(raw.subarray(at, at + length));
		at += length;
		if (!standsAt(hash, ids, i * idBytes))
			wrong.push(ids.subarray(i * idBytes, (i + 1) * idBytes));
	}
	return wrong;
}

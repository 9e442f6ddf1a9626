import {
	type Bytes,
	type ChunkId,
	decodeList,
	idAt,
	idBytes,
} from "@varve/format";
import type { Repository } from "../repository.ts";
import { PreviousScan } from "./previous.ts";
import { readScanCopy } from "./scan-copy.ts";

/** The parent's scan state. */
export interface OpenedScan {
	readonly previous: PreviousScan;
	/** Ids of its pieces in hex, if it is this client's own copy. */
	readonly copied: readonly string[] | undefined;
}

/** Reads the scan state with this id, of the source that `key` names: the copy of this client if there is one, else from the repository. */
export async function openPreviousScan(
	{ cache, objects, tools: { decoder } }: Repository,
	scan: ChunkId,
	key: string,
): Promise<OpenedScan> {
	const copy = await readScanCopy(cache, key, { scan, decoder });
	if (copy !== undefined)
		return {
			previous: new PreviousScan(copy.pieces, copy.ids),
			copied: copy.ids,
		};
	await objects.prepare();
	const { ids } = decodeList(objects.read(scan));
	const pieces = copiesOf(objects.pieces(scan));
	return { previous: new PreviousScan(pieces, idsIn(ids)), copied: undefined };
}

function idsIn(rows: Bytes): string[] {
	return Array.from({ length: rows.length / idBytes }, (_, i) =>
		idAt(rows, i * idBytes),
	);
}

/** What is read stays only until something else is. */
export function* copiesOf(pieces: Iterable<Bytes>): Generator<Bytes> {
	for (const piece of pieces) yield piece.slice();
}

import {
	ByteReader,
	type Bytes,
	ByteWriter,
	type ChunkId,
	CorruptError,
} from "@varve/format";
import type { ClientCache } from "@varve/store";

/**
 * The client's own copy of the last scan state of a source, so that an unchanged snapshot need not open the repository's objects:
 * the id of the list it is a copy of (text), then each piece as a block.
 */
export async function readScanCopy(
	cache: ClientCache,
	key: string,
	scan: ChunkId,
): Promise<Bytes[] | undefined> {
	const bytes = await cache.get(nameOf(key));
	if (bytes === undefined) return undefined;
	try {
		const reader = new ByteReader(bytes, "scan copy");
		if (reader.text() !== scan) return undefined;
		const pieces: Bytes[] = [];
		while (reader.left > 0) pieces.push(reader.block());
		return pieces;
	} catch (error) {
		if (error instanceof CorruptError) return undefined;
		throw error;
	}
}

export async function writeScanCopy(
	cache: ClientCache,
	key: string,
	copy: { scan: ChunkId; pieces: readonly Bytes[] },
): Promise<void> {
	const size = copy.pieces.reduce((sum, piece) => sum + piece.length + 8, 128);
	const writer = new ByteWriter(size);
	writer.text(copy.scan);
	for (const piece of copy.pieces) writer.block(piece);
	await cache.put(nameOf(key), writer.view());
}

const nameOf = (key: string) => `scan-${key}`;

import {
	ByteReader,
	type Bytes,
	ByteWriter,
	type ChunkId,
	CorruptError,
	FrameKind,
} from "@varve/format";
import type { FrameDecoder, FrameEncoder } from "@varve/kernel";
import type { ClientCache } from "@varve/store";

/**
 * The client's own copy of the last scan state of a source, so that an unchanged snapshot need not open the repository's objects:
 * the id of the list it is a copy of (text), then each piece as a frame of one chunk, with its length before it.
 */
export class ScanCopy {
	readonly #encoder: FrameEncoder;
	readonly #frames = new ByteWriter(64 * 1024);

	constructor(encoder: FrameEncoder) {
		this.#encoder = encoder;
	}

	get empty(): boolean {
		return this.#frames.length === 0;
	}

	add(piece: Bytes): void {
		const lengths = Uint32Array.of(piece.length);
		const frame = this.#encoder.encode({
			kind: FrameKind.meta,
			raw: piece,
			lengths,
			count: 1,
		});
		this.#frames.block(frame);
	}

	async write(cache: ClientCache, key: string, scan: ChunkId): Promise<void> {
		const writer = new ByteWriter(this.#frames.length + 128);
		writer.text(scan);
		writer.bytes(this.#frames.view());
		await cache.put(nameOf(key), writer.view());
	}
}

/** The pieces, if the copy is of this scan state; each is decoded when its turn comes. */
export async function readScanCopy(
	cache: ClientCache,
	key: string,
	{ scan, decoder }: { scan: ChunkId; decoder: FrameDecoder },
): Promise<Iterable<Bytes> | undefined> {
	const bytes = await cache.get(nameOf(key));
	if (bytes === undefined) return undefined;
	try {
		const reader = new ByteReader(bytes, "scan copy");
		return reader.text() === scan ? decodePieces(reader, decoder) : undefined;
	} catch (error) {
		if (error instanceof CorruptError) return undefined;
		throw error;
	}
}

function* decodePieces(
	reader: ByteReader,
	decoder: FrameDecoder,
): Generator<Bytes> {
	const bases = () => new Uint8Array(0);
	while (reader.left > 0) yield decoder.decode(reader.block(), { bases }).raw;
}

const nameOf = (key: string) => `scan-${key}`;

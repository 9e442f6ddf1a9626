import {
	ByteReader,
	type Bytes,
	ByteWriter,
	type ChunkId,
	CorruptError,
	FrameKind,
	idBytes,
	toHex,
} from "@varve/format";
import type { FrameDecoder, FrameEncoder } from "@varve/kernel";
import type { ClientCache } from "@varve/store";

/**
 * The client's own copy of the last scan state of a source, so that an unchanged snapshot need not open the repository's objects:
 * the id of the list it is a copy of (text), then for each piece its id (32 bytes) and a frame of one chunk, with its length before it.
 */
export class ScanCopy {
	readonly #encoder: FrameEncoder;
	readonly #frames = new ByteWriter(64 * 1024);

	constructor(encoder: FrameEncoder) {
		this.#encoder = encoder;
	}

	add(piece: Bytes, id: Bytes): void {
		const lengths = Uint32Array.of(piece.length);
		const frame = this.#encoder.encode({
			kind: FrameKind.meta,
			raw: piece,
			lengths,
			count: 1,
		});
		this.#frames.bytes(id);
		this.#frames.block(frame);
	}

	async write(cache: ClientCache, key: string, scan: ChunkId): Promise<void> {
		const writer = new ByteWriter(this.#frames.length + 128);
		writer.text(scan);
		writer.bytes(this.#frames.view());
		await cache.put(nameOf(key), writer.view());
	}
}

export interface FoundScan {
	/** Ids of the pieces, in hex: they are in the repository as long as the snapshot is. */
	readonly ids: readonly string[];
	/** Each is decoded when its turn comes. */
	readonly pieces: Iterable<Bytes>;
}

/** The copy, if it is of this scan state. */
export async function readScanCopy(
	cache: ClientCache,
	key: string,
	{ scan, decoder }: { scan: ChunkId; decoder: FrameDecoder },
): Promise<FoundScan | undefined> {
	const bytes = await cache.get(nameOf(key));
	if (bytes === undefined) return undefined;
	try {
		const reader = new ByteReader(bytes, "scan copy");
		if (reader.text() !== scan) return undefined;
		const ids: string[] = [];
		const frames: Bytes[] = [];
		while (reader.left > 0) {
			ids.push(toHex(reader.bytes(idBytes)));
			frames.push(reader.block());
		}
		return { ids, pieces: decodePieces(frames, decoder) };
	} catch (error) {
		if (error instanceof CorruptError) return undefined;
		throw error;
	}
}

function* decodePieces(
	frames: readonly Bytes[],
	decoder: FrameDecoder,
): Generator<Bytes> {
	const dictionary = () => new Uint8Array(0);
	for (const frame of frames) yield decoder.decode(frame, { dictionary }).raw;
}

const nameOf = (key: string) => `scan-${key}`;

import { ByteReader, type Bytes, ByteWriter } from "./bytes.ts";
import { idBytes } from "./id.ts";

/**
 * The content of a file: chunks, runs of zeros, and lists of such items, one after the other.
 *
 * An item is encoded as a header (varint: length × 4 + kind) and, but for zeros, an id of 32 bytes. `length` is the number of
 * content bytes the item stands for.
 */
export const ItemKind = { zeros: 0, chunk: 1, list: 2 } as const;
export type ItemKind = (typeof ItemKind)[keyof typeof ItemKind];

/** A file of more items than this names a list for each span instead. */
export const maxInlineItems = 16;
/** A run of zero bytes at least this long is an item of its own, never a chunk. */
export const minZeroRun = 64 * 1024;
/** Large files are cut in spans of this many bytes, with a forced cut between. */
export const spanBytes = 64 * 1024 * 1024;

/**
 * Items in columns: `lengths[i]` bytes of `kinds[i]`; the ids of all items that are not zeros stand one after the other in `ids`.
 */
export interface Content {
	readonly kinds: readonly ItemKind[];
	readonly lengths: readonly number[];
	readonly ids: Bytes;
}

export const emptyContent: Content = {
	kinds: [],
	lengths: [],
	ids: new Uint8Array(0),
};

export function contentLength(content: Content): number {
	let sum = 0;
	for (const length of content.lengths) sum += length;
	return sum;
}

export function encodeItemHeaders(writer: ByteWriter, content: Content): void {
	for (let i = 0; i < content.kinds.length; i++)
		writer.varint(
			(content.lengths[i] as number) * 4 + (content.kinds[i] as number),
		);
}

/** Reads `count` headers; their ids are read by `readItemIds`, which may come later in the same bytes. */
export function decodeItemHeaders(
	reader: ByteReader,
	count: number,
): { kinds: ItemKind[]; lengths: number[]; idCount: number } {
	const kinds: ItemKind[] = [];
	const lengths: number[] = [];
	let idCount = 0;
	for (let i = 0; i < count; i++) {
		const header = reader.varint();
		const kind = header % 4;
		const length = (header - kind) / 4;
		if (kind === 3 || length === 0)
			reader.fail(`holds an item of kind ${kind} and length ${length}`);
		if (kind !== ItemKind.zeros) idCount++;
		kinds.push(kind as ItemKind);
		lengths.push(length);
	}
	return { kinds, lengths, idCount };
}

const listMagic = 0x00314c56; // "VL1\0", little endian

/** A list: "VL1\0", item count (varint), headers, ids. Its items are chunks and zeros, or, in a list of pieces, chunks only. */
export function encodeList(content: Content): Bytes {
	const writer = new ByteWriter(16 + content.kinds.length * (idBytes + 4));
	writer.u32(listMagic);
	writer.varint(content.kinds.length);
	encodeItemHeaders(writer, content);
	writer.bytes(content.ids);
	return writer.finish();
}

export function decodeList(bytes: Bytes): Content {
	const reader = new ByteReader(bytes, "list");
	if (reader.u32() !== listMagic) reader.fail("does not begin with VL1");
	const count = reader.varint();
	if (count > reader.left) reader.fail(`names ${count} items`);
	const { kinds, lengths, idCount } = decodeItemHeaders(reader, count);
	if (kinds.includes(ItemKind.list)) reader.fail("holds a list");
	const ids = reader.bytes(idCount * idBytes);
	reader.end();
	return { kinds, lengths, ids };
}

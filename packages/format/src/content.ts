import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { idBytes } from "./id.ts";
import { beginObject, openObject } from "./magic.ts";

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
/** Longest file: its length must fit in the header of one item. */
export const maxFileBytes = 2 ** 51 - 1;

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
	const { kinds, lengths } = content;
	for (let i = 0; i < kinds.length; i++)
		writer.varint((lengths[i] as number) * 4 + (kinds[i] as number));
}

/** Reads `count` headers; the ids, 32 bytes for each of `idCount`, may come later in the same bytes. */
export function decodeItemHeaders(
	reader: ByteReader,
	count: number,
): { kinds: ItemKind[]; lengths: number[]; idCount: number } {
	if (count > reader.left) reader.fail(`names ${count} items`);
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

/** What is wrong with items that stand in a row, or undefined: none is empty, runs of zeros are long, and never next to each other. */
export function itemsFault(
	kinds: readonly ItemKind[],
	lengths: readonly number[],
): string | undefined {
	let sum = 0;
	for (let i = 0; i < kinds.length; i++) {
		const length = lengths[i] as number;
		sum += length;
		if (!(length > 0)) return `holds an item of ${length} bytes`;
		if (kinds[i] !== ItemKind.zeros) continue;
		if (length < minZeroRun) return `holds a run of only ${length} zeros`;
		if (kinds[i - 1] === ItemKind.zeros)
			return "holds two runs of zeros in a row";
	}
	return sum > maxFileBytes ? `holds ${sum} bytes in one file` : undefined;
}

/**
 * The same for the content of a file. Many items without a list can only come of a file that changed its length while its spans
 * were read.
 */
export function contentFault(
	{ kinds, lengths }: Pick<Content, "kinds" | "lengths">,
	torn: boolean,
): string | undefined {
	const isLong = kinds.length > maxInlineItems;
	if (isLong && !torn && !kinds.includes(ItemKind.list))
		return `holds ${kinds.length} items without a list`;
	return itemsFault(kinds, lengths);
}

/** Bytes that `count` items take at least: of any two neighbours one is no run of zeros, and has an id. */
export function leastItemBytes(count: number): number {
	return count + Math.floor(count / 2) * idBytes;
}

/** How many of the items have ids. */
export function countIds(kinds: readonly ItemKind[]): number {
	let count = 0;
	for (let i = 0; i < kinds.length; i++)
		if (kinds[i] !== ItemKind.zeros) count++;
	return count;
}

/**
 * A list: "VL1\0", item count (varint), headers, ids. Its items are chunks and zeros, or, in a list of pieces, chunks only.
 * Throws a plain Error for items that cannot be in a list.
 */
export function encodeList(content: Content): Bytes {
	const { kinds, lengths, ids } = content;
	const fault = listFault(kinds, lengths);
	if (fault !== undefined) throw new Error(`a list ${fault}`);
	if (
		lengths.length !== kinds.length ||
		ids.length !== countIds(kinds) * idBytes
	)
		throw new Error("a list has columns of different lengths");
	const writer = new ByteWriter(16 + kinds.length * (idBytes + 4));
	beginObject(writer, "VL");
	writer.varint(kinds.length);
	encodeItemHeaders(writer, content);
	writer.bytes(ids);
	return writer.finish();
}

/** Throws a CorruptError for anything that `encodeList` does not write. */
export function decodeList(bytes: Bytes): Content {
	const reader = new ByteReader(bytes, "list");
	openObject(reader, "VL", "list");
	const count = reader.varint();
	if (leastItemBytes(count) > reader.left) reader.fail(`names ${count} items`);
	const { kinds, lengths, idCount } = decodeItemHeaders(reader, count);
	const fault = listFault(kinds, lengths);
	if (fault !== undefined) reader.fail(fault);
	const ids = reader.bytes(idCount * idBytes);
	reader.end();
	return { kinds, lengths, ids };
}

function listFault(
	kinds: readonly ItemKind[],
	lengths: readonly number[],
): string | undefined {
	if (kinds.length === 0) return "holds nothing";
	if (kinds.includes(ItemKind.list)) return "holds a list";
	return itemsFault(kinds, lengths);
}

import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { idAt, idBytes, type TreeId } from "./id.ts";
import { beginObject, openObject } from "./magic.ts";
import { isNodeName } from "./node.ts";
import { maxPageNodes, maxTreeNodes } from "./tree.ts";

/**
 * Pages of fewer entries end only where the directory ends. It is small because it is the one thing that lets an insertion move
 * boundaries beyond it; without it, names chosen for that purpose could make a page of each entry.
 */
const minPage = 32;
const pageMask = 1023;

/**
 * Decides where the pages of a large directory end, name by name and by names alone, so that one change rewrites one page or two. A
 * page ends after a name whose CRC-32 has its ten low bits zero once it has 32 entries, and at 8,192 entries at the latest.
 */
export class PageBoundaries {
	#count = 0;

	/** True if a page ends after this name. */
	endsAfter(name: Bytes): boolean {
		this.#count++;
		const ends = isBoundary(name, this.#count);
		if (ends) this.#count = 0;
		return ends;
	}
}

function isBoundary(name: Bytes, count: number): boolean {
	return (
		count === maxPageNodes ||
		(count >= minPage && (crc32(name) & pageMask) === 0)
	);
}

export interface TreePage {
	/** Last name in the page. */
	readonly last: Bytes;
	readonly count: number;
	readonly tree: TreeId;
}

const letters = "VP";
/** A name of one letter with its length, entries, id. */
const leastPageBytes = 2 + 1 + idBytes;

/**
 * The tree object of a paged directory: "VP1\0", page count (varint), then last name (block), entries (varint), tree id of each
 * page. Throws a plain Error for pages that do not end where PageBoundaries says.
 */
export function encodePages(pages: readonly TreePage[]): Bytes {
	const fault = pagesFault(pages);
	if (fault !== undefined) throw new Error(`a list of pages ${fault}`);
	const w = new ByteWriter(64 + pages.length * 64);
	beginObject(w, letters);
	w.varint(pages.length);
	for (const page of pages) {
		w.block(page.last);
		w.varint(page.count);
		w.hex(page.tree);
	}
	return w.finish();
}

/** True if the bytes of a tree object are a list of pages rather than nodes. */
export function isPaged(bytes: Bytes): boolean {
	return bytes[0] === 0x56 && bytes[1] === 0x50;
}

/** Throws a CorruptError for anything that `encodePages` does not write. */
export function decodePages(bytes: Bytes): TreePage[] {
	const r = new ByteReader(bytes, "tree pages");
	openObject(r, letters, "pages");
	const pages: TreePage[] = [];
	for (let left = r.count(leastPageBytes, "pages"); left > 0; left--)
		pages.push({
			last: r.block(),
			count: r.varint(),
			tree: idAt<TreeId>(r.bytes(idBytes)),
		});
	const fault = pagesFault(pages);
	if (fault !== undefined) r.fail(fault);
	r.end();
	return pages;
}

function pagesFault(pages: readonly TreePage[]): string | undefined {
	let entries = 0;
	for (const [i, { last, count }] of pages.entries()) {
		const before = pages[i - 1];
		if (!isNodeName(last)) return "holds an impossible name";
		if (before !== undefined && compareBytes(before.last, last) >= 0)
			return "is not in order";
		if (count < 1 || count > maxPageNodes) return `holds a page of ${count}`;
		if (i + 1 < pages.length && !isBoundary(last, count))
			return `ends page ${i} at the wrong place`;
		entries += count;
	}
	return entries <= maxTreeNodes ? `holds ${entries} entries only` : undefined;
}

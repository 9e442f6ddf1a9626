import { describe, expect, test } from "vitest";
import {
	PageCache,
	PagedTable,
	pageBytes,
} from "../../packages/store/src/page-cache.ts";

const rowBytes = 10;
const rowsPerPage = Math.floor(pageBytes / rowBytes);

/** A table whose rows begin with their number. */
function numbered(cache: PageCache, rows: number) {
	let reads = 0;
	const read = (at: number, target: Uint8Array) => {
		reads++;
		const view = new DataView(target.buffer, target.byteOffset);
		for (let i = 0; i < target.length; i += rowBytes)
			view.setUint32(i, (at + i) / rowBytes);
	};
	const table = new PagedTable(cache, read, { at: 0, rowBytes, rows });
	const rowAt = (index: number) => {
		const at = table.row(index);
		return new DataView(cache.bytes.buffer).getUint32(at);
	};
	return { rowAt, reads: () => reads };
}

describe("pages of tables", () => {
	test("are found where they were put, however many there are", () => {
		const pages = 100;
		const cache = new PageCache(pages);
		const { rowAt, reads } = numbered(cache, pages * rowsPerPage);
		for (let round = 0; round < 2; round++)
			for (let page = 0; page < pages; page++)
				expect(rowAt(page * rowsPerPage + 3)).toBe(page * rowsPerPage + 3);
		expect(reads()).toBe(pages);
	});

	test("take no more room than there are pages, and no more than they may", () => {
		const cache = new PageCache(64);
		const { rowAt } = numbered(cache, 1000 * rowsPerPage);
		rowAt(0);
		expect(cache.bytes.length).toBeLessThan(64 * pageBytes);
		for (let page = 0; page < 1000; page++)
			expect(rowAt(page * rowsPerPage)).toBe(page * rowsPerPage);
		expect(cache.bytes.length).toBe(64 * pageBytes);
	});
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ByteWriter,
	crc32,
	decodePages,
	encodePages,
	isPaged,
	PageBoundaries,
	parseTreeId,
	type TreePage,
	utf8,
} from "../../packages/format/src/index.ts";
import { few } from "./arbitraries.ts";
import { pages } from "./samples.ts";
import { bytesOf, expectRefusedCheaply, expectSturdy } from "./sturdy.ts";

/** Pages of these names, each as one text. */
function pagesOf(names: readonly string[]): string[] {
	const boundaries = new PageBoundaries();
	const found: string[] = [];
	let start = 0;
	names.forEach((name, i) => {
		if (!boundaries.endsAfter(utf8(name)) && i + 1 < names.length) return;
		found.push(names.slice(start, i + 1).join("/"));
		start = i + 1;
	});
	return found;
}

const numbered = (count: number) =>
	Array.from({ length: count }, (_, i) => `name-${String(i).padStart(7, "0")}`);
const without = (all: readonly string[], others: readonly string[]) => {
	const known = new Set(others);
	return all.filter((page) => !known.has(page)).length;
};

describe("PageBoundaries", () => {
	const names = numbered(20_000);
	const whole = pagesOf(names);

	test("a page ends after a name whose CRC-32 has ten zero bits, not before 32 entries and not after 8,192", () => {
		for (const page of whole.slice(0, -1)) {
			const entries = page.split("/");
			const low = crc32(utf8(entries.at(-1) as string)) & 1023;
			expect(low === 0 || entries.length === 8192).toBe(true);
			expect(entries.length).toBeGreaterThanOrEqual(32);
		}
		expect(whole.length).toBeGreaterThan(10);
		expect(whole.length).toBeLessThan(40);
	});

	test("one entry more changes at most two pages", () => {
		fc.assert(
			fc.property(
				fc.nat(names.length),
				fc.string({ maxLength: 5 }),
				(at, more) => {
					const changed = pagesOf(
						names.toSpliced(at, 0, `${names[at - 1] ?? ""} ${more}`),
					);
					expect(without(changed, whole)).toBeLessThanOrEqual(2);
					expect(without(whole, changed)).toBeLessThanOrEqual(2);
				},
			),
			few,
		);
	});

	test("one entry less changes at most two pages", () => {
		fc.assert(
			fc.property(fc.nat(names.length - 1), (at) => {
				const changed = pagesOf(names.toSpliced(at, 1));
				expect(without(changed, whole)).toBeLessThanOrEqual(2);
				expect(without(whole, changed)).toBeLessThanOrEqual(2);
			}),
			few,
		);
	});

	test("names that are never a boundary make pages of 8,192", () => {
		const dull = numbered(20_000).filter(
			(name) => (crc32(utf8(name)) & 1023) !== 0,
		);
		expect(pagesOf(dull).map((page) => page.split("/").length)).toEqual([
			8192,
			8192,
			dull.length - 2 * 8192,
		]);
	});

	test("names that always are make pages of 32", () => {
		const eager = numbered(200_000).filter(
			(name) => (crc32(utf8(name)) & 1023) === 0,
		);
		const sizes = pagesOf(eager).map((page) => page.split("/").length);
		expect(new Set(sizes.slice(0, -1))).toEqual(new Set([32]));
	});

	test("the boundaries of known names never move", () => {
		const entries = Array.from(
			{ length: 10_000 },
			(_, i) => `name-${i}`,
		).sort();
		const lasts = pagesOf(entries).map((page) => page.split("/").at(-1));
		expect(lasts).toEqual([
			"name-1301",
			"name-3636",
			"name-4155",
			"name-4309",
			"name-6462",
			"name-7182",
			"name-8522",
			"name-9999",
		]);
	});
});

describe("lists of pages", () => {
	const codec = { decode: decodePages, encode: encodePages };
	const one = { count: 5000, tree: parseTreeId("ab".repeat(32)) };
	const page = (last: string, count: number): TreePage => ({
		...one,
		last: utf8(last),
		count,
	});

	test("pages come back", () => {
		const bytes = encodePages(pages);
		expect(decodePages(bytes)).toEqual(pages);
		expect(isPaged(bytes)).toBe(true);
	});

	test("T04 with any byte changed or cut off they are refused, or are other pages", () => {
		expectSturdy(codec, encodePages(pages));
	});

	test.each([
		["no pages", []],
		["4,096 entries in all", [page("a", 4096)]],
		["an impossible name", [page("a/b", 5000)]],
		["an empty page", [page("name-3636", 5000), page("zz", 0)]],
		["a page of 8,193", [page("a", 8193)]],
		["names out of order", [page("name-3636", 4000), page("a", 4000)]],
		["a name twice", [page("name-3636", 4000), page("name-3636", 4000)]],
		[
			"a page that ends where none may",
			[page("name-3637", 4000), page("zz", 4000)],
		],
		[
			"a page of 31 that is not the last",
			[page("name-3636", 31), page("zz", 5000)],
		],
	])("%s: not encoded", (_, all) => {
		expect(() => encodePages(all)).toThrow(
			expect.objectContaining({ name: "Error" }),
		);
	});

	test("a page of 8,192 may end anywhere, and the last page may be short", () => {
		const all = [page("b", 8192), page("c", 1)];
		expect(decodePages(encodePages(all))).toEqual(all);
	});

	test("T97 a count of 2^53 - 1 pages is refused before anything is made for them", () => {
		const w = new ByteWriter();
		w.bytes(bytesOf("VP1\0"));
		w.varint(Number.MAX_SAFE_INTEGER);
		w.zeros(100);
		expectRefusedCheaply(decodePages, w.finish());
	});

	test("another version is an UnsupportedError that names it", () => {
		expect(isPaged(bytesOf("VP2\0"))).toBe(true);
		expect(() => decodePages(bytesOf("VP2\0"))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature: "pages-2" },
			}),
		);
	});
});

import {
	encodeSegment,
	type LeaseId,
	type PackFrame,
	type PackId,
	type SegmentPack,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChunkTable } from "../../packages/store/src/chunk-table.ts";
import { PageCache } from "../../packages/store/src/page-cache.ts";
import { segmentInMemory } from "../../packages/store/src/segment-file.ts";
import { SegmentSearch } from "../../packages/store/src/segment-search.ts";

const idOf = (n: number) => {
	const bytes = new Uint8Array(32).fill((n * 37) % 256);
	new DataView(bytes.buffer).setUint32(28, n);
	return bytes;
};
const numberOf = (id: Uint8Array) =>
	new DataView(id.buffer, id.byteOffset).getUint32(28);

function rows(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(numbers.length * 32);
	numbers.forEach((n, i) => {
		bytes.set(idOf(n), i * 32);
	});
	return bytes;
}

/** Each once, in the order of their ids. */
const sorted = (numbers: readonly number[]) =>
	[...new Set(numbers)].sort((a, b) => Buffer.compare(idOf(a), idOf(b)));

const lengthOf = (n: number) => 100 + n;

function packOf(p: number, frames: readonly (readonly number[])[]) {
	let offset = 64;
	const made = frames.map((chunks): PackFrame => {
		const lengths = Uint32Array.from(chunks, lengthOf);
		const rawLength = lengths.reduce((a, b) => a + b, 0);
		const ids = rows(chunks);
		const bases = new Uint8Array(0);
		const frame = { offset, storedLength: 50, rawLength, bases, ids, lengths };
		offset += 50;
		return frame;
	});
	const id = p.toString(16).padStart(64, "0") as PackId;
	return { id, size: offset + 100, kind: 1, frames: made } as SegmentPack;
}

function tableOf(packs: readonly SegmentPack[]): ChunkTable {
	const segments = packs.map((pack, i) => {
		const bytes = encodeSegment("1".repeat(32) as LeaseId, [pack]).slice();
		const file = segmentInMemory(`segment ${i}`, bytes);
		return new SegmentSearch(file, new PageCache(16));
	});
	const sizes = new Map(packs.map(({ id, size }) => [id, size]));
	return new ChunkTable({ segments, adopted: [], packs: sizes });
}

const chunk = fc.integer({ min: 0, max: 40 });
const frame = fc.uniqueArray(chunk, { minLength: 1, maxLength: 10 });
const drawn = fc.record({
	packs: fc.array(fc.array(frame, { minLength: 1, maxLength: 3 }), {
		minLength: 1,
		maxLength: 4,
	}),
	live: fc.uniqueArray(chunk),
	ranks: fc.array(fc.tuple(chunk, fc.integer({ min: 0, max: 9000 }))),
	most: fc.integer({ min: 1, max: 50 }),
});

describe("an order of the chunks of a table", () => {
	test("gives back the ranks that were set, and live chunks in all their places by rank and id", () => {
		fc.assert(
			fc.property(drawn, ({ packs: frames, live, ranks, most }) => {
				const table = tableOf(frames.map((each, p) => packOf(p, each)));
				const there = new Set(frames.flat(2));
				const isLive = new Set(live.filter((n) => there.has(n)));
				table.mark(rows(sorted([...isLive])));
				const order = table.ranks();
				while (order.next() < 9000);
				const rankOf = new Map(ranks.filter(([n]) => there.has(n)));
				const known = sorted([...rankOf.keys()]);
				const given = known.map((n) => rankOf.get(n) as number);
				order.set(rows(known), Uint32Array.from(given));
				const all = sorted([...there]);
				expect([...order.of(rows(all))]).toEqual(
					all.map((n) => rankOf.get(n) ?? 0),
				);
				const expected = frames
					.flat(2)
					.filter((n) => isLive.has(n) && (rankOf.get(n) ?? 0) > 0)
					.map((n) => ({ n, rank: rankOf.get(n) as number }))
					.sort(
						(a, b) => a.rank - b.rank || Buffer.compare(idOf(a.n), idOf(b.n)),
					);
				const portions = [...order.portions(most, () => true)];
				expect(
					portions.flat().map(({ id, rank }) => ({ n: numberOf(id), rank })),
				).toEqual(expected);
				const ranked = [...order.frames()].reduce((a, f) => a + f.ranked, 0);
				expect(ranked).toBe(expected.reduce((a, { n }) => a + lengthOf(n), 0));
			}),
		);
	});

	test("comes in portions, of which none splits a rank", () => {
		const numbers = Array.from({ length: 40 }, (_, i) => i);
		const table = tableOf([packOf(0, [numbers])]);
		const ids = rows(sorted(numbers));
		table.mark(ids);
		const order = table.ranks();
		while (order.next() < 40 * 4096);
		const far = sorted(numbers).map((n) => 1 + Math.floor(n / 2) * 4096);
		order.set(ids, Uint32Array.from(far));
		const portions = [...order.portions(4, () => true)];
		expect(portions.length).toBe(10);
		expect(portions.every((portion) => portion.length === 4)).toBe(true);
	});
});

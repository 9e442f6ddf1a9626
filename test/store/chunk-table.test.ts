import {
	encodeSegment,
	idAt,
	type LeaseId,
	type PackFrame,
	type PackId,
	type SegmentPack,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChunkTable } from "../../packages/store/src/chunk-table.ts";
import { movesWhole } from "../../packages/store/src/pack-use.ts";
import { PageCache } from "../../packages/store/src/page-cache.ts";
import { segmentInMemory } from "../../packages/store/src/segment-file.ts";
import { SegmentSearch } from "../../packages/store/src/segment-search.ts";

const idOf = (n: number) => {
	const bytes = new Uint8Array(32).fill(n);
	new DataView(bytes.buffer).setUint32(28, n);
	return bytes;
};
const keyOf = (n: number) => idAt(idOf(n));
const packId = (n: number) => n.toString(16).padStart(64, "0") as PackId;
const lease = "1".repeat(32) as LeaseId;

function rows(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(numbers.length * 32);
	numbers.forEach((n, i) => {
		bytes.set(idOf(n), i * 32);
	});
	return bytes;
}

/** Of a chunk: the same wherever it lies. */
const lengthOf = (n: number) => 100 + n * 10;

interface DrawnFrame {
	readonly chunks: readonly number[];
	readonly bases: readonly number[];
}

function frameOf({ chunks, bases }: DrawnFrame, offset: number): PackFrame {
	const lengths = Uint32Array.from(chunks, lengthOf);
	const rawLength = lengths.reduce((a, b) => a + b, 0);
	return {
		offset,
		storedLength: Math.ceil(rawLength / 2) + 20,
		rawLength,
		bases: rows(bases),
		ids: rows(chunks),
		lengths,
	};
}

function packOf(n: number, drawn: readonly DrawnFrame[]): SegmentPack {
	let offset = 64;
	const frames = drawn.map((one) => {
		const frame = frameOf(one, offset);
		offset += frame.storedLength;
		return frame;
	});
	return { id: packId(n), size: offset + 100, kind: 1, frames };
}

const chunkNumber = fc.integer({ min: 0, max: 30 });
const anyFrame: fc.Arbitrary<DrawnFrame> = fc.record({
	chunks: fc.array(chunkNumber, { minLength: 1, maxLength: 12 }),
	bases: fc.oneof(
		{ weight: 3, arbitrary: fc.constant([]) },
		fc.array(chunkNumber, { minLength: 1, maxLength: 3 }),
	),
});

const anyRepository = fc
	.array(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), {
		minLength: 1,
		maxLength: 8,
	})
	.chain((drawn) => {
		const packs = drawn.map((frames, n) => packOf(n, frames));
		// Some packs are in two segments, some in none, some are not listed or of another size.
		return fc.record({
			segments: fc.array(fc.subarray(packs, { minLength: 1 }), {
				maxLength: 3,
			}),
			lost: fc.subarray(packs),
			marked: fc.subarray(Array.from({ length: 31 }, (_, n) => n)),
			packs: fc.constant(packs),
			isLost: fc.boolean(),
		});
	});

interface Row {
	readonly pack: SegmentPack;
	readonly frame: PackFrame;
	readonly ordinal: number;
}

/** What a table is checked against: a list. */
function build(drawn: {
	readonly segments: readonly (readonly SegmentPack[])[];
	readonly lost: readonly SegmentPack[];
	readonly packs: readonly SegmentPack[];
	readonly isLost: boolean;
}) {
	const { segments, packs, isLost } = drawn;
	const lost = isLost ? drawn.lost : [];
	const named = new Set(segments.flat());
	const adopted = packs.filter((pack) => !named.has(pack));
	const counting = packs.filter((pack) => !lost.includes(pack));
	const searches = segments.map((own, i) => {
		const bytes = encodeSegment(lease, own).slice();
		return new SegmentSearch(
			segmentInMemory(`segment ${i}`, bytes),
			new PageCache(16),
		);
	});
	const table = new ChunkTable({
		segments: searches,
		adopted,
		packs: new Map(
			packs.map(({ id, size }) => [
				id,
				lost.some((one) => one.id === id) ? size + 1 : size,
			]),
		),
	});
	const places = new Map<string, Row[]>();
	for (const pack of counting)
		for (const frame of pack.frames)
			frame.lengths.forEach((_, ordinal) => {
				const id = idAt(frame.ids, ordinal * 32);
				places.set(id, [...(places.get(id) ?? []), { pack, frame, ordinal }]);
			});
	return { table, places, counting, named };
}

const check = (
	property: (
		drawn: typeof anyRepository extends fc.Arbitrary<infer T> ? T : never,
	) => void,
) => fc.assert(fc.property(anyRepository, property), { numRuns: 150 });

describe("a chunk table over any segments", () => {
	test("tells exactly what is in no pack that counts, and with plainOnly in no frame without bases", () => {
		check((drawn) => {
			const { table, places } = build(drawn);
			const ids = rows(drawn.marked);
			const missing = table.mark(ids).map((i) => drawn.marked[i]);
			expect(missing).toEqual(
				drawn.marked.filter((n) => !places.has(keyOf(n))),
			);
			const withoutPlain = table.mark(ids, true).map((i) => drawn.marked[i]);
			expect(withoutPlain).toEqual(
				drawn.marked.filter(
					(n) =>
						!places
							.get(keyOf(n))
							?.some(({ frame }) => frame.bases.length === 0),
				),
			);
		});
	});

	test("counts a chunk as live wherever it lies, also twice in a pack (T26)", () => {
		check((drawn) => {
			const { table, counting, named } = build(drawn);
			table.mark(rows(drawn.marked));
			const live = new Set(drawn.marked.map(keyOf));
			const uses = new Map(table.use().map((use) => [use.id, use]));
			expect([...uses.keys()].sort()).toEqual(counting.map(({ id }) => id));
			for (const pack of counting) {
				const use = uses.get(pack.id);
				const all = pack.frames.flatMap(({ ids, lengths }) =>
					Array.from(lengths, (_, i) => idAt(ids, i * 32)),
				);
				expect(use).toMatchObject({
					size: pack.size,
					lease: named.has(pack) ? lease : undefined,
					chunks: all.length,
					liveChunks: all.filter((id) => live.has(id)).length,
					stored: pack.frames.reduce((sum, f) => sum + f.storedLength, 0),
				});
				const { bytes, stuck } = liveOf(pack, live);
				expect(use?.live).toBe(bytes);
				expect(use?.stuck).toBe(stuck);
			}
		});
	});

	test("gives each object once, in a frame without bases if it lies in one", () => {
		check((drawn) => {
			const { table, places } = build(drawn);
			const ids = rows(drawn.marked);
			const visit = () => {
				const found = new Map<number, boolean>();
				const missing = table.visit(ids, (i, place) => {
					expect(found.has(i)).toBe(false);
					const rows = places.get(keyOf(drawn.marked[i] as number)) ?? [];
					expect(rows.some((row) => isAt(row, place))).toBe(true);
					found.set(i, place.frame.plain);
				});
				return { found, missing };
			};
			const first = visit();
			drawn.marked.forEach((n, i) => {
				const rows = places.get(keyOf(n));
				expect(first.missing.includes(i)).toBe(rows === undefined);
				expect(first.found.get(i)).toBe(
					rows?.some(({ frame }) => frame.bases.length === 0),
				);
			});
			expect(visit()).toEqual({ found: new Map(), missing: first.missing });
		});
	});

	test("takes content that was marked for no visit", () => {
		check((drawn) => {
			const { table, places } = build(drawn);
			const ids = rows(drawn.marked);
			table.mark(ids);
			let count = 0;
			table.visit(ids, () => count++);
			const there = drawn.marked.filter((n) => places.has(keyOf(n)));
			expect(count).toBe(there.length);
		});
	});

	test("finds what a list finds", () => {
		check((drawn) => {
			const { table, places } = build(drawn);
			for (let n = 0; n <= 31; n++) {
				const place = table.find(idOf(n), 0);
				const rows = places.get(keyOf(n));
				expect(place === undefined).toBe(rows === undefined);
				if (place === undefined) continue;
				expect(rows?.some((row) => isAt(row, place))).toBe(true);
				expect(place.frame.plain).toBe(
					rows?.some(({ frame }) => frame.bases.length === 0),
				);
			}
		});
	});

	test("names the bases of every frame with something live in it, and of no other", () => {
		check((drawn) => {
			const { table, counting } = build(drawn);
			table.mark(rows(drawn.marked));
			const live = new Set(drawn.marked.map(keyOf));
			const want = new Set<string>();
			for (const { frames } of counting)
				for (const frame of frames)
					if (frame.lengths.some((_, i) => live.has(idAt(frame.ids, i * 32))))
						for (const id of idsIn(frame.bases)) want.add(id);
			const got = new Set([...table.bases()].flatMap(idsIn));
			expect(got).toEqual(want);
		});
	});

	test("gives back the frames of packs with what is live of them", () => {
		check((drawn) => {
			const { table, counting } = build(drawn);
			table.mark(rows(drawn.marked));
			const live = new Set(drawn.marked.map(keyOf));
			const wanted = new Set<string>(drawn.packs.map(({ id }) => id));
			const got = new Map(
				[...table.framesOf(wanted)].map(({ pack, frames }) => [pack, frames]),
			);
			expect([...got.keys()].sort()).toEqual(counting.map(({ id }) => id));
			for (const { id, frames } of counting)
				expect(got.get(id)).toMatchObject(
					frames.map((frame) => ({
						frame,
						isRemade: false,
						live: Uint8Array.from(frame.lengths, (_, i) =>
							live.has(idAt(frame.ids, i * 32)) ? 1 : 0,
						),
					})),
				);
		});
	});
});

function idsIn(bytes: Uint8Array): string[] {
	return Array.from({ length: bytes.length / 32 }, (_, i) =>
		idAt(bytes, i * 32),
	);
}

function isAt(
	{ pack, frame, ordinal }: Row,
	place: { pack: string; offset: number; ordinal: number },
): boolean {
	return (
		pack.id === place.pack &&
		frame.offset === place.offset &&
		ordinal === place.ordinal
	);
}

function liveOf(pack: SegmentPack, live: ReadonlySet<string>) {
	let bytes = 0;
	let stuck = 0;
	for (const { storedLength, rawLength, ids, lengths, bases } of pack.frames) {
		const alive = lengths.reduce(
			(sum, length, i) => sum + (live.has(idAt(ids, i * 32)) ? length : 0),
			0,
		);
		const part = Math.round((storedLength * alive) / rawLength);
		bytes += part;
		if (alive > 0 && movesWhole(bases.length > 0, rawLength - alive, rawLength))
			stuck += storedLength - part;
	}
	return { bytes, stuck };
}

test("a frame moves as it is if it has bases, or if little of it is dead", () => {
	expect(movesWhole(false, 0, 1000)).toBe(true);
	expect(movesWhole(false, 62, 1000)).toBe(true);
	expect(movesWhole(false, 63, 1000)).toBe(false);
	expect(movesWhole(true, 999, 1000)).toBe(true);
});

test("a table without segments and packs has nothing", () => {
	const table = new ChunkTable({ segments: [], adopted: [], packs: new Map() });
	expect(table.mark(rows([1, 2]))).toEqual([0, 1]);
	expect(table.use()).toEqual([]);
	expect([...table.bases()]).toEqual([]);
	expect(table.find(idOf(1), 0)).toBeUndefined();
});

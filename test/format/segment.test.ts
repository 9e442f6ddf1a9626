import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	encodeSegment,
	FrameKind,
	type PackFrame,
	type PackId,
	type Place,
	type SegmentPack,
	SegmentReader,
} from "../../packages/format/src/index.ts";
import { few } from "./arbitraries.ts";
import { readSegment, segmentText } from "./golden.ts";
import { sha256 } from "./hashes.ts";
import { lease, segmentPacks } from "./samples.ts";
import { attempt, damaged, hex } from "./sturdy.ts";

const readerOf = (bytes: Uint8Array) =>
	new SegmentReader(
		(at, length) => bytes.subarray(at, at + length),
		bytes.length,
	);

function number(i: number): Uint8Array {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigUint64(0, BigInt(i));
	return bytes;
}

/** Packs of one frame each for chunks with these ids. */
function packsOf(ids: readonly Uint8Array[], perFrame = 16): SegmentPack[] {
	const packs: SegmentPack[] = [];
	for (let at = 0; at < ids.length; at += perFrame) {
		const own = ids.slice(at, at + perFrame);
		const frame: PackFrame = {
			offset: 48,
			storedLength: 1000,
			rawLength: 100 * own.length,
			bases: new Uint8Array(0),
			ids: new Uint8Array(Buffer.concat(own)),
			lengths: new Uint32Array(own.length).fill(100),
		};
		const id = hex(sha256(number(at))) as PackId;
		packs.push({ id, size: 2000, kind: FrameKind.content, frames: [frame] });
	}
	return packs;
}

const evenIds = (count: number) =>
	Array.from({ length: count }, (_, i) => sha256(number(i)));

describe("segments", () => {
	test("all that was put in comes out, in the order of ids", () => {
		const bytes = encodeSegment(lease, segmentPacks);
		expect(readSegment(bytes)).toEqual(segmentText(lease, segmentPacks));
	});

	test("any ids come out in order, equal ones in the order given", () => {
		const id = fc.oneof(
			fc.uint8Array({ minLength: 32, maxLength: 32 }),
			fc.nat(5).map((i) => sha256(number(i))),
			fc.nat(5).map((i) => new Uint8Array(32).fill(1).fill(i, 31)),
		);
		fc.assert(
			fc.property(
				fc.array(id, { maxLength: 100 }),
				fc.integer({ min: 1, max: 9 }),
				(ids, perFrame) => {
					const packs = packsOf(ids, perFrame);
					const bytes = encodeSegment(lease, packs);
					expect(readSegment(bytes)).toEqual(segmentText(lease, packs));
				},
			),
			few,
		);
	});

	test("many equal ids, more than are sorted by insertion, keep the order given", () => {
		const packs = packsOf(Array(200).fill(sha256(number(1))), 3);
		const bytes = encodeSegment(lease, packs);
		expect(readSegment(bytes)).toEqual(segmentText(lease, packs));
		expect(readerOf(bytes).find(sha256(number(1)))).toBe(0);
	});

	test("an empty segment has its header and fan-out", () => {
		const bytes = encodeSegment(lease, []);
		expect(bytes.length).toBe(64 + 1024);
		expect(readerOf(bytes).find(sha256(number(1)))).toBe(-1);
		expect(readerOf(bytes).lease).toBe(lease);
	});

	test.each([
		["4 GiB into its pack", { offset: 2 ** 32 - 10 }],
		["without ids for its chunks", { ids: new Uint8Array(0) }],
		[
			"with 65,536 chunks",
			{
				ids: new Uint8Array(32 * 65_536),
				lengths: new Uint32Array(65_536).fill(1),
			},
		],
		["with 65,536 bases", { bases: new Uint8Array(32 * 65_536) }],
	])("a frame %s is not encoded", (_, wrong) => {
		const [pack] = packsOf(evenIds(1)) as [SegmentPack];
		const frames = pack.frames.map((frame) => ({ ...frame, ...wrong }));
		expect(() => encodeSegment(lease, [{ ...pack, frames }])).toThrow(
			"a frame",
		);
	});
});

describe("find", () => {
	const check = (ids: readonly Uint8Array[], others: readonly Uint8Array[]) => {
		const reader = readerOf(encodeSegment(lease, packsOf(ids)));
		const sorted = ids.map(hex).sort();
		const indices = new Map(sorted.map((id, i) => [id, i] as const).reverse());
		const found = ids.map((id) => reader.find(id));
		expect(found).toEqual(ids.map((id) => indices.get(hex(id))));
		for (const id of others) expect(reader.find(id)).toBe(-1);
	};

	test.each([1, 2, 255, 300, 2000])(
		"among %d evenly spread ids finds each, and no other",
		(count) => {
			check(
				evenIds(count),
				Array.from({ length: 200 }, (_, i) => sha256(number((-1 - i) >>> 0))),
			);
		},
	);

	test("finds ids that all begin alike", () => {
		const alike = (i: number, at: number) => {
			const id = new Uint8Array(32).fill(0x42);
			id.set(number(i).subarray(4), at);
			return id;
		};
		for (const at of [1, 3, 28])
			check(
				Array.from({ length: 1500 }, (_, i) => alike(2 * i + 1, at)),
				Array.from({ length: 1501 }, (_, i) => alike(2 * i, at)),
			);
	});

	test("finds ids in a heap at one end, though guesses go astray", () => {
		const heap = Array.from({ length: 3000 }, (_, i) => {
			const id = new Uint8Array(32).fill(0x42);
			id.set(
				i < 2990
					? Uint8Array.of(0, 0, 0, 0)
					: Uint8Array.of(255, 255, 255, i & 255),
				1,
			);
			id.set(number(i), 24);
			return id;
		});
		check(heap, [new Uint8Array(32).fill(0x42), new Uint8Array(32)]);
	});

	test("reads few bytes for each answer", () => {
		const bytes = encodeSegment(lease, packsOf(evenIds(20_000), 1000));
		let reads = 0;
		const reader = new SegmentReader((at, length) => {
			reads++;
			return bytes.subarray(at, at + length);
		}, bytes.length);
		reads = 0;
		for (let i = 0; i < 1000; i++) reader.find(sha256(number(i)));
		expect(reads).toBeLessThan(1100);
	});
});

describe("damaged segments", () => {
	const bytes = encodeSegment(lease, segmentPacks);

	/** What every entry of a place may be, whoever wrote it. */
	function expectPossible(place: Place): void {
		expect(place.offset).toBeGreaterThanOrEqual(48);
		expect(place.offset + place.storedLength).toBeLessThanOrEqual(
			place.packSize,
		);
		expect(place.length).toBeGreaterThanOrEqual(1);
		expect(place.length).toBeLessThanOrEqual(place.rawLength);
		expect(place.rawLength).toBeLessThanOrEqual(64 << 20);
	}

	test("T04 with any byte changed or cut off, answers are places that can exist, or errors", () => {
		const small = encodeSegment(lease, segmentPacks.slice(2));
		for (const damage of damaged(small)) {
			const reader = attempt(readerOf, damage);
			if (reader === undefined) continue;
			for (let i = 0; i < reader.value.layout.chunks; i++) {
				const id = reader.value.idBytesOf(i).slice();
				attempt((wanted) => reader.value.find(wanted), id);
				const place = attempt(() => reader.value.place(i), damage);
				if (place !== undefined) expectPossible(place.value);
			}
		}
	});

	test("T04 a segment of another length than its tables have is refused", () => {
		for (const length of [0, 63, 64, bytes.length - 1])
			expect(attempt(readerOf, bytes.subarray(0, length))).toBeUndefined();
		expect(attempt(readerOf, Uint8Array.of(...bytes, 0))).toBeUndefined();
	});

	test("T97 counts of 2^32 - 1 are refused before anything is read for them", () => {
		const hostile = bytes.slice();
		hostile.fill(0xff, 12, 28);
		expect(attempt(readerOf, hostile)).toBeUndefined();
	});

	test.each([
		[
			"a fan-out that goes down",
			(b: Uint8Array, at: number) => b.fill(0xff, at, at + 4),
		],
		[
			"a fan-out that counts too few",
			(b: Uint8Array, at: number) => b.fill(0, at + 1020, at + 1024),
		],
	])("T04 %s is refused", (_, damage) => {
		const changed = bytes.slice();
		damage(changed, readerOf(bytes).layout.fanOutAt);
		expect(attempt(readerOf, changed)).toBeUndefined();
	});

	test("indices that are not there are refused", () => {
		const reader = readerOf(bytes);
		expect(() => reader.place(reader.layout.chunks)).toThrow("no chunk");
		expect(() => reader.frame(reader.layout.frames)).toThrow("no frame");
		expect(() => reader.pack(reader.layout.packs)).toThrow("no pack");
	});

	test.each([
		["segment-2", (b: Uint8Array) => b.fill(2, 8, 9)],
		["sealed", (b: Uint8Array) => b.set(Buffer.from("VARVESLD"))],
		["pack-1-7", (b: Uint8Array) => b.fill(7, 64 + 48, 64 + 49)],
	])("%s: an UnsupportedError that names it", (feature, change) => {
		const changed = bytes.slice();
		change(changed);
		expect(() => readSegment(changed)).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});
});

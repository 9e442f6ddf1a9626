import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	type ChunkerParameters,
	type Cutter,
	createReferenceCutter,
	gearTable,
} from "../../packages/kernel/src/gear.ts";
import { createCutter } from "../../packages/kernel/src/gear-wasm.ts";
import { hashStream, pseudoRandom } from "./seeded-bytes.ts";

const usual = { min: 16 * 1024, average: 64 * 1024, max: 256 * 1024 };
const small = { min: 64, average: 256, max: 1024 };
const longRun = 65_536;
const capacity = 1024 * 1024;

/** Lengths of the items of a span: chunks positive, runs of zeros negative. */
type Items = number[];

const implementations = [
	["reference", createReferenceCutter],
	["WebAssembly", createCutter],
] as const;

function cutWhole(cutter: Cutter, bytes: Uint8Array): Items {
	return cutFed(cutter, bytes, () => bytes.length);
}

/** Cuts a span of which `next()` more bytes arrive at a time, as a reader does that has room for the cutter's capacity. */
function cutFed(cutter: Cutter, bytes: Uint8Array, next: () => number): Items {
	const items: Items = [];
	let fed = 0;
	let start = 0;
	let end = 0;
	cutter.begin();
	do {
		cutter.memory.copyWithin(0, start, end);
		end -= start;
		start = 0;
		const room = cutter.memory.length - end;
		const count = Math.min(next(), room, bytes.length - fed);
		cutter.memory.set(bytes.subarray(fed, fed + count), end);
		fed += count;
		end += count;
		for (;;) {
			const item = cutter.cut(start, end, fed === bytes.length);
			if (item === 0) break;
			append(items, item);
			start += Math.abs(item);
		}
	} while (fed < bytes.length);
	expect(start).toBe(end);
	return items;
}

/** Parts of a run of zeros that follow each other are one item. */
function append(items: Items, item: number): void {
	const last = items.at(-1);
	if (last !== undefined && last < 0 && item < 0)
		items[items.length - 1] = last + item;
	else items.push(item);
}

function both(options: ChunkerParameters, bytes: number = capacity): Cutter[] {
	return implementations.map(([, create]) =>
		create({ ...options, capacity: bytes }),
	);
}

function concat(...parts: Uint8Array[]): Uint8Array {
	return new Uint8Array(Buffer.concat(parts));
}

/** Bytes of which none is zero. */
function withoutZeros(seed: number, length: number): Uint8Array {
	return pseudoRandom(seed, length).map((byte) => byte || 1);
}

describe("gear table", () => {
	test("the default seed gives the documented table", () => {
		const digest = createHash("sha256").update(gearTable()).digest("hex");
		expect(digest).toBe(
			"0c286ef5af06b494cb68c573c7d852bfc538879c0e3f86e27acb5f17fd1694dd",
		);
	});

	test("another seed gives another table", () => {
		const seed = new Uint8Array(32).fill(1);
		expect(gearTable(seed)).not.toEqual(gearTable());
	});

	test("a seed of another length is refused", () => {
		expect(() => gearTable(new Uint8Array(31))).toThrow(RangeError);
	});
});

describe.each(implementations)("%s chunker", (_name, create) => {
	test("cuts the golden input where an independent reading of the rule cuts it", () => {
		const bytes = hashStream(4 * 1024 * 1024);
		const items = cutWhole(create({ ...usual, capacity: bytes.length }), bytes);
		let start = 0;
		const cuts = items.slice(0, golden.length).map((length) => {
			const chunk = bytes.subarray(start, start + length);
			const row = [
				start,
				length,
				createHash("sha256").update(chunk).digest("hex"),
			];
			start += length;
			return row;
		});
		expect(cuts).toEqual(golden);
		expect(items.reduce((a, b) => a + b)).toBe(bytes.length);
	});

	test("cuts with a secret seed where an independent reading of the rule cuts", () => {
		const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
		const bytes = hashStream(300_000);
		const items = cutWhole(
			create({ ...usual, seed, capacity: bytes.length }),
			bytes,
		);
		expect(items).toEqual([72_437, 39_791, 88_430, 43_378, 55_964]);
	});

	test("separates runs of zeros where an independent reading of the rule does", () => {
		const bytes = hashStream(1024 * 1024);
		for (const [from, to] of [
			[200_000, 265_536],
			[500_000, 565_535],
			[800_000, bytes.length],
		] as const) {
			bytes.fill(1, from - 1, to + 1);
			bytes.fill(0, from, to);
		}
		expect(
			cutWhole(create({ ...usual, capacity: bytes.length }), bytes),
		).toEqual([
			75_661, 67_970, 56_369, -65_536, 65_664, 66_047, 77_434, 146_959, 78_838,
			70_925, 28_597, -248_576,
		]);
	});

	test("an empty span has no items", () => {
		expect(cutWhole(create({ ...small, capacity }), new Uint8Array(0))).toEqual(
			[],
		);
	});

	test("asks for more bytes until max + 65,536 are there, and then never", () => {
		const cutter = create({ ...small, capacity });
		const enough = small.max + longRun;
		cutter.memory.set(withoutZeros(1, enough));
		cutter.begin();
		expect(cutter.cut(0, enough - 1, false)).toBe(0);
		expect(cutter.cut(0, enough, false)).toBeGreaterThan(0);
	});

	test("a span that ends in zeros does not reach into the next one", () => {
		const cutter = create({ ...small, capacity });
		expect(cutWhole(cutter, new Uint8Array(longRun))).toEqual([-longRun]);
		const zerosThenOne = concat(new Uint8Array(100), Uint8Array.of(1));
		expect(cutWhole(cutter, zerosThenOne)).toEqual([101]);
	});

	test("sizes outside of the rule are refused", () => {
		const wrong = [
			{ ...usual, min: 63 },
			{ ...usual, average: 65_537 },
			{ ...usual, max: usual.average },
			{ ...usual, min: usual.average },
		];
		for (const sizes of wrong)
			expect(() => create({ ...sizes, capacity })).toThrow(RangeError);
	});
});

describe("both chunkers", () => {
	const [reference, wasm] = both(small, 300_000) as [Cutter, Cutter];

	test("agree on ordinary bytes: whole, byte by byte and in random slices, each twice", () => {
		const bytes = concat(
			pseudoRandom(7, 70_000),
			Buffer.from("the same words ".repeat(900)),
			pseudoRandom(8, 10_000),
		);
		const expected = cutWhole(reference, bytes);
		for (const cutter of [reference, wasm, reference, wasm]) {
			const sizes = pseudoRandom(9, 4096);
			let i = 0;
			expect(cutWhole(cutter, bytes)).toEqual(expected);
			expect(cutFed(cutter, bytes, () => 1)).toEqual(expected);
			expect(
				cutFed(cutter, bytes, () => 1 + (sizes[i++ % 4096] as number) ** 2),
			).toEqual(expected);
		}
	});

	test("agree on runs of zeros that arrive byte by byte", () => {
		const bytes = concat(
			pseudoRandom(1, 3000),
			new Uint8Array(longRun + 5),
			pseudoRandom(2, 3000),
			new Uint8Array(longRun - 1),
		);
		const expected = cutWhole(reference, bytes);
		expect(expected.filter((item) => item < 0)).toHaveLength(1);
		for (const cutter of [reference, wasm])
			expect(cutFed(cutter, bytes, () => 1)).toEqual(expected);
	});

	test("agree on any mixture of bytes, zeros and repetitions, however it is fed", () => {
		const part = fc.oneof(
			fc
				.tuple(fc.nat(1000), fc.integer({ min: 1, max: 3000 }))
				.map(([seed, length]) => pseudoRandom(seed, length)),
			fc.integer({ min: 1, max: 300 }).map((length) => new Uint8Array(length)),
			fc
				.integer({ min: longRun - 70, max: longRun + 70 })
				.map((length) => new Uint8Array(length)),
			fc
				.tuple(fc.nat(255), fc.integer({ min: 1, max: 5000 }))
				.map(([byte, length]) => new Uint8Array(length).fill(byte)),
		);
		const feeds = fc.array(fc.integer({ min: 1, max: 100_000 }), {
			minLength: 1,
			maxLength: 20,
		});
		const property = fc.property(
			fc.array(part, { maxLength: 8 }),
			feeds,
			(parts, sizes) => {
				const bytes = concat(...parts);
				const expected = cutWhole(reference, bytes.subarray(0, 300_000));
				let i = 0;
				const next = () => sizes[i++ % sizes.length] as number;
				for (const cutter of [reference, wasm]) {
					expect(cutWhole(cutter, bytes.subarray(0, 300_000))).toEqual(
						expected,
					);
					expect(cutFed(cutter, bytes.subarray(0, 300_000), next)).toEqual(
						expected,
					);
				}
			},
		);
		fc.assert(property, { numRuns: 60, seed: 1 });
	});
});

describe("chunk lengths", () => {
	const [, wasm] = both(usual, 16 * 1024 * 1024) as [Cutter, Cutter];

	test("lie between min and max, but for the last one", () => {
		const items = cutWhole(wasm, pseudoRandom(1, 16 * 1024 * 1024));
		const inner = items.slice(0, -1);
		expect(Math.min(...inner)).toBeGreaterThanOrEqual(usual.min);
		expect(Math.max(...inner)).toBeLessThanOrEqual(usual.max);
	});

	test("gather around the average", () => {
		const items = cutWhole(wasm, pseudoRandom(1, 16 * 1024 * 1024));
		const mean = (16 * 1024 * 1024) / items.length;
		expect(mean).toBeGreaterThan(60 * 1024);
		expect(mean).toBeLessThan(90 * 1024);
	});

	test("of bytes that are all the same are max or min, and all the same", () => {
		for (const byte of [1, 32, 255]) {
			const items = cutWhole(wasm, new Uint8Array(8 * usual.max).fill(byte));
			expect(new Set(items).size).toBe(1);
		}
	});

	test("an inserted byte changes only the chunks next to it", () => {
		const bytes = hashStream(4 * 1024 * 1024);
		const at = 2_000_000;
		const changed = concat(
			bytes.subarray(0, at),
			Uint8Array.of(42),
			bytes.subarray(at),
		);
		const before = new Set(chunkIds(wasm, bytes));
		const after = chunkIds(wasm, changed);
		const fresh = after.filter((id) => !before.has(id));
		expect(fresh.length).toBeGreaterThan(0);
		expect(fresh.length).toBeLessThanOrEqual(3);
	});
});

function chunkIds(cutter: Cutter, bytes: Uint8Array): string[] {
	let start = 0;
	return cutWhole(cutter, bytes).map((item) => {
		const chunk = bytes.subarray(start, start + Math.abs(item));
		start += Math.abs(item);
		return createHash("sha256").update(chunk).digest("hex");
	});
}

describe("runs of zeros", () => {
	const cutters = both(usual, 2 * 1024 * 1024);
	const borders = [longRun, usual.min, usual.average, usual.max];
	const near = borders.flatMap((border) => [border - 1, border, border + 1]);

	test.each([...new Set(near)])(
		"T44 a run of %i zeros is an item of its own exactly if it has 65,536",
		(length) => {
			for (const before of [0, 1, ...near]) {
				const head = withoutZeros(before, before);
				const tail = withoutZeros(length, 1000);
				const bytes = concat(head, new Uint8Array(length), tail);
				for (const cutter of cutters) {
					const items = cutWhole(cutter, bytes);
					if (length < longRun) {
						expect(items.every((item) => item > 0)).toBe(true);
						continue;
					}
					const at = items.indexOf(-length);
					const sum = items.slice(0, at).reduce((a, b) => a + b, 0);
					expect([at >= 0, sum]).toEqual([true, before]);
					expect(items.slice(at + 1)).toEqual([1000]);
				}
			}
		},
	);

	test.each(near)(
		"T44 a run of zeros that begins at byte %i ends the chunk there, and what follows is cut as if alone",
		(start) => {
			const tail = withoutZeros(3, 500_000);
			const bytes = concat(
				withoutZeros(2, start),
				new Uint8Array(longRun),
				tail,
			);
			for (const cutter of cutters) {
				const alone = [
					...cutWhole(cutter, bytes.subarray(0, start)),
					-longRun,
					...cutWhole(cutter, tail),
				];
				expect(cutWhole(cutter, bytes)).toEqual(alone);
			}
		},
	);

	test("T44 a run of zeros longer than the buffer comes in parts that make one run", () => {
		for (const cutter of both(usual, usual.max + longRun)) {
			const bytes = concat(
				withoutZeros(1, 10),
				new Uint8Array(1_000_000),
				withoutZeros(2, 10),
			);
			expect(cutFed(cutter, bytes, () => 100_000)).toEqual([
				10, -1_000_000, 10,
			]);
		}
	});

	test("T44 a run of zeros is found at every alignment", () => {
		const [reference, wasm] = both(small, 200_000) as [Cutter, Cutter];
		for (let shift = 0; shift < 40; shift++) {
			const bytes = concat(
				withoutZeros(shift, 1000 + shift * 1637),
				new Uint8Array(longRun),
				Uint8Array.of(1),
			);
			const items = cutWhole(wasm, bytes);
			expect(items).toEqual(cutWhole(reference, bytes));
			expect(items.slice(-2)).toEqual([-longRun, 1]);
		}
	});
});

/** Start, length and SHA-256 of the first chunks of `hashStream`, computed by a program that shares no code with this one. */
const golden = [
	[
		0,
		75661,
		"c5fc782bf1687a63b75a7ad5d6b0f7b3be37aebb4df8259122c6bc4f6d01f45f",
	],
	[
		75661,
		67970,
		"30ea8130eec710399484a9a32e8abf5cd6c584f7d6c8e7928ec8b7d19e72113e",
	],
	[
		143631,
		71799,
		"bab571e9317ede3c14599e444a4b5d7e4e3d64bdd013e3e279726f1f0cf2bf91",
	],
	[
		215430,
		78777,
		"cd092aac2d4f3bbeb59e8d44266f0dc48b35add39b64844565075ecf582adeba",
	],
	[
		294207,
		92466,
		"1b4805aad206e90c382909c60f240f3439702ef9892797ca42337ff0d15569d5",
	],
	[
		386673,
		88008,
		"de3961117ba052561064764170e31f641ce27997f32935ddf9a2fadfceae5b4e",
	],
	[
		474681,
		77724,
		"772bee7a9dcb30adb903ea69349bf183d020ff030c7861a0dd90d0090c6cc62d",
	],
	[
		552405,
		69235,
		"462e655332b8028fd518a5da5abb5a666b2d07fbe048562c15e2bce9228a7acd",
	],
	[
		621640,
		78838,
		"b0594ebab50c05f3da0a0dbdec5aa1a127ce6c018edf4106988afcc05cd70606",
	],
	[
		700478,
		70925,
		"f18e807c563ee8fe42d8a37dd78a1fc45cb11ec6ff30b5ccc0e888c75b4069a9",
	],
	[
		771403,
		80536,
		"0c8937074fe169d6224e0f828b509232892a246346fe38854fd70b203e3cdae4",
	],
	[
		851939,
		65886,
		"dbc67f736460e860655ef87be95b9c4a976edba997014a6c2d8348af2bb62e84",
	],
	[
		917825,
		51020,
		"eca6dea8f2459a30c0bf7a3b52157be180b9519a7dc519e2864d17fba953fd97",
	],
	[
		968845,
		66577,
		"c65c7050e62d3a50844747afb98d993bc04ee192883768aa1e4d233442956d12",
	],
	[
		1035422,
		101748,
		"202c2792f58363058b26f97368368109b4305846adc18deb4debb077bb945106",
	],
	[
		1137170,
		94882,
		"36a7835d9a71c3405c98fb99c06b8a77e7bac710ff6a2a6017ef8d39111bfa23",
	],
	[
		1232052,
		74980,
		"8c9d5bd5927930c02214cd6da5283983ef6d669e9f1b534adc71247d6ba08d79",
	],
	[
		1307032,
		85032,
		"8ce5b53b47d9adb6b6cb0dbab44792db4244bf61d4e9c8de9de4d74b7ca6e7fe",
	],
	[
		1392064,
		84040,
		"18c98a6cd2c8b7b1bcf0957fb236394a938ef13070830242a4c0aee1090a8c79",
	],
	[
		1476104,
		105684,
		"0bb245a9ebf1a4f4d7ef69b88a4a303b6424a08c80a7dc3357d1a156df4cf50e",
	],
];

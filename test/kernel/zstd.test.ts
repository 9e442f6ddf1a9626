import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { CorruptError } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	Compressor,
	compressBound,
	createProbe,
	Decompressor,
} from "../../packages/kernel/src/zstd.ts";
import { pseudoRandom } from "./seeded-bytes.ts";

const levels = ["fastest", "auto", "better", "cold", "max", "coldest"] as const;

/** Text that is not the same twice. */
function prose(seed: number, length: number): Uint8Array {
	const words =
		"a layer of sediment laid down in one year thin dated and enough to read that year from".split(
			" ",
		);
	const choice = pseudoRandom(seed, length);
	let text = "";
	for (let i = 0; text.length < length; i++)
		text += `${words[(choice[i] as number) % words.length]} ${i % 7 === 0 ? i : ""}`;
	return new TextEncoder().encode(text.slice(0, length));
}

function compressed(
	source: Uint8Array,
	compressor = new Compressor("auto"),
): Uint8Array {
	const target = new Uint8Array(compressBound(source.length));
	return target.slice(0, compressor.compress(source, target));
}

function decompressed(
	frame: Uint8Array,
	length: number,
	decompressor = new Decompressor(),
): Uint8Array {
	const target = new Uint8Array(length);
	expect(decompressor.decompress(frame, target)).toBe(length);
	return target;
}

/** As toEqual, but quick. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
	expect(Buffer.compare(actual, expected)).toBe(0);
}

function concat(...parts: (Uint8Array | readonly number[])[]): Uint8Array {
	return new Uint8Array(
		Buffer.concat(parts.map((part) => Uint8Array.from(part))),
	);
}

function le64(value: bigint): Uint8Array {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigUint64(0, value, true);
	return bytes;
}

describe("compressor", () => {
	test.each(levels)("%s: what was compressed comes back", (name) => {
		const compressor = new Compressor(name);
		const decompressor = new Decompressor();
		const sources = [
			new Uint8Array(0),
			Uint8Array.of(1),
			prose(1, 100),
			prose(2, 300_000),
			pseudoRandom(1, 70_000),
			new Uint8Array(200_000),
		];
		for (const source of sources)
			expectBytes(
				decompressed(
					compressed(source, compressor),
					source.length,
					decompressor,
				),
				source,
			);
	});

	test("any bytes come back through one reused pair of contexts", () => {
		const compressor = new Compressor("auto");
		const decompressor = new Decompressor();
		fc.assert(
			fc.property(
				fc.uint8Array({ maxLength: 5000 }),
				fc.integer({ min: 1, max: 20 }),
				(bytes, times) => {
					const source = concat(...Array.from({ length: times }, () => bytes));
					expectBytes(
						decompressed(
							compressed(source, compressor),
							source.length,
							decompressor,
						),
						source,
					);
				},
			),
			{ numRuns: 100, seed: 1 },
		);
	});

	test("frames name their content size, and neither checksum nor dictionary", () => {
		const dictionary = concat(new Uint8Array(8), prose(1, 5000));
		for (const length of [0, 1, 255, 256, 65_791, 65_792, 2_000_000]) {
			const source = prose(3, length);
			const target = new Uint8Array(compressBound(length));
			const compressor = new Compressor("auto");
			const plain = target.slice(0, compressor.compress(source, target));
			const delta = target.slice(
				0,
				compressor.compressWithDictionary(dictionary, source, target),
			);
			for (const frame of [plain, delta]) {
				expect((frame[4] as number) & 0b1111).toBe(0);
				expect(() => decompressFor(frame, length + 1)).toThrow(
					`names ${length} bytes`,
				);
			}
		}
	});

	test("stronger settings give smaller frames", () => {
		const source = prose(4, 400_000);
		const sizes = levels.map(
			(name) => compressed(source, new Compressor(name)).length,
		);
		expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
		expect(sizes[0]).toBeGreaterThan(sizes[3] as number);
	});
});

function decompressFor(frame: Uint8Array, length: number): Uint8Array {
	const target = new Uint8Array(length);
	new Decompressor().decompress(frame, target);
	return target;
}

describe("dictionary", () => {
	const before = prose(5, 200_000);
	const dictionary = concat(new Uint8Array(8), before);
	const after = concat(
		before.subarray(0, 90_000),
		prose(6, 100),
		before.subarray(90_200),
	);

	test.each(levels)(
		"%s: a changed text takes little beside its former version, and comes back",
		(name) => {
			const compressor = new Compressor(name);
			const target = new Uint8Array(compressBound(after.length));
			const frame = target.slice(
				0,
				compressor.compressWithDictionary(dictionary, after, target),
			);
			const back = new Uint8Array(after.length);
			expect(
				new Decompressor().decompressWithDictionary(dictionary, frame, back),
			).toBe(after.length);
			expectBytes(back, after);
			expect(frame.length * 20).toBeLessThan(
				compressed(after, compressor).length,
			);
		},
	);

	test("is forgotten after use", () => {
		const compressor = new Compressor("auto");
		const plain = compressed(after, compressor);
		const target = new Uint8Array(compressBound(after.length));
		compressor.compressWithDictionary(dictionary, after, target);
		expectBytes(compressed(after, compressor), plain);
		const decompressor = new Decompressor();
		const frame = target.slice(
			0,
			compressor.compressWithDictionary(dictionary, after, target),
		);
		decompressor.decompressWithDictionary(
			dictionary,
			frame,
			new Uint8Array(after.length),
		);
		expectBytes(decompressed(plain, after.length, decompressor), after);
	});

	test("of many MiB serves at least what recurs of its last one", () => {
		const old = prose(7, 3_000_000);
		const large = concat(new Uint8Array(8), old);
		const target = new Uint8Array(compressBound(100_000));
		for (const at of [2_800_000, 2_100_000]) {
			const source = old.slice(at, at + 100_000);
			const length = new Compressor("auto").compressWithDictionary(
				large,
				source,
				target,
			);
			expect(length).toBeLessThan(1000);
		}
	});

	test("content that looks like a trained dictionary is content", () => {
		const trained = concat([0x37, 0xa4, 0x30, 0xec], pseudoRandom(1, 5000));
		const raw = concat(new Uint8Array(8), trained);
		const target = new Uint8Array(compressBound(trained.length));
		const frame = target.slice(
			0,
			new Compressor("auto").compressWithDictionary(raw, trained, target),
		);
		const back = new Uint8Array(trained.length);
		new Decompressor().decompressWithDictionary(raw, frame, back);
		expectBytes(back, trained);
		expect(frame.length).toBeLessThan(100);
	});

	test("must begin with eight zero bytes", () => {
		const target = new Uint8Array(1000);
		for (const wrong of [
			new Uint8Array(7),
			concat(new Uint8Array(7), [1]),
			before,
		]) {
			expect(() =>
				new Compressor("auto").compressWithDictionary(wrong, before, target),
			).toThrow(RangeError);
			expect(() =>
				new Decompressor().decompressWithDictionary(wrong, before, target),
			).toThrow(RangeError);
		}
	});

	test("another one than was used gives an error or other bytes, never more of them", () => {
		const target = new Uint8Array(compressBound(after.length));
		const frame = target.slice(
			0,
			new Compressor("auto").compressWithDictionary(dictionary, after, target),
		);
		const room = new Uint8Array(after.length + 100).fill(0xee);
		const other = concat(new Uint8Array(8), prose(9, 1000));
		expect(() =>
			new Decompressor().decompressWithDictionary(
				other,
				frame,
				room.subarray(0, after.length),
			),
		).toThrow(CorruptError);
		expect(room.subarray(after.length)).toEqual(new Uint8Array(100).fill(0xee));
	});
});

describe("decompressor", () => {
	const source = prose(8, 20_000);
	const frame = compressed(source);
	const header = (flags: number, ...rest: (Uint8Array | number[])[]) =>
		concat([0x28, 0xb5, 0x2f, 0xfd, flags], ...rest);
	/** A last block of one byte repeated 128 KiB times: 4 bytes that become 131,072. */
	const bomb = [
		...[1 | (1 << 1) | (0x20000 << 3)].flatMap((n) => [
			n & 255,
			(n >> 8) & 255,
			(n >> 16) & 255,
		]),
		0,
	];

	const hostile: [string, Uint8Array, number][] = [
		["nothing", new Uint8Array(0), 0],
		["too few bytes for a header", frame.subarray(0, 5), source.length],
		["another magic number", concat([1], frame.subarray(1)), source.length],
		["a skippable frame", concat([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), 0],
		[
			"a frame that claims 2^63 bytes",
			header(0b1110_0000, le64(2n ** 63n), bomb),
			131_072,
		],
		[
			"a frame that claims 64 GiB",
			header(0b1110_0000, le64(2n ** 36n), bomb),
			131_072,
		],
		[
			"a frame with a window of 2^41 bytes and no content size",
			header(0, [31 << 3], bomb),
			131_072,
		],
		["a frame without content size", header(0, [0x38], bomb), 131_072],
		[
			"a frame that holds more than it claims",
			header(0b1010_0000, [4, 0, 0, 0], bomb),
			4,
		],
		[
			"a frame that holds less than it claims",
			header(0b1010_0000, [1, 0, 2, 0], bomb),
			131_073,
		],
		[
			"a frame that asks for a dictionary by id",
			header(0b1010_0001, [1], [0, 0, 2, 0], bomb),
			131_072,
		],
		[
			"a frame with a checksum",
			header(0b1010_0100, [0, 0, 2, 0], bomb, [0, 0, 0, 0]),
			131_072,
		],
		[
			"a frame with the reserved bit",
			header(0b1010_1000, [0, 0, 2, 0], bomb),
			131_072,
		],
		["a frame cut short", frame.subarray(0, frame.length - 1), source.length],
		["a frame with a byte behind it", concat(frame, [0]), source.length],
		["two frames", concat(frame, frame), source.length],
		[
			"a frame and an empty one",
			concat(frame, compressed(new Uint8Array(0))),
			source.length,
		],
		["content longer than expected", frame, source.length - 1],
		["content shorter than expected", frame, source.length + 1],
	];

	test("accepts the well-formed sibling of the crafted frames", () => {
		const good = header(0b1010_0000, [0, 0, 2, 0], bomb);
		expectBytes(decompressed(good, 131_072), new Uint8Array(131_072));
	});

	test.each(hostile)("T97 refuses %s", (_what, bytes, length) => {
		const room = new Uint8Array(length + 64).fill(0xee);
		const target = room.subarray(0, length);
		const dictionary = concat(new Uint8Array(8), source);
		expect(() => new Decompressor().decompress(bytes, target)).toThrow(
			CorruptError,
		);
		expect(() =>
			new Decompressor().decompressWithDictionary(dictionary, bytes, target),
		).toThrow(CorruptError);
		expect(room.subarray(length)).toEqual(new Uint8Array(64).fill(0xee));
	});

	test("any flipped bit gives an error or as many bytes as expected, and writes nothing beyond them", () => {
		const text = prose(1, 3000);
		const small = compressed(text);
		const decompressor = new Decompressor();
		const room = new Uint8Array(text.length + 64).fill(0xee);
		const outcomes = { refused: 0, other: 0 };
		for (let bit = 0; bit < small.length * 8; bit++) {
			const damaged = small.slice();
			damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
			try {
				expect(
					decompressor.decompress(damaged, room.subarray(0, text.length)),
				).toBe(text.length);
				outcomes.other++;
			} catch (error) {
				expect(error).toBeInstanceOf(CorruptError);
				outcomes.refused++;
			}
		}
		expect(room.subarray(text.length)).toEqual(new Uint8Array(64).fill(0xee));
		expect(outcomes.refused).toBeGreaterThan(0);
	});

	test("arbitrary bytes are refused", () => {
		const decompressor = new Decompressor();
		const target = new Uint8Array(1000);
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
				for (const candidate of [
					bytes,
					header(0b0110_0000, [0xe8, 0x02], bytes),
				])
					expect(
						outcome(() => decompressor.decompress(candidate, target)),
					).toBe("ok");
			}),
			{ numRuns: 300, seed: 1 },
		);
	});

	/** "ok" for a CorruptError or a result of the right length. */
	function outcome(run: () => number): string {
		try {
			return run() === 1000 ? "ok" : "wrong length";
		} catch (error) {
			return error instanceof CorruptError ? "ok" : String(error);
		}
	}
});

describe("probe", () => {
	const looksIncompressible = createProbe();
	const random = new Uint8Array(randomBytes(1024 * 1024));

	test("knows random and compressed bytes", () => {
		expect(looksIncompressible(random)).toBe(true);
		const deflated = deflateRawSync(prose(1, 3_000_000));
		expect(deflated.length).toBeGreaterThan(100_000);
		expect(looksIncompressible(new Uint8Array(deflated))).toBe(true);
	});

	test("never takes text for incompressible, not even dense text of any length", () => {
		fc.assert(
			fc.property(
				fc.nat(1000),
				fc.integer({ min: 0, max: 600_000 }),
				(seed, length) => {
					expect(looksIncompressible(prose(seed, length))).toBe(false);
					const base64 = Buffer.from(random.subarray(0, length)).toString(
						"base64",
					);
					expect(looksIncompressible(new TextEncoder().encode(base64))).toBe(
						false,
					);
				},
			),
			{ numRuns: 30, seed: 1 },
		);
	});

	test("sees a text of 136 KiB wherever it lies among random bytes", () => {
		const text = prose(1, 136 * 1024);
		for (let at = 0; at + text.length <= random.length; at += 9973) {
			const mixed = random.slice();
			mixed.set(text, at);
			expect(looksIncompressible(mixed)).toBe(false);
		}
	});

	test("lets short bytes be tried", () => {
		expect(looksIncompressible(random.subarray(0, 4095))).toBe(false);
		expect(looksIncompressible(random.subarray(0, 4096))).toBe(true);
	});
});

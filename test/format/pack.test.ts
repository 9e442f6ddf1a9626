import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ByteWriter,
	decodeDirectory,
	decodePackHeader,
	decodeTrailer,
	encodeDirectory,
	encodePackHeader,
	encodeTrailer,
	FrameKind,
	maxFrameRaw,
	type PackFrame,
	packHeaderBytes,
	scrubBlockBytes,
	trailerLength,
} from "../../packages/format/src/index.ts";
import { anyBytes, few, many } from "./arbitraries.ts";
import { readPack } from "./golden.ts";
import { xxh64 } from "./hashes.ts";
import { contentPack, metaPack, packOf } from "./samples.ts";
import {
	attempt,
	damaged,
	expectAllRefused,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
} from "./sturdy.ts";

const random = new Uint8Array(32).fill(7);
const directoryCodec = {
	decode: (bytes: Uint8Array) => decodeDirectory(bytes),
	encode: encodeDirectory,
};

describe("pack headers", () => {
	test.each([FrameKind.content, FrameKind.meta])(
		"kind %d comes back",
		(kind) => {
			const header = encodePackHeader(kind, random);
			expect(header.length).toBe(packHeaderBytes);
			expect(decodePackHeader(header)).toEqual({ kind });
		},
	);

	test("T04 a header that is cut off, or with any of its first 16 bytes changed, is refused, or of the other kind", () => {
		const header = encodePackHeader(FrameKind.content, random);
		for (const bytes of damaged(header)) {
			const read = attempt(decodePackHeader, bytes);
			const first = Buffer.compare(bytes.subarray(0, 9), header.subarray(0, 9));
			if (bytes.length < packHeaderBytes || first !== 0)
				expect(read).toBeUndefined();
		}
	});

	test.each([
		["pack-2-1", 8, 2],
		["pack-1-3", 9, 3],
		["pack-1-0", 9, 0],
	])("%s: an UnsupportedError that names it", (feature, at, byte) => {
		const header = encodePackHeader(FrameKind.content, random);
		header[at] = byte;
		expect(() => decodePackHeader(header)).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test("31 random bytes are too few", () => {
		expect(() => encodePackHeader(FrameKind.meta, new Uint8Array(31))).toThrow(
			"32",
		);
	});
});

const frames: fc.Arbitrary<PackFrame[]> = fc
	.array(
		fc.record({
			storedLength: fc.integer({ min: 21, max: 1 << 21 }),
			bases: fc.nat(2),
			lengths: fc.array(fc.integer({ min: 1, max: 1 << 18 }), {
				minLength: 1,
				maxLength: 20,
			}),
			fill: fc.nat(255),
		}),
		{ minLength: 1, maxLength: 10 },
	)
	.map((all) => {
		let offset = packHeaderBytes;
		return all.map(({ storedLength, bases, lengths, fill }) => {
			const frame = {
				offset,
				storedLength,
				rawLength: lengths.reduce((sum, length) => sum + length, 0),
				bases: new Uint8Array(32 * bases).fill(fill),
				ids: new Uint8Array(32 * lengths.length).fill(fill),
				lengths: Uint32Array.from(lengths),
			};
			offset += storedLength;
			return frame;
		});
	});

describe("pack directories", () => {
	test("any frames come back, one after the other from byte 48", () => {
		fc.assert(
			fc.property(frames, (all) => {
				const bytes = encodeDirectory(all);
				expect(decodeDirectory(bytes)).toEqual(all);
				const last = all.at(-1) as PackFrame;
				const end = last.offset + last.storedLength;
				expect(decodeDirectory(bytes, end)).toEqual(all);
				expect(() => decodeDirectory(bytes, end + 1)).toThrow(
					`instead of ${end + 1}`,
				);
			}),
			few,
		);
	});

	test("T04 with any byte changed or cut off it is refused, or is another directory", () => {
		expectSturdy(directoryCodec, encodeDirectory(metaPack.frames));
	});

	test("T04 whatever the bytes are, they are refused or are a directory", () => {
		fc.assert(
			fc.property(anyBytes(150), (bytes) =>
				expectCanonical(directoryCodec, Uint8Array.of(1, 30, 0, 1, ...bytes)),
			),
			many,
		);
	});

	const entry = (of: {
		frames?: number;
		storedLength?: number;
		chunks?: number;
		length?: number;
	}) => {
		const w = new ByteWriter();
		w.varint(of.frames ?? 1);
		w.varint(of.storedLength ?? 100);
		w.varint(0);
		w.varint(of.chunks ?? 1);
		w.varint(of.length ?? 10);
		w.zeros(32);
		return w.finish();
	};

	test("the entry by hand is accepted", () => {
		expect(decodeDirectory(entry({}))).toHaveLength(1);
	});

	test.each([
		["no frame", Uint8Array.of(0)],
		["a frame of 20 bytes", entry({ storedLength: 20 })],
		["a frame of 128 MiB", entry({ storedLength: 128 << 20 })],
		["a frame without chunks", entry({ chunks: 0 })],
		["a chunk of no bytes", entry({ length: 0 })],
		["a chunk over 64 MiB", entry({ length: maxFrameRaw + 1 })],
	])("%s: a CorruptError", (_, bytes) => {
		expect(() => decodeDirectory(bytes)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test.each([
		["frames", entry({ frames: Number.MAX_SAFE_INTEGER })],
		["frames in 36 bytes", entry({ frames: 3 })],
		["chunks", entry({ chunks: Number.MAX_SAFE_INTEGER })],
		["chunks in 33 bytes", entry({ chunks: 65_535 })],
	])(
		"T97 too many %s are refused before anything is made for them",
		(_, bytes) => {
			expectRefusedCheaply((b) => decodeDirectory(b), bytes);
		},
	);
});

describe("trailers", () => {
	const ends = {
		directoryOffset: 1000,
		coveredLength: 3 * scrubBlockBytes - 5,
	};
	const trailer = encodeTrailer([1n, 2n ** 64n - 1n, 3n], ends, xxh64);
	const size = ends.coveredLength + trailer.length;
	const decode = (bytes: Uint8Array) => decodeTrailer(bytes, size, xxh64);

	test("a trailer comes back, alone or behind other bytes", () => {
		const expected = {
			...ends,
			blocks: [1n, 2n ** 64n - 1n, 3n],
			length: trailer.length,
		};
		expect(decode(trailer)).toEqual(expected);
		expect(decode(Uint8Array.of(1, 2, 3, ...trailer))).toEqual(expected);
		expect(trailerLength(trailer.subarray(-40))).toBe(trailer.length);
		expect(trailerLength(trailer.subarray(-40), size)).toBe(trailer.length);
	});

	test("T04 with any byte changed or cut off it is refused", () => {
		expectAllRefused(decode, trailer);
	});

	test("T04 of a pack of another size it is refused", () => {
		for (const other of [0, 40, size - 1, size + 1])
			expect(() => decodeTrailer(trailer, other, xxh64)).toThrow("damaged");
	});

	test.each([
		["a directory before the first frame", { ...ends, directoryOffset: 47 }],
		[
			"a directory at the end of what is covered",
			{ ...ends, directoryOffset: ends.coveredLength - 15 },
		],
	])("T04 %s is refused, though the checksum is right", (_, wrong) => {
		expect(() => decode(encodeTrailer([1n, 2n, 3n], wrong, xxh64))).toThrow(
			"damaged",
		);
	});

	test("T04 a footer of fewer than 40 bytes is refused", () => {
		for (let length = 0; length < 40; length++)
			expect(() => trailerLength(trailer.subarray(-40, length - 40))).toThrow(
				"pack footer",
			);
	});

	test("T97 a footer that claims 2^32 - 1 blocks is refused before they are read", () => {
		const footer = trailer.slice(-40);
		new DataView(footer.buffer).setUint32(16, 0xffff_ffff, true);
		expectRefusedCheaply((b) => trailerLength(b), footer);
		expectRefusedCheaply(decode, footer);
	});

	test("T97 a footer that claims a pack larger than it is is refused", () => {
		const footer = trailer.slice(-40);
		expect(() => trailerLength(footer, size - 1)).toThrow("damaged");
	});
});

describe("packs", () => {
	test("any chunks come back by header, trailer and directory", () => {
		const chunk = fc.uint8Array({ minLength: 1, maxLength: 100 });
		const contents = fc.array(fc.array(chunk, { minLength: 1, maxLength: 5 }), {
			minLength: 1,
			maxLength: 5,
		});
		fc.assert(
			fc.property(contents, (all) => {
				const pack = packOf(FrameKind.meta, all);
				expect(readPack(pack.bytes)).toEqual({
					kind: FrameKind.meta,
					frames: pack.frames,
				});
			}),
			few,
		);
	});

	test("T04 a pack that is cut off anywhere is refused", () => {
		const { bytes } = contentPack;
		for (let length = 0; length < bytes.length; length++)
			expect(attempt(readPack, bytes.subarray(0, length))).toBeUndefined();
	});

	test("a pack of more than 1 MiB has a checksum for each MiB", () => {
		const { bytes } = packOf(FrameKind.content, [
			[new Uint8Array(scrubBlockBytes + 1)],
		]);
		expect(decodeTrailer(bytes, bytes.length, xxh64).blocks).toHaveLength(2);
	});
});

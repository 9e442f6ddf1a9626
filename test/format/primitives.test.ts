import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../packages/format/src/base64.ts";
import {
	ByteReader,
	ByteWriter,
	compareBytes,
	crc32,
	equalBytes,
	fromHex,
	fromUtf8,
	idAt,
	parseChunkId,
	parseLeaseId,
	toHex,
	utf8,
} from "../../packages/format/src/index.ts";
import { anyBytes, few, many } from "./arbitraries.ts";
import { sha256Hex, xxh64 } from "./hashes.ts";
import { attempt, bytesOf, expectCanonical, hex } from "./sturdy.ts";

const written = (write: (w: ByteWriter) => void) => {
	const w = new ByteWriter(0);
	write(w);
	return w.finish();
};
const varint = (value: number) => written((w) => w.varint(value));
const readVarint = (bytes: Uint8Array) => {
	const r = new ByteReader(bytes, "number");
	const value = r.varint();
	r.end();
	return value;
};

describe("varint", () => {
	test.each([
		[0, "00"],
		[1, "01"],
		[127, "7f"],
		[128, "8001"],
		[300, "ac02"],
		[2 ** 31 - 1, "ffffffff07"],
		[2 ** 31, "8080808008"],
		[2 ** 32 + 1, "8180808010"],
		[Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
	])("%d is %s", (value, expected) => {
		expect(hex(varint(value))).toBe(expected);
		expect(readVarint(varint(value))).toBe(value);
	});

	test("every number up to 2^53 - 1 comes back", () => {
		const numbers = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
		fc.assert(
			fc.property(numbers, (n) => readVarint(varint(n)) === n),
			many,
		);
	});

	test("bytes that are accepted are the shortest form of their number", () => {
		const codec = { decode: readVarint, encode: varint };
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) =>
				expectCanonical(codec, bytes),
			),
			many,
		);
	});

	test.each(["8000", "ff00", "80808000", "8080808080808000"])(
		"the overlong %s is refused",
		(text) => {
			expect(attempt(readVarint, fromHex(text))).toBeUndefined();
		},
	);

	test.each([
		"ffffffffffffff10",
		"8080808080808010",
		"ffffffffffffffffff01",
		"80".repeat(1000),
	])("%s, over 2^53 - 1, is refused", (text) => {
		expect(attempt(readVarint, fromHex(text))).toBeUndefined();
	});

	test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
		"%d is not written",
		(value) => {
			expect(() => varint(value)).toThrow("not a whole number");
		},
	);
});

describe("ByteWriter and ByteReader", () => {
	test("numbers of fixed width are little endian", () => {
		const bytes = written((w) => {
			w.u8(0x12);
			w.u16(0x1234);
			w.u32(0x89abcdef);
			w.u64(0x1f_ffff_ffff_fffe);
			w.big64(-2n);
		});
		expect(hex(bytes)).toBe("123412efcdab89feffffffffff1f00feffffffffffffff");
		const r = new ByteReader(bytes, "numbers");
		expect([r.u8(), r.u16(), r.u32(), r.u64(), r.big64()]).toEqual([
			0x12,
			0x1234,
			0x89abcdef,
			0x1f_ffff_ffff_fffe,
			2n ** 64n - 2n,
		]);
		r.end();
	});

	test("blocks and texts come back, however long", () => {
		const texts = fc.array(fc.string({ unit: "binary", maxLength: 100 }));
		fc.assert(
			fc.property(texts, anyBytes(3000), (all, block) => {
				const bytes = written((w) => {
					for (const text of all) w.text(text);
					w.block(block);
				});
				const r = new ByteReader(bytes, "texts");
				expect(all.map(() => r.text())).toEqual(all);
				expect(equalBytes(r.block(), block)).toBe(true);
				r.end();
			}),
			few,
		);
	});

	test("a writer that was reset writes zeros where it is told to", () => {
		const w = new ByteWriter();
		w.bytes(new Uint8Array(20).fill(0xff));
		w.reset();
		w.zeros(3);
		w.hex("00ff");
		expect(hex(w.finish())).toBe("00000000ff");
	});

	test.each([
		["a number", (r: ByteReader) => r.u32()],
		["a block", (r: ByteReader) => r.block()],
		["bytes", (r: ByteReader) => r.bytes(2 ** 53)],
		["a count", (r: ByteReader) => r.count(2, "things")],
		["zeros", (r: ByteReader) => r.zeros(1)],
		["an end", (r: ByteReader) => r.end()],
		["a 53-bit number", (r: ByteReader) => r.u64()],
	])("%s that is not there is refused", (_, read) => {
		const r = new ByteReader(Uint8Array.of(3, 1, 1), "three bytes");
		expect(() => read(r)).toThrow(/^three bytes /);
	});

	test("a reader cannot begin outside its bytes", () => {
		expect(() => new ByteReader(new Uint8Array(3), "it", -1)).toThrow("it is");
		expect(() => new ByteReader(new Uint8Array(3), "it", 4)).toThrow("it is");
	});

	test("text that is not UTF-8 is refused", () => {
		const r = new ByteReader(Uint8Array.of(1, 0xff), "text");
		expect(() => r.text()).toThrow("not valid UTF-8");
		expect(() => fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80), "it")).toThrow("it");
	});

	test("a byte order mark is a character like others", () => {
		expect(fromUtf8(utf8("\ufeffa"), "it")).toBe("\ufeffa");
	});
});

describe("compareBytes", () => {
	test("agrees with memcmp", () => {
		fc.assert(
			fc.property(anyBytes(6), anyBytes(6), (a, b) => {
				expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
				expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
			}),
			many,
		);
	});
});

describe("hex", () => {
	test("agrees with Buffer, both ways, for any part", () => {
		fc.assert(
			fc.property(anyBytes(80), fc.nat(80), (bytes, from) => {
				const start = Math.min(from, bytes.length);
				const text = Buffer.from(bytes.subarray(start)).toString("hex");
				expect(toHex(bytes, start)).toBe(text);
				expect(hex(fromHex(text))).toBe(text);
			}),
			few,
		);
	});

	test.each([
		"0",
		"0G",
		"AB",
		"ab ",
		" ab",
		"\u0130\u0130",
		"zz",
		"a\u0100",
		"0x12",
	])("%j is refused", (text) => {
		expect(() => fromHex(text)).toThrow("not lower-case hex");
	});
});

describe("ids", () => {
	test.each(["", "a".repeat(63), "A".repeat(64), `${"a".repeat(64)}\n`])(
		"%j is none",
		(text) => {
			expect(() => parseChunkId(text)).toThrow("not a chunk id");
			expect(() => parseLeaseId(text)).toThrow("not a lease id");
		},
	);

	test("an id that is cut off is refused", () => {
		expect(idAt(new Uint8Array(33), 1)).toBe("0".repeat(64));
		expect(() => idAt(new Uint8Array(33), 2)).toThrow("cut off");
	});
});

describe("base64", () => {
	test("agrees with Buffer, both ways", () => {
		fc.assert(
			fc.property(anyBytes(50), (bytes) => {
				const text = Buffer.from(bytes).toString("base64");
				expect(toBase64(bytes)).toBe(text);
				expect(hex(fromBase64(text))).toBe(hex(bytes));
			}),
			few,
		);
	});

	test("a text that is accepted is the only one for its bytes", () => {
		const texts = fc.string({
			unit: fc.constantFrom(..."AAaz09+/==- \n"),
			maxLength: 8,
		});
		const decode = (bytes: Uint8Array) => fromBase64(fromUtf8(bytes, "it"));
		const encode = (bytes: Uint8Array) => utf8(toBase64(bytes));
		fc.assert(
			fc.property(texts, (text) =>
				expectCanonical({ decode, encode }, utf8(text)),
			),
			many,
		);
	});

	test.each([
		"A",
		"AA",
		"AAA",
		"=",
		"====",
		"A===",
		"AB==",
		"AAB=",
		"AA=A",
		"AA==AA==",
	])("%j is refused", (text) => {
		expect(() => fromBase64(text)).toThrow("not base64");
	});
});

describe("checksums", () => {
	test.each([
		["", 0],
		["a", 0xe8b7be43],
		["123456789", 0xcbf43926],
	])("the CRC-32 of %j is that of zip", (text, sum) => {
		expect(crc32(bytesOf(text))).toBe(sum);
		expect(crc32(bytesOf(`x${text}y`), 1, 1 + text.length)).toBe(sum);
	});

	test.each([
		["", 0xef46db3751d8e999n],
		["a", 0xd24ec4f1a98c6e5bn],
		["abc", 0x44bc2cf5ad770999n],
		["xxhash", 0x32dd38952c4bc720n],
		[
			"Call me Ishmael. Some years ago--never mind how long precisely-",
			0x02a2e85470d6fd96n,
		],
	])("the XXH64 used in these tests is right for %j", (text, sum) => {
		expect(xxh64(bytesOf(text))).toBe(sum);
	});

	test("the SHA-256 used in these tests is right", () => {
		expect(sha256Hex(bytesOf("abc"))).toMatch(/^ba7816bf.*f20015ad$/);
	});
});

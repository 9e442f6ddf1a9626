import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	compareNames,
	decodeName,
	encodeName,
	isPlainName,
	pathFields,
	pathOfFields,
	printableName,
	sortNames,
} from "../../packages/format/src/index.ts";
import { anyBytes, few, many } from "./arbitraries.ts";
import { hex } from "./sturdy.ts";

/** Bytes that are often the beginning, the middle or the end of UTF-8 sequences, valid or nearly so. */
const trickyBytes = fc
	.array(
		fc.oneof(
			fc.constantFrom(
				[0xed, 0xa0, 0x80],
				[0xed, 0xb0, 0x80],
				[0xed, 0x9f, 0xbf],
				[0xc0, 0x80],
				[0xe0, 0x80, 0x80],
				[0xef, 0xbf, 0xbd],
				[0xef, 0xbb, 0xbf],
				[0xf0, 0x9f, 0x98, 0x80],
				[0xf4, 0x90, 0x80, 0x80],
				[0xf4, 0x8f, 0xbf, 0xbf],
				[0xf0, 0x80, 0x80, 0x80],
				[0xc3, 0xa9],
				[0x41],
			),
			fc.array(fc.nat(255), { maxLength: 3 }),
			fc.constantFrom([0x80], [0xbf], [0xc3], [0xe2, 0x82], [0xf0, 0x9f]),
		),
		{ maxLength: 8 },
	)
	.map((parts) => Uint8Array.from(parts.flat()));

const isUtf8 = (bytes: Uint8Array) =>
	Buffer.compare(Buffer.from(Buffer.from(bytes).toString()), bytes) === 0;

describe("names", () => {
	test("T66 any bytes have one text, and that text has these bytes", () => {
		fc.assert(
			fc.property(fc.oneof(anyBytes(20), trickyBytes), (bytes) => {
				const name = decodeName(bytes);
				expect(hex(encodeName(name))).toBe(hex(bytes));
				expect(isPlainName(name)).toBe(isUtf8(bytes));
			}),
			many,
		);
	});

	test("T66 every single byte and every pair of bytes come back", () => {
		for (let i = 0; i < 65_536; i++) {
			const bytes = i < 256 ? Uint8Array.of(i) : Uint8Array.of(i >> 8, i);
			if (hex(encodeName(decodeName(bytes))) !== hex(bytes))
				expect.fail(`${hex(bytes)} does not come back`);
		}
	});

	test("T66 texts of UTF-8 are the texts everybody knows", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary" }), (text) => {
				const bytes = new Uint8Array(Buffer.from(text));
				expect(decodeName(bytes)).toBe(text);
				expect(hex(encodeName(text))).toBe(hex(bytes));
			}),
			few,
		);
	});

	test.each([
		["eda080", "\udced\udca0\udc80"],
		["edb080", "\udced\udcb0\udc80"],
		["eda080edb080", "\udced\udca0\udc80\udced\udcb0\udc80"],
		["c3", "\udcc3"],
		["c3a9", "\u00e9"],
		["f09f9880ff", "\u{1f600}\udcff"],
		["f09f98", "\udcf0\udc9f\udc98"],
		["c080", "\udcc0\udc80"],
		["f4908080", "\udcf4\udc90\udc80\udc80"],
		["efbbbf61", "\ufeffa"],
		["6100ff2f", "a\0\udcff/"],
	])("T66 %s has each byte that is not UTF-8 escaped", (bytes, text) => {
		expect(decodeName(new Uint8Array(Buffer.from(bytes, "hex")))).toBe(text);
		expect(hex(encodeName(text))).toBe(bytes);
	});

	test.each([
		"\ud800",
		"a\udc00",
		"\udc7f",
		"\udd00",
		"\ud83dx",
		"\ude00\ud83d",
	])("%j is no name: it has half a character", (text) => {
		expect(isPlainName(text)).toBe(false);
		expect(() => encodeName(text)).toThrow("half a character");
	});

	test("a name is printed with U+FFFD for each byte that is not UTF-8", () => {
		expect(printableName("a\udcff\u{1f600}\udc80")).toBe(
			"a\ufffd\u{1f600}\ufffd",
		);
		expect(printableName("\u00e9")).toBe("\u00e9");
	});

	test("a name of 1 MiB of stray bytes is decoded and encoded in time", () => {
		const bytes = new Uint8Array(1 << 20).fill(0xf0);
		expect(encodeName(decodeName(bytes)).length).toBe(1 << 20);
	});
});

const anyName = fc
	.oneof(
		anyBytes(5),
		trickyBytes,
		fc
			.string({ unit: "binary", maxLength: 3 })
			.map((s) => new Uint8Array(Buffer.from(s))),
	)
	.map(decodeName);

describe("order of names", () => {
	test("compareNames is the order of bytes", () => {
		fc.assert(
			fc.property(anyName, anyName, (a, b) => {
				const order = Buffer.compare(encodeName(a), encodeName(b));
				expect(Math.sign(compareNames(a, b))).toBe(order);
			}),
			many,
		);
	});

	test("sortNames sorts by bytes, in place", () => {
		fc.assert(
			fc.property(fc.array(anyName, { maxLength: 20 }), (names) => {
				const expected = [...names].sort((a, b) =>
					Buffer.compare(encodeName(a), encodeName(b)),
				);
				expect(sortNames(names)).toBe(names);
				expect(names).toEqual(expected);
			}),
			few,
		);
	});

	test("where UTF-16 and bytes disagree, bytes win", () => {
		const fullwidth = "\uff5e";
		const smile = "\u{1f600}";
		expect([smile, fullwidth].sort()).toEqual([smile, fullwidth]);
		expect(sortNames([smile, fullwidth])).toEqual([fullwidth, smile]);
		expect(sortNames(["\u00e9", "\udc80"])).toEqual(["\udc80", "\u00e9"]);
	});
});

describe("paths in JSON", () => {
	test("any path comes back", () => {
		fc.assert(
			fc.property(anyName, (path) => {
				const fields = pathFields(path);
				expect(fields.path.isWellFormed()).toBe(true);
				expect(pathOfFields(JSON.parse(JSON.stringify(fields)))).toBe(path);
			}),
			few,
		);
	});

	test.each([
		[{ path: "\udcff" }],
		[{ path: "a", path_b64: "YQ==" }],
		[{ path: "b", path_b64: "/w==" }],
		[{ path: "\ufffd", path_b64: "/x==" }],
		[{ path: "\ufffd", path_b64: "/w=" }],
	])("%j is refused: pathFields does not make it", (fields) => {
		expect(() => pathOfFields(fields)).toThrow(/do not agree|not base64/);
	});
});

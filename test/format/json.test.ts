import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	canonicalJson,
	decodeChecked,
	decodeFields,
	encodeChecked,
	Fields,
	fromUtf8,
	type Json,
	utf8,
} from "../../packages/format/src/index.ts";
import { few } from "./arbitraries.ts";
import { sha256Hex } from "./hashes.ts";
import { expectAllRefused } from "./sturdy.ts";

const parse = (text: string) => decodeFields(utf8(text), "it").value;

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
	value: fc.oneof(
		{ maxDepth: 4 },
		fc.constant(null),
		fc.boolean(),
		fc.maxSafeInteger().map((n) => n + 0),
		fc.string({ unit: "binary" }),
		fc.array(tie("value"), { maxLength: 4 }),
		fc.dictionary(fc.string({ unit: "binary" }), tie("value"), { maxKeys: 4 }),
	),
})).value;

const members = fc.dictionary(fc.string({ unit: "binary" }), json, {
	maxKeys: 6,
});

describe("canonical JSON", () => {
	test.each([
		[{}, "{}"],
		[{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
		[
			{ B: 1, a: 2, "1": 3, "10": 4, "2": 5 },
			'{"1":3,"10":4,"2":5,"B":1,"a":2}',
		],
		[{ gone: undefined, kept: 0 }, '{"kept":0}'],
		[
			{ t: '\u0000\u001f"\\/\b\f\n\r\t\u007f\u2028\u00e9\u{1f600}' },
			'{"t":"\\u0000\\u001f\\"\\\\/\\b\\f\\n\\r\\t\u007f\u2028\u00e9\u{1f600}"}',
		],
		[{ t: "\udc80x" }, '{"t":"\\udc80x"}'],
		[{ n: -9007199254740991 }, '{"n":-9007199254740991}'],
		[{ n: -0 }, '{"n":0}'],
	])("%j has one text", (value, text) => {
		expect(canonicalJson(value)).toBe(text);
	});

	test("any object comes back from its text, and the text from the object", () => {
		fc.assert(
			fc.property(members, (value) => {
				const text = canonicalJson(value);
				const read = parse(text);
				expect(canonicalJson(read)).toBe(text);
				expect(read).toEqual(JSON.parse(JSON.stringify(value)));
			}),
			few,
		);
	});

	test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)])(
		"the number %d is not written",
		(n) => {
			expect(() => canonicalJson({ n })).toThrow("not a whole number");
		},
	);

	test.each([
		' {"a":1}',
		'{"a":1} ',
		'{"a":1}\n',
		'{"a": 1}',
		'{"b":1,"a":2}',
		'{"a":1,"a":1}',
		'{"a":1.0}',
		'{"a":1e2}',
		'{"a":-0}',
		'{"a":0.5}',
		'{"a":9007199254740993}',
		'{"a":1e999}',
		'{"\\u0061":1}',
		'{"a":"\\u00e9"}',
		'{"a":"\\/"}',
		'{"a":"\\u001F"}',
		"\ufeff{}",
		"[]",
		"null",
		"1",
		'"a"',
		"",
		"{",
		"{}{}",
	])("%j is refused", (text) => {
		expect(() => parse(text)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test("members with names of the language are members like others", () => {
		const text = '{"__proto__":{"a":1},"constructor":2,"toString":3}';
		const fields = decodeFields(utf8(text), "it");
		expect(fields.fields("__proto__").count("a")).toBe(1);
		expect(fields.count("constructor")).toBe(2);
		expect(fields.has("hasOwnProperty")).toBe(false);
		expect(() => fields.string("valueOf")).toThrow("not a text");
	});

	test("T97 100,000 brackets in each other are refused, not followed", () => {
		for (const [open, close] of [
			["[", "]"],
			['{"a":', "}"],
		] as const) {
			const text = `{"a":${open.repeat(100_000)}0${close.repeat(100_000)}}`;
			expect(() => parse(text)).toThrow(
				expect.objectContaining({ name: "CorruptError" }),
			);
		}
	});

	test("what is sealed is an UnsupportedError that says so", () => {
		const sealed = utf8(`VARVESLD${"\0".repeat(100)}`);
		expect(() => decodeFields(sealed, "it")).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature: "sealed" },
			}),
		);
	});
});

describe("objects with a checksum of themselves", () => {
	const decode = (bytes: Uint8Array) => decodeChecked(bytes, "it", sha256Hex);

	test("any object comes back", () => {
		fc.assert(
			fc.property(members, (value) => {
				const { check, ...rest } = decode(
					encodeChecked(value, sha256Hex),
				).value;
				const { check: _, ...expected } = value;
				expect(rest).toEqual(JSON.parse(JSON.stringify(expected)));
				expect(check).toMatch(/^[0-9a-f]{64}$/);
			}),
			few,
		);
	});

	test("T04 with any byte changed or cut off it is refused", () => {
		expectAllRefused(
			decode,
			encodeChecked({ a: "text", b: [1, { c: null }] }, sha256Hex),
		);
	});

	test("the checksum is that of the bytes without the member itself", () => {
		const bytes = encodeChecked({ a: 1, z: 2 }, sha256Hex);
		const text = fromUtf8(bytes, "it");
		const check = /"check":"([0-9a-f]{64})",/.exec(text);
		expect(sha256Hex(utf8(text.replace(check?.[0] ?? "", "")))).toBe(
			check?.[1],
		);
	});
});

describe("Fields", () => {
	const fields = new Fields(
		{ t: "x", n: -1, b: true, l: ["x", 1], o: {}, z: null },
		"it",
	);

	test.each([
		["n", () => fields.count("n")],
		["t", () => fields.count("t")],
		["t", () => fields.integer("t")],
		["n", () => fields.integer("n", { least: 0, most: 5 })],
		["n", () => fields.string("n")],
		["t", () => fields.boolean("t")],
		["l", () => fields.strings("l")],
		["o", () => fields.list("o")],
		["t", () => fields.time("t")],
		["t", () => fields.hash("t")],
		["z", () => fields.string("z")],
		["gone", () => fields.string("gone")],
	])(
		"a member %s of another type is a CorruptError that names it",
		(key, read) => {
			expect(read).toThrow(`it is damaged: member ${key} is not`);
		},
	);

	test("an object in an object is named in errors", () => {
		expect(() => fields.fields("o").string("x")).toThrow(
			"it, member o is damaged: member x",
		);
		expect(() => fields.fieldsList("l")).toThrow("member l[0]");
	});

	test.each([
		"2026-01-02T03:04:05.678Z",
		"2026-01-02T03:04:05.000-11:30",
		"1969-12-31T23:59:59.999+00:00",
	])("%s is a time", (t) => {
		expect(new Fields({ t }, "it").time("t")).toBe(t);
	});

	test.each([
		"2026-01-02T03:04:05Z",
		"2026-01-02",
		"2026-13-02T03:04:05.678Z",
		"2026-01-02T25:04:05.678Z",
		"2026-01-02T03:04:05.678",
		"2026-01-02T03:04:05.678Z\n",
		"2026-01-02t03:04:05.678z",
		"",
	])("%j is none", (t) => {
		expect(() => new Fields({ t }, "it").time("t")).toThrow("not a time");
	});
});

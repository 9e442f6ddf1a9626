import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ByteReader,
	ByteWriter,
	type Content,
	contentLength,
	decodeItemHeaders,
	decodeList,
	emptyContent,
	encodeItemHeaders,
	encodeList,
	ItemKind,
} from "../../packages/format/src/index.ts";
import { few, listContent, many } from "./arbitraries.ts";
import { spanList } from "./samples.ts";
import {
	bytesOf,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
} from "./sturdy.ts";

const codec = { decode: decodeList, encode: encodeList };
const { zeros, chunk, list } = ItemKind;
const items = (
	kinds: readonly ItemKind[],
	lengths: readonly number[],
): Content => ({
	kinds,
	lengths,
	ids: new Uint8Array(32 * kinds.filter((kind) => kind !== zeros).length),
});
/** A list object of these headers and ids, whatever they say. */
function listOf(count: number, headers: readonly number[], ids: number) {
	const w = new ByteWriter();
	w.bytes(bytesOf("VL1\0"));
	w.varint(count);
	for (const header of headers) w.varint(header);
	w.zeros(32 * ids);
	return w.finish();
}

describe("lists", () => {
	test("any items come back", () => {
		fc.assert(
			fc.property(listContent, (content) => {
				expect(decodeList(encodeList(content))).toEqual(content);
			}),
			few,
		);
	});

	test("4,096 items, as many as a span of small chunks has, come back", () => {
		const content = items(Array(4096).fill(chunk), Array(4096).fill(16_384));
		expect(decodeList(encodeList(content))).toEqual(content);
		expect(contentLength(content)).toBe(64 << 20);
	});

	test("T04 with any byte changed or cut off a list is refused, or is another list", () => {
		expectSturdy(codec, encodeList(spanList));
	});

	test("T04 whatever follows VL1 is refused, or is a list", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 120 }), (rest) =>
				expectCanonical(codec, Uint8Array.of(0x56, 0x4c, 0x31, 0, ...rest)),
			),
			many,
		);
	});

	test.each([
		["nothing", emptyContent],
		["a list", items([list], [100])],
		["zeros next to zeros", items([zeros, zeros], [65_536, 65_536])],
		["a run of 65,535 zeros", items([zeros], [65_535])],
		["an item of no length", items([chunk], [0])],
		["too few ids", { ...items([chunk], [1]), ids: new Uint8Array(0) }],
		["more kinds than lengths", items([chunk, chunk], [1])],
	])("%s: not encoded", (_, content) => {
		expect(() => encodeList(content)).toThrow(/^a list /);
	});

	test.each([
		["nothing", listOf(0, [], 0)],
		["a list in a list", listOf(1, [100 * 4 + list], 1)],
		["an item of kind 3", listOf(1, [4 + 3], 1)],
		["an item of no length", listOf(1, [chunk], 1)],
		["a run of 65,535 zeros", listOf(1, [65_535 * 4], 0)],
		["zeros next to zeros", listOf(2, [65_536 * 4, 65_536 * 4], 0)],
		["too few ids", listOf(1, [4 + chunk], 0)],
		["too many ids", listOf(1, [4 + chunk], 2)],
		["too few items", listOf(2, [4 + chunk], 1)],
	])("%s: a CorruptError", (_, bytes) => {
		expect(() => decodeList(bytes)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test("another version is an UnsupportedError that names it", () => {
		expect(() => decodeList(bytesOf("VL7\0"))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature: "list-7" },
			}),
		);
	});

	test.each([Number.MAX_SAFE_INTEGER, 2 ** 32, 1_000_000])(
		"T97 a count of %d items is refused before anything is made for them",
		(count) => {
			expectRefusedCheaply(decodeList, listOf(count, [5, 5, 5], 3));
		},
	);

	test("T97 a list of 16 MiB that claims an item for each byte is refused before items are made", () => {
		const w = new ByteWriter();
		w.bytes(bytesOf("VL1\0"));
		w.varint(16 << 20);
		w.zeros(17 << 20);
		expectRefusedCheaply(decodeList, w.finish());
	});
});

describe("item headers", () => {
	test("come back, whatever stands next to what: workers send them before spans are joined", () => {
		const content = items([zeros, zeros, list, chunk], [1, 2, 3, 2 ** 51 - 1]);
		const w = new ByteWriter();
		encodeItemHeaders(w, content);
		const { kinds, lengths, idCount } = decodeItemHeaders(
			new ByteReader(w.finish(), "headers"),
			4,
		);
		expect({ kinds, lengths, idCount }).toEqual({
			kinds: content.kinds,
			lengths: content.lengths,
			idCount: 2,
		});
	});

	test("a file of 2^51 bytes has no header", () => {
		const w = new ByteWriter();
		expect(() => encodeItemHeaders(w, items([zeros], [2 ** 51]))).toThrow();
	});
});

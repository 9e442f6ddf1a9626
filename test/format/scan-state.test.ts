import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ByteWriter,
	beginScanPiece,
	compareBytes,
	compareWalkOrder,
	decodeScanPiece,
	encodeScanBlock,
	equalBytes,
	type ScanBlock,
	scanRowBytes,
	utf8,
} from "../../packages/format/src/index.ts";
import { few, many, nodeName, nodePath } from "./arbitraries.ts";
import { encodeScan, scanBlocks } from "./samples.ts";
import {
	bytesOf,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
} from "./sturdy.ts";

const codec = {
	decode: (bytes: Uint8Array) => [...decodeScanPiece(bytes)],
	encode: encodeScan,
};
const block = (
	path: string,
	names: string,
	more: Partial<ScanBlock> = {},
): ScanBlock => {
	const count = names === "" ? 0 : names.split("\0").length;
	const rows = new Uint8Array(count * scanRowBytes).fill(count);
	return {
		root: 0,
		path: utf8(path),
		page: 0,
		count,
		names: utf8(names),
		rows,
		...more,
	};
};
/** The bytes of a piece, whatever the blocks say. */
function pieceOf(...blocks: readonly ScanBlock[]): Uint8Array {
	const w = new ByteWriter();
	beginScanPiece(w);
	for (const { root, path, page, count, names, rows } of blocks) {
		w.varint(root);
		w.block(path);
		w.varint(page);
		w.varint(count);
		w.block(names);
		w.bytes(rows);
	}
	return w.finish();
}

const blocks: fc.Arbitrary<ScanBlock[]> = fc
	.array(
		fc.record({
			root: fc.nat(2),
			path: fc.oneof(fc.constant(new Uint8Array(0)), nodePath),
			page: fc.nat(3),
			names: fc.uniqueArray(nodeName, {
				minLength: 1,
				maxLength: 5,
				comparator: equalBytes,
			}),
			fill: fc.nat(255),
		}),
		{ minLength: 1, maxLength: 6 },
	)
	.map((all) =>
		all.map(({ names, fill, ...rest }) => ({
			...rest,
			count: names.length,
			names: new Uint8Array(
				Buffer.concat(
					names
						.sort(compareBytes)
						.flatMap((name, i) =>
							i === 0 ? [name] : [Uint8Array.of(0), name],
						),
				),
			),
			rows: new Uint8Array(names.length * scanRowBytes).fill(fill),
		})),
	)
	.map((all) => {
		const order = (a: ScanBlock, b: ScanBlock) =>
			a.root - b.root || compareWalkOrder(a.path, b.path) || a.page - b.page;
		return all
			.sort(order)
			.filter((one, i) => i === 0 || order(all[i - 1] as ScanBlock, one) !== 0);
	});

describe("pieces of the scan state", () => {
	test("any blocks come back", () => {
		fc.assert(
			fc.property(blocks, (all) => {
				expect([...decodeScanPiece(encodeScan(all))]).toEqual(all);
			}),
			few,
		);
	});

	test("a page of 8,192 entries comes back", () => {
		const names = Array.from({ length: 8192 }, (_, i) =>
			String(i).padStart(4, "0"),
		).join("\0");
		expect([...decodeScanPiece(encodeScan([block("a", names)]))]).toHaveLength(
			1,
		);
	});

	test("T04 with any byte changed or cut off it is refused, or is another piece", () => {
		expectSturdy(codec, encodeScan(scanBlocks));
	});

	test("T04 whatever follows VS1 is refused, or is a piece", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 60 }), (rest) =>
				expectCanonical(codec, Uint8Array.of(0x56, 0x53, 0x31, 0, ...rest)),
			),
			many,
		);
	});

	test.each([
		["nothing", []],
		["a block twice", [block("a", "x"), block("a", "x")]],
		["directories out of order", [block("b", "x"), block("a", "x")]],
		[
			"a directory after what is below it",
			[block("a/b", "x"), block("a", "x")],
		],
		["roots out of order", [block("a", "x", { root: 1 }), block("a", "x")]],
		["pages out of order", [block("a", "x", { page: 1 }), block("a", "y")]],
		["names out of order", [block("a", "y\0x")]],
		["a name twice", [block("a", "x\0x")]],
		["an empty name", [block("a", "x\0\0y")]],
		["a name with a slash", [block("a", "x/y")]],
		["the name ..", [block("a", "..")]],
		[
			"fewer names than entries",
			[block("a", "x", { count: 2, rows: new Uint8Array(88) })],
		],
		[
			"more names than entries",
			[block("a", "x\0y", { count: 1, rows: new Uint8Array(44) })],
		],
		[
			"names of no entries",
			[block("a", "x", { count: 0, rows: new Uint8Array(0) })],
		],
		["a second page of no entries", [block("a", "", { page: 1 })]],
		["an absolute path", [block("/a", "x")]],
		["a path upwards", [block("a/../b", "x")]],
		["rows that are cut off", [block("a", "x", { rows: new Uint8Array(43) })]],
		[
			"8,193 entries",
			[
				block(
					"a",
					Array.from({ length: 8193 }, (_, i) =>
						String(i).padStart(4, "0"),
					).join("\0"),
				),
			],
		],
	])("%s: a CorruptError", (_, all) => {
		expect(() => [...decodeScanPiece(pieceOf(...all))]).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test("columns that do not fit are not encoded", () => {
		const w = new ByteWriter();
		expect(() =>
			encodeScanBlock(w, block("a", "x", { rows: new Uint8Array(43) })),
		).toThrow("do not fit");
	});

	test("T97 a count of 2^53 - 1 entries is refused before anything is made for them", () => {
		const w = new ByteWriter();
		w.bytes(bytesOf("VS1\0\0\0\0"));
		w.varint(Number.MAX_SAFE_INTEGER);
		w.zeros(100);
		expectRefusedCheaply((bytes) => [...decodeScanPiece(bytes)], w.finish());
	});

	test("another version is an UnsupportedError that names it", () => {
		expect(() => [...decodeScanPiece(bytesOf("VS9\0"))]).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature: "scan-9" },
			}),
		);
	});
});

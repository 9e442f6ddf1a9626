import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	decodeBirths,
	decodeScanPiece,
	encodeBirths,
	isBirths,
} from "../../packages/format/src/index.ts";
import { few, many } from "./arbitraries.ts";
import { births, encodeScan, scanBlocks } from "./samples.ts";
import { expectCanonical, expectSturdy } from "./sturdy.ts";

const codec = {
	decode: decodeBirths,
	encode: ({ buffer }: BigInt64Array<ArrayBuffer>) =>
		encodeBirths(new Uint8Array(buffer)),
};

describe("birth times", () => {
	test("any come back", () => {
		fc.assert(
			fc.property(fc.bigInt64Array({ maxLength: 20 }), (times) => {
				const own = BigInt64Array.from(times);
				expect(decodeBirths(codec.encode(own))).toEqual(own);
			}),
			few,
		);
	});

	test("T04 with any byte changed or cut off they are refused, or are others", () => {
		expectSturdy(codec, codec.encode(births));
	});

	test("T04 whatever follows VB1 is refused, or is times", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 40 }), (rest) =>
				expectCanonical(codec, Uint8Array.of(0x56, 0x42, 0x31, 0, ...rest)),
			),
			many,
		);
	});

	test("stand in the list of the scan state, and are no block of it", () => {
		const piece = codec.encode(births);
		expect([...decodeScanPiece(piece)]).toEqual([]);
		expect(isBirths(piece)).toBe(true);
		expect(isBirths(encodeScan(scanBlocks))).toBe(false);
		expect(() => [...decodeScanPiece(piece.slice(0, -1))]).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test("a part of a time is not encoded", () => {
		expect(() => encodeBirths(new Uint8Array(7))).toThrow("7 bytes");
	});
});

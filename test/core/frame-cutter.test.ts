import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	coldSizes,
	isLargeDelta,
} from "../../packages/core/src/gc/cold/cold-frames.ts";
import {
	FrameCutter,
	type GatheredChunk,
} from "../../packages/core/src/gc/cold/frame-cutter.ts";

const sizes = { target: 1000, least: 500 };

function cut(lengths: readonly number[]): number[][] {
	const cutter = new FrameCutter(sizes);
	const frames: GatheredChunk[][] = [];
	for (const bytes of lengths) {
		const id = new Uint8Array(32);
		const frame = cutter.add({ id, places: [], bytes });
		if (frame !== undefined) frames.push(frame);
	}
	frames.push(...cutter.finish());
	return frames.map((frame) => frame.map(({ bytes }) => bytes));
}

const sum = (lengths: readonly number[]) => lengths.reduce((a, b) => a + b, 0);

describe("chunks are cut into cold frames", () => {
	test("all of them, in their order, none shorter than would count as cold but where all are", () => {
		fc.assert(
			fc.property(
				fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }),
				(lengths) => {
					const frames = cut(lengths);
					expect(frames.flat()).toEqual(lengths);
					if (sum(lengths) < sizes.least) return;
					for (const frame of frames) {
						expect(sum(frame)).toBeGreaterThanOrEqual(sizes.least);
						expect(sum(frame)).toBeLessThan(sizes.target + sizes.least + 300);
					}
				},
			),
		);
	});
});

describe("cold frames", () => {
	const chunker = { algorithm: "gear1", min: 1, average: 2, max: 0 } as const;
	const of = (frameBytes: number, max: number) =>
		coldSizes({ frameBytes, chunker: { ...chunker, max } });
	const KiB = 1024;
	const MiB = 1024 * KiB;

	test("are always longer than any that a writer makes, and never too long for a reader", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: KiB, max: 32 * MiB }),
				fc.integer({ min: 65, max: 16 * MiB }),
				(frameBytes, max) => {
					const found = of(frameBytes, max);
					if (found === undefined) return;
					expect(found.least).toBeGreaterThan(frameBytes + max);
					const longest = found.target + found.least + max;
					expect(longest).toBeLessThanOrEqual(64 * MiB);
				},
			),
		);
	});

	test("have 4 MiB where frames have one, and are not made where frames are as long as they can be", () => {
		expect(of(MiB, 256 * KiB)).toEqual({ target: 4 * MiB, least: 2 * MiB });
		expect(of(32 * MiB, 16 * MiB)).toBeUndefined();
	});

	test("take the place of differences of more than a 24th of the content", () => {
		expect(isLargeDelta({ storedLength: 101, rawLength: 2400 })).toBe(true);
		expect(isLargeDelta({ storedLength: 100, rawLength: 2400 })).toBe(false);
	});
});

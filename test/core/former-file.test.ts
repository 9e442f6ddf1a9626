import { idBytes } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormerFile } from "../../packages/core/src/snapshot/delta/former-file.ts";

const idOf = (n: number) => new Uint8Array(idBytes).fill(n);

/** A former file of chunks with these lengths; 0 stands for 1,000 zeros. The chunks' ids are 1, 2, 3, … */
function former(lengths: readonly number[], ids?: readonly number[]) {
	const starts: number[] = [];
	let at = 0;
	for (const length of lengths) {
		if (length > 0) starts.push(at);
		at += length === 0 ? 1000 : length;
	}
	const chunks = lengths.filter((length) => length > 0);
	const columns = {
		first: Uint32Array.of(0, 0, chunks.length),
		ids: new Uint8Array(
			Buffer.concat(chunks.map((_, i) => idOf(ids?.[i] ?? i + 1))),
		),
		starts: Float64Array.from(starts),
		lengths: Uint32Array.from(chunks),
	};
	expect(FormerFile.of(columns, 0, 0)).toBeUndefined();
	expect(FormerFile.of(undefined, 1, 0)).toBeUndefined();
	return FormerFile.of(columns, 1, 0) as FormerFile;
}

describe("what a chunk may resemble", () => {
	test("is what stood at the same place", () => {
		const file = former([100, 100, 100, 100]);
		expect(file.near(100, 100, 0)).toEqual({ from: 1, to: 2 });
		expect(file.near(150, 100, 0)).toEqual({ from: 1, to: 3 });
		expect(file.near(0, 1000, 0)).toEqual({ from: 0, to: 4 });
	});

	test("is what stood behind the chunk that both versions have", () => {
		const file = former([100, 100, 100, 100]);
		file.meet(idOf(2), 5000);
		expect(file.near(5100, 100, 0)).toEqual({ from: 2, to: 3 });
		file.meet(idOf(77), 5200);
		expect(file.near(5200, 50, 0)).toEqual({ from: 3, to: 4 });
		file.restart();
		expect(file.near(100, 100, 0)).toEqual({ from: 1, to: 2 });
	});

	test("is the next of several that are the same, where the content goes on", () => {
		const file = former([100, 100, 100, 100], [5, 6, 5, 7]);
		file.meet(idOf(6), 100);
		file.meet(idOf(5), 200);
		expect(file.near(300, 100, 0)).toEqual({ from: 3, to: 4 });
	});

	test("is nothing behind the end and where zeros stood", () => {
		const file = former([100, 0, 100]);
		expect(file.near(1200, 100, 0)).toMatchObject({ from: 2, to: 2 });
		const { from, to } = file.near(300, 100, 0);
		expect(to - from).toBe(0);
		expect(file.near(50, 2000, 0)).toEqual({ from: 0, to: 2 });
	});

	test("is all of a small file", () => {
		const file = former([100, 100]);
		expect(file.near(5000, 10, 200)).toEqual({ from: 0, to: 2 });
		expect(file.near(5000, 10, 199)).toMatchObject({ from: 2, to: 2 });
	});

	test("is exactly those rows that lie in the range, for any lengths and any shift", () => {
		fc.assert(
			fc.property(
				fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }),
				fc.nat(1200),
				fc.integer({ min: 1, max: 300 }),
				fc.integer({ min: -100, max: 100 }),
				(lengths, at, length, shift) => {
					fc.pre(lengths.some((n) => n > 0));
					const file = former(lengths);
					file.meet(idOf(1), startOf(lengths, 1) - shift);
					const { from, to } = file.near(at, length, 0);
					const begin = at + shift;
					const wanted = lengths
						.filter((n) => n > 0)
						.map((n, i) => [startOf(lengths, i + 1), n, i] as const)
						.filter(([s, n]) => s < begin + length && s + n > begin)
						.map(([, , i]) => i);
					const rows = Array.from({ length: to - from }, (_, i) => from + i);
					expect(rows).toEqual(wanted);
				},
			),
		);
	});
});

/** Where the nth chunk begins, counted from one. */
function startOf(lengths: readonly number[], n: number): number {
	let at = 0;
	let left = n;
	for (const length of lengths) {
		if (length > 0 && --left === 0) return at;
		at += length === 0 ? 1000 : length;
	}
	return at;
}

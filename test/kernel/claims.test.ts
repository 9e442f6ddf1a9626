import { createHash } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ClaimTable,
	newClaimBuffer,
} from "../../packages/kernel/src/claims.ts";

const idBytes = 32;

/** The id of number `n`, for each of `count` numbers from `first` on. */
function ids(first: number, count: number): Uint8Array {
	const all = new Uint8Array(count * idBytes);
	for (let i = 0; i < count; i++) all.set(idOf(first + i), i * idBytes);
	return all;
}

function idOf(n: number): Uint8Array {
	return createHash("sha256").update(String(n)).digest();
}

/** How many of these ids were claimed for the first time. */
function claimAll(table: ClaimTable, all: Uint8Array): number {
	let first = 0;
	for (let at = 0; at < all.length; at += idBytes)
		if (table.claim(all, at)) first++;
	return first;
}

describe("claim table", () => {
	test("grants each id once", () => {
		const table = new ClaimTable([newClaimBuffer(1000)]);
		expect(claimAll(table, ids(0, 1000))).toBe(1000);
		expect(claimAll(table, ids(0, 1000))).toBe(0);
		expect(table.count).toBe(1000);
	});

	test("takes the id from any offset, aligned or not", () => {
		const table = new ClaimTable([newClaimBuffer(10)]);
		const shifted = new Uint8Array(idBytes + 3);
		shifted.set(idOf(1), 3);
		expect(table.claim(shifted, 3)).toBe(true);
		expect(table.claim(idOf(1), 0)).toBe(false);
	});

	test("tells ids apart that differ in one bit, whichever it is", () => {
		const table = new ClaimTable([newClaimBuffer(1000)]);
		const id = idOf(1);
		expect(table.claim(id, 0)).toBe(true);
		for (let bit = 0; bit < 256; bit++) {
			const other = id.slice();
			other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
			expect(table.claim(other, 0)).toBe(true);
			expect(table.claim(other, 0)).toBe(false);
		}
	});

	test("grants the id of zeros and that of ones", () => {
		const table = new ClaimTable([newClaimBuffer(10)]);
		for (const id of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
			expect(table.claim(id, 0)).toBe(true);
			expect(table.claim(id, 0)).toBe(false);
		}
	});

	test("knows the ids of all generations, and puts new ones into the newest", () => {
		const first = newClaimBuffer(100);
		const second = newClaimBuffer(1000);
		const table = new ClaimTable([first]);
		expect(claimAll(table, ids(0, 100))).toBe(100);
		table.extend(second);
		expect(claimAll(table, ids(0, 1100))).toBe(1000);
		expect(claimAll(new ClaimTable([second]), ids(100, 1000))).toBe(0);
		expect(table.count).toBe(1100);
	});

	test("is the same table for all that attach to its buffers", () => {
		const buffers = [newClaimBuffer(100), newClaimBuffer(100)];
		expect(claimAll(new ClaimTable(buffers), ids(0, 50))).toBe(50);
		expect(claimAll(new ClaimTable(buffers), ids(0, 60))).toBe(10);
	});

	test("grants what it has no room to note, again and again, and still knows the rest", () => {
		const buffers = [newClaimBuffer(16)];
		const table = new ClaimTable(buffers);
		expect(claimAll(table, ids(0, 16))).toBe(16);
		expect(claimAll(table, ids(16, 50))).toBe(50);
		expect(claimAll(table, ids(16, 50))).toBe(50);
		expect(claimAll(table, ids(0, 16))).toBe(0);
		expect(table.count).toBe(16);
		table.extend(newClaimBuffer(100));
		expect(claimAll(table, ids(0, 66))).toBe(50);
		expect(claimAll(table, ids(0, 66))).toBe(0);
	});

	test("answers as a set does, at any size and in any order", () => {
		const numbers = fc.array(fc.nat(300), { maxLength: 400 });
		fc.assert(
			fc.property(numbers, fc.integer({ min: 1, max: 400 }), (all, change) => {
				const table = new ClaimTable([newClaimBuffer(400)]);
				const seen = new Set<number>();
				all.forEach((n, i) => {
					if (i === change) table.extend(newClaimBuffer(400));
					expect(table.claim(idOf(n), 0)).toBe(!seen.has(n));
					seen.add(n);
				});
			}),
			{ numRuns: 30, seed: 1 },
		);
	});
});

describe("claim table shared by threads", () => {
	test("grants each id to exactly one of four threads, through two generations", async () => {
		const count = 60_000;
		const buffers = [newClaimBuffer(4 * count), newClaimBuffer(4 * count)];
		claimAll(new ClaimTable(buffers.slice(0, 1)), ids(0, 1000));
		const won = await inThreads({ threads: 4, buffers, all: ids(0, count) });
		const owners = new Uint8Array(count);
		for (const mine of won)
			for (let i = 0; i < count; i++)
				owners[i] = (owners[i] as number) + (mine[i] as number);
		expect(owners.subarray(0, 1000).every((n) => n === 0)).toBe(true);
		expect(owners.subarray(1000).every((n) => n === 1)).toBe(true);
	});
});

interface Race {
	readonly threads: number;
	readonly buffers: readonly SharedArrayBuffer[];
	readonly all: Uint8Array;
}

/** All threads claim all ids in the same order at the same time; for each a 1 for each id it was granted. */
async function inThreads({
	threads,
	buffers,
	all,
}: Race): Promise<Uint8Array[]> {
	const gate = new SharedArrayBuffer(4);
	const program = new URL("./claiming-thread.mjs", import.meta.url);
	const workerData = { buffers, all, gate, threads };
	const workers = Array.from(
		{ length: threads },
		() => new Worker(program, { workerData }),
	);
	const answers = await Promise.all(
		workers.map((worker) => once(worker, "message")),
	);
	return answers.map(([granted]) => granted as Uint8Array);
}

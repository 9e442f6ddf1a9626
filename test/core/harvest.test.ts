import type { PackId, Place } from "@varve/format";
import type { PackWriter } from "@varve/kernel";
import { expect, test } from "vitest";
import { Harvest } from "../../packages/core/src/snapshot/harvest.ts";

const idOf = (n: number) => new Uint8Array(32).fill(n);
const none = new Uint8Array(0);

/** A look-up of made-up places: chunk n lies in pack "n", with these bases. */
function harvestOf(bases: Record<number, readonly number[]>) {
	const find = (ids: Uint8Array, at: number): Place | undefined => {
		const n = ids[at] as number;
		const own = bases[n];
		return own === undefined
			? undefined
			: ({
					pack: String(n) as PackId,
					packSize: n * 100,
					offset: n,
					bases: own.length === 0 ? none : Buffer.concat(own.map(idOf)),
				} as Place);
	};
	const lookup = { empty: false, find, close: () => {} };
	return new Harvest({} as PackWriter, lookup);
}

test("a duplicate in a frame with bases refers to the packs of all of these, once", () => {
	const harvest = harvestOf({ 1: [2, 3], 2: [], 3: [], 4: [3] });
	for (const chunk of [1, 1, 4, 2])
		expect(harvest.find(idOf(chunk), 0)?.pack).toBe(String(chunk));
	const { referred } = harvest.take();
	expect(new Map(referred)).toEqual(
		new Map([1, 2, 3, 4].map((n) => [String(n), n * 100])),
	);
	expect(referred).toHaveLength(4);
	harvest.find(idOf(1), 0);
	expect(harvest.take().referred).toEqual([]);
});

test("a chunk does not count as stored if a base of its frame is gone, or has bases itself", () => {
	const harvest = harvestOf({ 1: [2, 9], 2: [], 3: [4], 4: [2] });
	expect(harvest.find(idOf(1), 0)).toBeUndefined();
	expect(harvest.find(idOf(3), 0)).toBeUndefined();
	expect(harvest.find(idOf(4), 0)?.pack).toBe("4");
});

import { repairPacks, repairSnapshots } from "@varve/core";
import type { TreeLiteral } from "@varve/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bench, openOn, readAll, worse } from "../crash/repair/bench.ts";
import { changeFile, flipAt } from "../crash/repair/woes.ts";
import { framesOf, idsIn, metaDeltasOf } from "./delta-workplace.ts";

function directory(changed: string): TreeLiteral {
	const entries: { [name: string]: string } = {};
	for (let i = 0; i < 60; i++)
		entries[`file-${i}-with-a-name`] = `content ${i}`;
	return { ...entries, changed };
}

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.make(
		{ sub: directory("before"), kept: "kept" },
		{ sub: directory("after!") },
	);
});
afterAll(() => bench.remove());

/** The tree that another is a difference from, and where it lies. */
async function baseOf(backend: Awaited<ReturnType<Bench["fresh"]>>) {
	const repository = await openOn(backend);
	const deltas = await metaDeltasOf(repository);
	const plain = (await framesOf(repository)).filter(
		({ bases }) => bases.length === 0,
	);
	const found = [];
	for (const { bases } of deltas)
		for (const id of idsIn(bases)) {
			const frame = plain.find(({ ids }) => idsIn(ids).includes(id));
			if (frame !== undefined) found.push(frame);
		}
	return found;
}

describe("repair, with trees that are differences", () => {
	test("ends, and what it leaves is whole, where their bases are lost (T45)", async () => {
		const backend = await bench.fresh();
		const bases = await baseOf(backend);
		expect(bases.length).toBeGreaterThan(0);
		for (const { pack, offset, storedLength } of bases)
			await changeFile(backend, "packs", pack, (bytes) =>
				bytes.fill(0, offset + 60, offset + storedLength - 3),
			);
		const before = await readAll(await openOn(backend));
		await repairPacks(await openOn(backend), { readData: true });
		const { snapshots } = await repairSnapshots(await openOn(backend), {
			forget: true,
		});
		expect(snapshots.length).toBe(2);
		await repairPacks(await openOn(backend), { readData: true });
		expect(worse(before, await readAll(await openOn(backend)))).toEqual([]);
		const again = await repairSnapshots(await openOn(backend));
		expect(again.snapshots).toEqual([]);
	});

	test("saves of a pack that is named what was compressed beside a tree of which only the copy is whole (T45)", async () => {
		const copied = await Bench.make(
			{ sub: directory("before"), kept: "kept" },
			{ sub: directory("after!") },
			{ copies: true },
		);
		try {
			const backend = await copied.fresh();
			const deltas = await metaDeltasOf(await openOn(backend));
			const packs = new Set(deltas.map(({ pack }) => pack));
			// Both heads are hit, of the pack and of its copy: they can be set right.
			for (const { pack, offset } of deltas)
				for (const kind of ["packs", "copies/packs"] as const)
					await changeFile(backend, kind, pack, flipAt(offset + 10));
			for (const { pack, offset, storedLength } of await baseOf(backend))
				if (!packs.has(pack))
					await changeFile(backend, "packs", pack, (bytes) =>
						bytes.fill(0, offset + 60, offset + storedLength - 3),
					);
			const { losses } = await repairPacks(await openOn(backend), {
				packs: [...packs],
			});
			expect(losses.chunks).toEqual([]);
			const after = await readAll(await openOn(backend));
			expect(worse(copied.contents, after)).toEqual([]);
		} finally {
			copied.remove();
		}
	});
});

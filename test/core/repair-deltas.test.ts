import { repairPacks, verify } from "@varve/core";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	Bench,
	noise,
	openOn,
	readAll,
	worse,
	wrong,
} from "../crash/repair/bench.ts";
import { changeFile, flipAt } from "../crash/repair/woes.ts";
import { deltasOf, framesOf, unfounded } from "./delta-workplace.ts";

const former = noise(9000, 7);
let bench: Bench;
beforeAll(async () => {
	const later = former.slice();
	for (const at of [300, 2500, 4800, 7000]) later.set(noise(20, at), at);
	bench = await Bench.make({ file: former }, { file: later });
});
afterAll(() => bench.remove());

async function mended(backend: RemoveBackend) {
	const result = await repairPacks(await openOn(backend), { readData: true });
	const after = await readAll(await openOn(backend));
	expect(wrong(bench.contents, after)).toEqual([]);
	return { result, after };
}

describe("repair packs, with frames that were compressed beside others", () => {
	test("gives them back where their pack, that of the others, or both are damaged (T45)", async () => {
		const repository = await openOn(await bench.fresh());
		const deltas = await deltasOf(repository);
		const bases = (await framesOf(repository)).filter(
			(frame) => frame.bases.length === 0,
		);
		expect(deltas.length).toBeGreaterThan(0);
		const packs = [...new Set([...deltas, ...bases].map(({ pack }) => pack))];
		// All of each head is hit: it must be set right before anything decodes.
		const heads = [...deltas, ...bases].map(
			({ pack, offset }) => [pack, offset + 10] as const,
		);
		const choices = [packs, ...packs.map((pack) => [pack])];
		for (const chosen of choices) {
			const backend = await bench.fresh();
			for (const pack of chosen)
				await changeFile(backend, "packs", pack, (bytes) =>
					heads
						.filter(([of]) => of === pack)
						.reduce((changed, [, at]) => flipAt(at)(changed), bytes),
				);
			const { result, after } = await mended(backend);
			expect(result.losses.chunks).toEqual([]);
			const touched = result.packs.filter(({ state }) => state === "mended");
			expect(touched.map(({ pack }) => pack).sort()).toEqual(chosen.sort());
			expect(worse(bench.contents, after)).toEqual([]);
			const { findings } = await verify(await openOn(backend), {
				level: "data",
			});
			expect(findings).toEqual([]);
			expect(unfounded(await framesOf(await openOn(backend)))).toEqual([]);
		}
	});

	test("names what is lost with a chunk that others were compressed beside", async () => {
		const backend = await bench.fresh();
		const repository = await openOn(backend);
		const [delta] = await deltasOf(repository);
		if (delta === undefined) throw new Error("no frame with bases");
		const base = repository.index.lookup.find(delta.bases, 0);
		if (base === undefined) throw new Error("no base");
		const at = base.offset + base.storedLength - 3;
		await changeFile(backend, "packs", base.pack, (bytes) =>
			bytes.fill(0, base.offset + 60, at),
		);
		const { result } = await mended(backend);
		expect(result.losses.chunks.length).toBeGreaterThan(0);
		expect(result.losses.snapshots.length).toBe(2);
	});

	test("keeps all that was compressed beside a damaged chunk and can be read all the same (T45)", async () => {
		// Where the later version differs: what is damaged there was never looked at again.
		for (const [at, isSplit] of [
			[305, false],
			[4805, true],
		] as const) {
			const backend = await bench.fresh();
			const base = await packWith(backend, former.subarray(at - 20, at));
			await changeFile(backend, "packs", base.pack, flipAt(base.offset + 20));
			// The frames with bases are damaged too, where it can be set right: they are moved as well.
			if (isSplit)
				for (const { pack, offset } of await deltasOf(await openOn(backend)))
					await changeFile(backend, "packs", pack, flipAt(offset + 10));
			const before = await readAll(await openOn(backend));
			const { after } = await mended(backend);
			expect(worse(before, after)).toEqual([]);
			expect(after.get(bench.second)).toEqual(bench.contents.get(bench.second));
		}
	});
});

/** The pack in which these bytes lie as they are, and where. */
async function packWith(backend: RemoveBackend, bytes: Uint8Array) {
	for (const { name } of await backend.list("packs")) {
		const offset = Buffer.from(await backend.read("packs", name)).indexOf(
			bytes,
		);
		if (offset >= 0) return { pack: name, offset };
	}
	throw new Error("no pack holds these bytes");
}

import { repairIndex, repairPacks, verify } from "@varve/core";
import {
	Codec,
	frameHeaderBytes,
	idAt,
	idBytes,
	type PackId,
	packHeaderBytes,
} from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	Bench,
	openOn,
	put,
	readAll,
	takeIn,
	worse,
	wrong,
} from "../crash/repair/bench.ts";

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.usual();
});
afterAll(() => bench.remove());

/** Packs with the frames that segments name in them. */
async function packsIn(backend: RemoveBackend) {
	await using repository = await openOn(backend);
	const listing = await repository.objects.prepare();
	const segments = await repository.openSegments(listing);
	const packs = segments.segments.flatMap((segment) => segment.contents());
	segments.close();
	return packs;
}

async function change(
	backend: RemoveBackend,
	name: string,
	how: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
	const bytes = await backend.read("packs", name);
	await put(backend, [{ kind: "packs", name, bytes: how(bytes.slice()) }]);
}

const flipAt = (at: number) => (bytes: Uint8Array) => {
	bytes[at] = (bytes[at] as number) ^ 4;
	return bytes;
};

const cutTo = (length: number) => (bytes: Uint8Array) =>
	bytes.subarray(0, length);

/** Repairs what was damaged; everything that could be read before can be read after, and nothing was deleted. */
async function repaired(
	backend: RemoveBackend,
	options: Parameters<typeof repairPacks>[1] = { readData: true },
) {
	const before = await openOn(backend);
	const readable = await readAll(before);
	const repository = await openOn(backend);
	const result = await repairPacks(repository, options);
	const after = await readAll(await openOn(backend));
	expect(worse(readable, after)).toEqual([]);
	expect(wrong(bench.contents, after)).toEqual([]);
	return { result, after };
}

async function findings(backend: RemoveBackend) {
	const report = await verify(await openOn(backend), { level: "data" });
	return report.findings.map(({ code }) => code);
}

describe("repair packs", () => {
	test("does nothing with a repository that is whole", async () => {
		const backend = await bench.fresh();
		const { result } = await repaired(backend);
		expect(result).toMatchObject({ packs: [], packsWritten: 0 });
		expect(await backend.list("quarantine")).toEqual([]);
		expect(await backend.list("leases")).toEqual([]);
	});

	test("gets all back of a pack in which no chunk is hit: trailer, directory, heads of frames (T45)", async () => {
		const packs = await packsIn(await bench.fresh());
		for (const { id, size, frames } of packs) {
			const offsets = frames.flatMap(({ offset }) => [offset + 9, offset + 16]);
			const last = frames.at(-1);
			const directory = (last?.offset ?? 0) + (last?.storedLength ?? 0);
			const ends = [directory + 2, directory + 40, size - 45, size - 20];
			for (const at of [3, 30, ...offsets, ...ends]) {
				const backend = await bench.fresh();
				await change(backend, id, flipAt(at));
				const { result, after } = await repaired(backend);
				expect(result.losses.chunks).toEqual([]);
				expect(result.packs).toMatchObject([{ pack: id, state: "mended" }]);
				expect(worse(bench.contents, after)).toEqual([]);
				expect(await findings(backend)).toEqual([]);
				const [away] = (await backend.list("quarantine")).filter(({ name }) =>
					name.startsWith("packs."),
				);
				expect(away?.name).toBe(`packs.${id}`);
			}
		}
	}, 300_000);

	test("gets the other chunks of a raw frame back, and says what is lost and which files that hurts", async () => {
		const backend = await bench.fresh();
		const packs = await packsIn(backend);
		const pack = packs.find(({ frames }) =>
			frames.some(({ lengths }) => lengths.length > 2),
		);
		const frame = pack?.frames.find(({ lengths }) => lengths.length > 2);
		if (pack === undefined || frame === undefined) throw new Error("no frame");
		const at = frame.offset + frame.storedLength - 5;
		await change(backend, pack.id, flipAt(at));
		// Without being told to decode anything.
		const { result } = await repaired(backend, {});
		expect(result.losses.chunks).toHaveLength(1);
		expect(result.losses.hurt.length).toBeGreaterThan(0);
		expect(result.packs[0]).toMatchObject({ lost: 1, isComplete: true });
		const chunks = pack.frames.reduce((n, f) => n + f.lengths.length, 0);
		expect(result.packs[0]?.chunks).toBe(chunks - 1);
	});

	test("gets the chunks back that stand before the end of a raw frame that was cut short (T45)", async () => {
		const backend = await bench.fresh();
		for (const { id, frames } of await packsIn(backend)) {
			const bytes = await backend.read("packs", id);
			const frame = frames.find(
				({ offset, lengths }) =>
					bytes[offset + frameHeaderBytes] === Codec.raw && lengths.length > 1,
			);
			if (frame === undefined) continue;
			await change(backend, id, cutTo(frame.offset + frame.storedLength - 1));
			const { result } = await repaired(backend);
			const lost = Array.from(frame.lengths, (_, i) =>
				idAt(frame.ids, i * idBytes),
			).filter((chunk) => result.losses.chunks.includes(chunk));
			expect(lost).toEqual([idAt(frame.ids, frame.ids.length - idBytes)]);
			return;
		}
		throw new Error("no raw frame with several chunks");
	});

	test.each(["segment", "no segment"])(
		"finds what is left of a pack that was cut short, with its %s",
		async (what) => {
			for (const { id, frames } of await packsIn(await bench.fresh())) {
				const last = frames.at(-1);
				const length = (last?.offset ?? 0) + (last?.storedLength ?? 0);
				const backend = await bench.fresh();
				await change(backend, id, cutTo(length));
				if (what === "no segment")
					for (const { name } of await backend.list("segments"))
						await put(backend, [
							{ kind: "segments", name, bytes: new Uint8Array(8) },
						]);
				await repairIndex(await openOn(backend));
				const after = await readAll(await openOn(backend));
				expect(worse(bench.contents, after)).toEqual([]);
				expect(await findings(backend)).toEqual([]);
			}
		},
	);

	test("moves to the quarantine, and deletes nothing; done again it does nothing (T45)", async () => {
		const backend = await bench.fresh();
		const [pack] = await packsIn(backend);
		const id = pack?.id as PackId;
		const damaged = flipAt(packHeaderBytes + 60)(
			(await backend.read("packs", id)).slice(),
		);
		await put(backend, [{ kind: "packs", name: id, bytes: damaged }]);
		await repaired(backend);
		expect(await backend.size("packs", id)).toBeUndefined();
		expect(await backend.read("quarantine", `packs.${id}`)).toEqual(damaged);
		const before = await backend.list("packs");
		const { result } = await repaired(backend);
		expect(result).toMatchObject({ packs: [], packsWritten: 0 });
		expect(await backend.list("packs")).toEqual(before);
	});

	test("a dry run says the same and changes nothing", async () => {
		const backend = await bench.fresh();
		const [pack] = await packsIn(backend);
		await change(backend, pack?.id as string, flipAt(packHeaderBytes + 9));
		const before = await backend.list("packs");
		const { result } = await repaired(backend, {
			readData: true,
			dryRun: true,
		});
		expect(result.packs).toMatchObject([{ state: "planned" }]);
		expect(await backend.list("packs")).toEqual(before);
		expect(await backend.list("quarantine")).toEqual([]);
	});

	test("what is lost heals when a source has it: the next snapshot builds on none with a hole, and stores it again", async () => {
		const backend = await bench.fresh();
		const packs = await packsIn(backend);
		const pack = packs.find(({ kind }) => kind === 1);
		if (pack === undefined) throw new Error("no pack");
		await change(backend, pack.id, (bytes) =>
			bytes.fill(0, packHeaderBytes + 16, pack.size - 400),
		);
		const { result } = await repaired(backend);
		expect(result.losses.hurt.length).toBeGreaterThan(0);
		expect(result.losses.chunks.length).toBeGreaterThan(0);
		expect(await findings(backend)).toContain("MISSING_PACK");
		await takeIn(await openOn(backend), bench.source);
		const healed = await readAll(await openOn(backend));
		const ofSecond = bench.second.slice(0, 8);
		expect(
			worse(bench.contents, healed).filter((one) => one.endsWith(ofSecond)),
		).toEqual([]);
	});
});

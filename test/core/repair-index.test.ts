import { gc, repairIndex, verify } from "@varve/core";
import {
	decodeFrameBody,
	encodeSegment,
	FrameKind,
	frameHeaderBytes,
	type LeaseId,
	utf8,
} from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withLease } from "../../packages/core/src/lease.ts";
import { PackBytes } from "../../packages/core/src/repair/pack-bytes.ts";
import { walkFrames } from "../../packages/core/src/repair/walk-frames.ts";
import {
	Bench,
	noise,
	openOn,
	put,
	readAll,
	remove,
	worse,
} from "../crash/repair/bench.ts";
import { changeFile, flipAt, packsIn } from "../crash/repair/woes.ts";

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.make(
		{
			kept: noise(3000, 1),
			sub: { large: noise(9000, 2), text: "w ".repeat(900) },
		},
		{ more: { a: noise(3000, 5), b: "short" } },
	);
});
afterAll(() => bench.remove());

/** Ids of all chunks that lie in packs, by a walk from header to header that asks no directory, segment or index. */
async function scanned(backend: RemoveBackend): Promise<string[]> {
	const { tools } = await openOn(backend);
	const ids = new Set<string>();
	for (const file of await backend.list("packs")) {
		const bytes = new PackBytes(backend.blocking, file);
		for (const { kind, offset, storedLength } of walkFrames(bytes)) {
			if (kind === FrameKind.directory) continue;
			const frame = bytes.read(offset, storedLength).slice();
			decodeFrameBody(frame.subarray(frameHeaderBytes));
			const { raw, lengths } = tools.decoder.decode(frame, {
				dictionary: () => new Uint8Array(8),
			});
			let at = 0;
			for (const length of lengths) {
				ids.add(tools.sha256Hex(raw.subarray(at, at + length)));
				at += length;
			}
		}
	}
	return [...ids].sort();
}

async function expectSound(backend: RemoveBackend) {
	const report = await verify(await openOn(backend), { level: "data" });
	expect(report).toMatchObject({ findings: [], notes: [] });
	const after = await readAll(await openOn(backend));
	expect(worse(bench.contents, after)).toEqual([]);
}

describe("repair index", () => {
	test("does nothing where segments and packs tell the same", async () => {
		const backend = await bench.fresh();
		const before = await backend.list("segments");
		const result = await repairIndex(await openOn(backend));
		expect(result).toMatchObject({ packsNamed: 0, segmentsReplaced: 0 });
		expect(await backend.list("segments")).toEqual(before);
	});

	test.each(["gone", "damaged"])(
		"names every chunk of every pack in new segments where all of them are %s (T46)",
		async (how) => {
			const backend = await bench.fresh();
			const before = await scanned(backend);
			for (const { name } of await backend.list("segments"))
				if (how === "gone") await remove(backend, "segments", name);
				else await changeFile(backend, "segments", name, flipAt(99));
			const packs = await backend.list("packs");
			const result = await repairIndex(await openOn(backend));
			expect(result.packsNamed).toBe(packs.length);
			const named = (await packsIn(backend)).flatMap(({ frames }) =>
				frames.flatMap(({ ids }) =>
					Array.from({ length: ids.length / 32 }, (_, i) =>
						Buffer.from(ids.subarray(i * 32, i * 32 + 32)).toString("hex"),
					),
				),
			);
			expect([...new Set(named)].sort()).toEqual(before);
			await expectSound(backend);
		},
	);

	test("replaces a segment that contradicts a pack that is as it was written", async () => {
		const backend = await bench.fresh();
		const packs = await packsIn(backend);
		const wrong = packs.map((pack) => ({
			...pack,
			frames: pack.frames.map((frame) => {
				const ids = frame.ids.slice();
				ids[3] = (ids[3] as number) ^ 1;
				return { ...frame, ids };
			}),
		}));
		for (const { name } of await backend.list("segments"))
			await remove(backend, "segments", name);
		const bytes = encodeSegment("ab".repeat(16) as LeaseId, wrong).slice();
		const { tools } = await openOn(backend);
		const name = tools.sha256Hex(bytes);
		await put(backend, [{ kind: "segments", name, bytes }]);
		const result = await repairIndex(await openOn(backend));
		expect(result).toMatchObject({ segmentsReplaced: 1 });
		expect(await backend.size("quarantine", `segments.${name}`)).toBe(
			bytes.length,
		);
		await expectSound(backend);
	});

	test("takes away a list of a pending gc that nobody can read, so that things can be stored again", async () => {
		const backend = await bench.fresh();
		const name = "cd".repeat(16);
		await put(backend, [{ kind: "gc", name, bytes: utf8("nonsense") }]);
		await expect(gc(await openOn(backend))).rejects.toThrow();
		const result = await repairIndex(await openOn(backend));
		expect(result.gcLists).toBe(1);
		expect(await backend.size("quarantine", `gc.${name}`)).toBe(8);
		await gc(await openOn(backend));
		await expectSound(backend);
	});

	test("does not begin beside a gc or a writer, but beside who reads", async () => {
		const backend = await bench.fresh();
		const repository = await openOn(backend);
		for (const kind of ["gc", "writer"] as const)
			await withLease(
				repository,
				{ kind, snapshots: [], command: "test" },
				async () => {
					await expect(
						repairIndex(await openOn(backend)),
					).rejects.toMatchObject({ code: "LOCKED" });
				},
			);
		await withLease(
			repository,
			{ kind: "reader", snapshots: [], command: "test" },
			async () => {
				await repairIndex(await openOn(backend));
			},
		);
	});

	test("leaves damaged packs where they are while somebody reads, and the next run moves them", async () => {
		const backend = await bench.fresh();
		for (const { name } of await backend.list("segments"))
			await remove(backend, "segments", name);
		const [pack] = await backend.list("packs");
		await changeFile(backend, "packs", pack?.name as string, (bytes) =>
			flipAt(bytes.length - 5)(bytes),
		);
		const reader = await openOn(backend);
		await withLease(
			reader,
			{ kind: "reader", snapshots: [], command: "test" },
			async () => {
				const result = await repairIndex(await openOn(backend));
				expect(result.waitingFor).toHaveLength(1);
				expect(result.mended).toMatchObject([{ state: "waiting" }]);
				expect(await backend.size("packs", pack?.name as string)).toBe(
					pack?.size,
				);
			},
		);
		const result = await repairIndex(await openOn(backend));
		expect(result.mended).toMatchObject([{ state: "mended" }]);
		await expectSound(backend);
	});
});

import { addTags, gc, recover, removeTags, verify } from "@varve/core";
import { encodeForgotten } from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bench, openOn, put, remove } from "../crash/repair/bench.ts";
import { sha256Hex } from "./fake-objects.ts";

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.usual();
});
afterAll(() => bench.remove());

async function codesOf(backend: RemoveBackend) {
	const { findings } = await verify(await openOn(backend), {
		level: "structure",
	});
	return findings.map(({ code, file }) => [code, file?.kind]);
}

/** A repository that has lost a record with its copy. */
async function withoutRecord(tags: readonly string[]) {
	const backend = await bench.fresh();
	await addTags(await openOn(backend), [bench.first], tags);
	for (const kind of ["snapshots", "copies/snapshots"] as const)
		await remove(backend, kind, bench.first);
	return backend;
}

describe("a record that is lost with its copy", () => {
	test("is missed by verify if a label speaks of it, until recover has dealt with it", async () => {
		const backend = await withoutRecord(["kept", "more"]);
		const repository = await openOn(backend);
		const { findings } = await verify(repository, { level: "structure" });
		expect(findings).toMatchObject([
			{
				code: "MISSING_SNAPSHOT",
				file: { kind: "snapshots", name: bench.first },
				snapshots: [bench.first],
				message: expect.stringContaining("varve recover"),
			},
		]);
		const planned = await recover(await openOn(backend), { dryRun: true });
		expect(planned.recordsLost).toEqual([bench.first]);
		const { id, recordsLost } = await recover(await openOn(backend));
		expect(id).toBeDefined();
		expect(recordsLost).toEqual([bench.first]);
		expect(await backend.list("quarantine")).toHaveLength(2);
		expect(await codesOf(backend)).toEqual([]);
		expect((await recover(await openOn(backend))).recordsLost).toEqual([]);
	});

	test("is not missed if nothing speaks of it: it may have been collected", async () => {
		expect(await codesOf(await withoutRecord([]))).toEqual([]);
	});
});

describe("a label", () => {
	test("is no sign of a loss where its snapshot was forgotten and collected, at any moment of that", async () => {
		const backend = await bench.fresh();
		const repository = await openOn(backend);
		await addTags(repository, [bench.first], ["kept"]);
		const mark = {
			snapshot: bench.first,
			time: "2001-01-01T00:00:00.000Z",
			host: "host",
			user: "user",
			reason: "by hand",
		};
		const bytes = encodeForgotten(mark, sha256Hex);
		await put(backend, [{ kind: "forgotten", name: bench.first, bytes }]);
		let looks = 0;
		let isLooking = false;
		const removing = backend.remove.bind(backend);
		backend.remove = async (...all) => {
			await removing(...all);
			// A verification removes something too: its lease.
			if (isLooking) return;
			isLooking = true;
			looks++;
			expect(await codesOf(backend)).toEqual([]);
			isLooking = false;
		};
		await gc(await openOn(backend), {
			grace: 0,
			maxUnused: { bytes: 0 },
		});
		expect(looks).toBeGreaterThan(3);
		expect(await codesOf(backend)).toEqual([]);
	});

	test("that is written when its snapshot is collected goes again", async () => {
		const backend = await bench.fresh();
		const repository = await openOn(backend);
		const list = backend.list.bind(backend);
		let listings = 0;
		repository.backend.list = async (kind, options) => {
			const found = await list(kind, options);
			// Just after it was seen for the last time before the label is written.
			if (kind === "snapshots" && ++listings === 1)
				for (const copy of ["snapshots", "copies/snapshots"] as const)
					await remove(backend, copy, bench.first);
			return found;
		};
		await expect(
			addTags(repository, [bench.first], ["late"]),
		).rejects.toMatchObject({ code: "NO_SUCH_SNAPSHOT" });
		expect(await backend.list("labels")).toEqual([]);
		await expect(
			removeTags(repository, [bench.first], ["late"]),
		).rejects.toMatchObject({ code: "NO_SUCH_SNAPSHOT" });
	});
});

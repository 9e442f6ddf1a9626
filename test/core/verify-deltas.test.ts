import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { framesOf, idsIn, metaDeltasOf, unfounded } from "./delta-workplace.ts";
import { readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("verify-deltas");

function fill(folder: string, text: string): void {
	mkdirSync(folder, { recursive: true });
	for (let i = 0; i < 60; i++)
		writeFileSync(join(folder, `file-${i}-of-${text}`), `${text} ${i}`);
}

async function scene() {
	const backend = tamperedBackend();
	const opened = await place.repository({ location: backend });
	const repository = Object.assign(opened, { clock: lateClock });
	const source = place.fresh("source");
	fill(source, "first");
	await take(repository, source);
	writeFileSync(join(source, "file-7-of-first"), "changed");
	return { backend, repository, source };
}

/** With nothing in mind that a client keeps. */
async function findingsOf(location: ReturnType<typeof tamperedBackend>) {
	const repository = await place.repository({ location, isThere: true });
	return (await verify(repository, { level: "data" })).findings;
}

async function holding(repository: Repository, id: string) {
	const frames = await framesOf(repository);
	const found = frames.find(({ ids }) => idsIn(ids).includes(id));
	if (found === undefined) throw new Error(`nothing holds ${id}`);
	return found;
}

describe("verify of trees that are differences", () => {
	test("names the snapshots that are lost with a base that is damaged in its pack and in its copy, though their own pack is whole (T48)", async () => {
		const { backend, repository, source } = await scene();
		const { id, record } = await take(repository, source);
		const delta = await holding(repository, record.roots[0]?.tree as string);
		const base = await holding(repository, idsIn(delta.bases)[0] as string);
		expect(base.pack).not.toBe(delta.pack);
		for (const kind of ["packs", "copies/packs"] as const)
			backend.tamper(
				kind,
				base.pack,
				flip(base.offset + base.storedLength - 5, 2),
			);
		const findings = await findingsOf(backend);
		expect(findings.flatMap(({ snapshots }) => snapshots)).toContain(id);
		const ofDelta = findings.filter(({ pack }) => pack === delta.pack);
		expect(ofDelta.some(({ hasCopy }) => hasCopy)).toBe(false);
	});

	test("says nothing of one that nobody needs and whose base a gc has freed", async () => {
		const { backend, repository, source } = await scene();
		fill(join(source, "sub"), "second");
		await take(repository, source);
		expect((await metaDeltasOf(repository)).length).toBeGreaterThan(0);
		writeFileSync(join(source, "file-8-of-first"), "changed");
		const { id } = await take(repository, source, { delta: false });
		const others = (await listSnapshots(repository)).filter(
			(one) => one.id !== (id as SnapshotId),
		);
		await forget(repository, planByHand(others));
		await gc(repository, { grace: 0, maxUnused: { share: 1 } });
		expect(unfounded(await framesOf(repository))).not.toEqual([]);
		expect(await findingsOf(backend)).toEqual([]);
	});
});

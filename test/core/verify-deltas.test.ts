import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { onceListed } from "./condemn.ts";
import { framesOf, idsIn, metaDeltasOf, unfounded } from "./delta-workplace.ts";
import { readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";
import {
	flip,
	type TamperedBackend,
	tamperedBackend,
} from "./tampered-backend.ts";

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
const reading = (location: TamperedBackend) =>
	place.repository({ location, isThere: true });

async function findingsOf(location: TamperedBackend) {
	const repository = await reading(location);
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

	/** Only the last snapshot stays, and it needs no tree that is a difference. */
	async function forgetDifferences() {
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
		return { backend, repository };
	}

	test("says nothing of one that nobody needs and whose base a gc has freed", async () => {
		const { backend, repository } = await forgetDifferences();
		await gc(repository, { grace: 0, maxUnused: { share: 1 } });
		expect(unfounded(await framesOf(repository))).not.toEqual([]);
		expect(await findingsOf(backend)).toEqual([]);
	});

	test("says nothing of one that nobody needs and whose base a gc frees meanwhile", async () => {
		const { backend, repository } = await forgetDifferences();
		const collect = () => gc(repository, { grace: 0, maxUnused: { share: 1 } });
		const lease = { kind: "reader", snapshots: [], command: "test" } as const;
		await withLease(repository, lease, async () => {
			expect((await collect()).state).toBe("pending");
		});
		const reader = await reading(backend);
		onceListed(reader, async () => {
			expect((await collect()).state).toBe("swept");
			expect(unfounded(await framesOf(repository))).not.toEqual([]);
		});
		const { findings } = await verify(reader, { level: "data" });
		expect(findings).toEqual([]);
	});
});

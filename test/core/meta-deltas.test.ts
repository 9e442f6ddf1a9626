import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotOptions } from "../../packages/core/src/snapshot/options.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import {
	basesWithBases,
	framesOf,
	idsIn,
	metaDeltasOf,
	unfounded,
} from "./delta-workplace.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take as takeOne } from "./snapshot-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("meta-deltas");
const files = 400;
const nameOf = (i: number) => `file-${i}-with-a-name-of-some-length`;

interface Scene {
	readonly backend: ReturnType<typeof tamperedBackend>;
	readonly repository: Repository;
	readonly source: string;
	/** Writes a file anew, with other content. */
	change(i: number): void;
	take(options?: Partial<SnapshotOptions>): ReturnType<typeof takeOne>;
}

async function scene(count = files): Promise<Scene> {
	const source = place.fresh("source");
	mkdirSync(source, { recursive: true });
	const backend = tamperedBackend();
	const opened = await place.repository({ location: backend });
	const repository = Object.assign(opened, { clock: lateClock });
	let changes = 0;
	const change = (i: number) => {
		const path = join(source, nameOf(i));
		writeFileSync(path, `content ${i}, ${changes++}`);
		utimesSync(path, 1_700_000_000, 1_700_000_000 + changes);
	};
	for (let i = 0; i < count; i++) change(i);
	const take = (options?: Partial<SnapshotOptions>) =>
		takeOne(repository, source, options);
	await take();
	return { backend, repository, source, change, take };
}

/** The entries of the root, as a reader who knows nothing yet sees them. */
async function entriesIn({ backend }: Scene, id: string | undefined) {
	const warnings: string[] = [];
	const repository = await place.repository({
		location: backend,
		isThere: true,
		on: (event) => {
			if (event.type === "warning") warnings.push(event.message);
		},
	});
	await repository.objects.prepare();
	const all = await listSnapshots(repository);
	const tree = all.find((one) => one.id === id)?.record.roots[0]?.tree;
	if (tree === undefined) throw new Error(`there is no snapshot ${id}`);
	return { entries: [...repository.objects.nodes(tree)], warnings };
}

async function expectSound({ repository }: Scene) {
	const { findings } = await verify(repository, { level: "data" });
	expect(findings).toEqual([]);
	const frames = await framesOf(repository);
	expect(unfounded(frames)).toEqual([]);
	expect(basesWithBases(frames)).toEqual([]);
}

describe("the tree of a large directory in which one file has changed", () => {
	let given: Scene;
	beforeEach(async () => {
		given = await scene();
	});

	test("is stored as a difference from the former one, as is the piece of the scan state, and reads back", async () => {
		given.change(7);
		const { id, record } = await given.take();
		const deltas = await metaDeltasOf(given.repository);
		const bytes = deltas.reduce((sum, frame) => sum + frame.storedLength, 0);
		expect(bytes).toBeLessThan(1500);
		const inDeltas = deltas.flatMap(({ ids }) => idsIn(ids));
		const root = record.roots[0]?.tree as string;
		expect(inDeltas).toContain(root);
		expect(inDeltas).toHaveLength(2);
		expect((await entriesIn(given, id)).entries).toHaveLength(files);
		await expectSound(given);
	});

	test("has no base where differences are not wanted, or nothing is compressed", async () => {
		given.change(7);
		await given.take({ delta: false });
		given.change(7);
		await given.take({ compression: "off" });
		expect(await metaDeltasOf(given.repository)).toEqual([]);
	});

	test("has the same base in each version", async () => {
		for (let i = 0; i < 5; i++) {
			given.change(i);
			await given.take();
		}
		const deltas = await metaDeltasOf(given.repository);
		const bases = new Set(deltas.flatMap(({ bases }) => idsIn(bases)));
		expect(deltas.length).toBeGreaterThanOrEqual(5);
		expect(bases.size).toBe(2);
		await expectSound(given);
	});

	test("is stored whole where the former one cannot be read, and so is what comes after", async () => {
		const [first] = await listSnapshots(given.repository);
		const tree = first?.record.roots[0]?.tree as string;
		const { pack, offset } = (await framesOf(given.repository)).find(
			({ ids }) => idsIn(ids).includes(tree),
		) as { pack: string; offset: number };
		given.backend.tamper("packs", pack, flip(offset + 40, 3));
		given.change(7);
		const { id } = await given.take();
		const bases = (await metaDeltasOf(given.repository)).flatMap(({ bases }) =>
			idsIn(bases),
		);
		expect(bases).not.toContain(tree);
		given.backend.heal();
		expect((await entriesIn(given, id)).entries).toHaveLength(files);
	});

	test("is read from second copies where its pack, its base's or both are damaged (T04)", async () => {
		given.change(7);
		const { id, record } = await given.take();
		const frames = await framesOf(given.repository);
		const holding = (wanted: string) =>
			frames.find(({ ids }) => idsIn(ids).includes(wanted));
		const delta = holding(record.roots[0]?.tree as string);
		const base = holding(idsIn(delta?.bases as Uint8Array)[0] as string);
		const cases = [
			{ delta: "packs" },
			{ base: "packs" },
			{ delta: "packs", base: "packs" },
			{ delta: "packs", base: "copies/packs" },
			{ delta: "copies/packs", base: "packs" },
		] as const;
		for (const hurt of cases) {
			for (const [frame, kind] of [
				[delta, "delta" in hurt ? hurt.delta : undefined],
				[base, "base" in hurt ? hurt.base : undefined],
			] as const) {
				if (kind === undefined || frame === undefined) continue;
				const at = frame.offset + frame.storedLength - 5;
				given.backend.tamper(kind, frame.pack, flip(at, 2));
			}
			const { entries, warnings } = await entriesIn(given, id);
			expect(entries, JSON.stringify(hurt)).toHaveLength(files);
			expect(warnings, JSON.stringify(hurt)).toHaveLength(1);
			given.backend.heal();
		}
	});

	test("outlives the snapshot that its base came with", async () => {
		for (let i = 0; i < 4; i++) {
			given.change(i);
			await given.take();
		}
		const all = await listSnapshots(given.repository);
		const [newest] = all.sort((a, b) =>
			b.record.time < a.record.time ? -1 : 1,
		);
		await forget(
			given.repository,
			planByHand(all.filter((one) => one !== newest)),
		);
		const options = { grace: 0, maxUnused: { bytes: 0 } };
		expect(await gc(given.repository, options)).toMatchObject({
			state: "swept",
		});
		expect((await entriesIn(given, newest?.id)).entries).toHaveLength(files);
		await expectSound(given);
		expect(await gc(given.repository, options)).toMatchObject({
			state: "nothing",
		});
	});
});

test("one page of a directory of many pages is a difference, and so is the list of them", async () => {
	const given = await scene(9000);
	given.change(4321);
	const { id, record } = await given.take();
	const deltas = await metaDeltasOf(given.repository);
	const ids = deltas.flatMap(({ ids }) => idsIn(ids));
	expect(ids).toContain(record.roots[0]?.tree);
	expect(ids.length).toBeGreaterThanOrEqual(3);
	const bytes = deltas.reduce((sum, frame) => sum + frame.storedLength, 0);
	expect(bytes).toBeLessThan(3000);
	expect((await entriesIn(given, id)).entries).toHaveLength(9000);
	await expectSound(given);
});

test("the list of the chunks of a file that has changed in one place is a difference", async () => {
	const given = await scene(1);
	const path = join(given.source, "large");
	const bytes = noise(300_000, 5);
	writeFileSync(path, bytes);
	await given.take();
	const before = (await metaDeltasOf(given.repository)).length;
	bytes.set(noise(10, 6), 150_000);
	writeFileSync(path, bytes);
	const { record } = await given.take();
	const deltas = (await metaDeltasOf(given.repository)).slice(before);
	const stored = deltas.reduce((sum, frame) => sum + frame.storedLength, 0);
	expect(Math.max(...deltas.map(({ rawLength }) => rawLength))).toBeGreaterThan(
		5000,
	);
	expect(stored).toBeLessThan(1500);
	expect(record.roots).toHaveLength(1);
	await expectSound(given);
});

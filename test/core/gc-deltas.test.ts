import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import type { GcOptions } from "../../packages/core/src/gc/options.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { deltasOf, framesOf, idsIn, unfounded } from "./delta-workplace.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";

const place = readingPlace("gc-deltas");

/** One chunk each, whatever is in it. */
const fileBytes = 16_000;
const stride = 300;

const chunker = {
	algorithm: "gear1",
	min: 16_384,
	average: 65_536,
	max: 262_144,
} as const;

/** Versions of a file: each has `changed` bytes in every 300 replaced, and what was replaced before it too. */
function versions(count: number, changed: number, seed = 1): Uint8Array[] {
	const all = [noise(fileBytes, seed)];
	while (all.length < count) {
		const next = Uint8Array.from(all.at(-1) as Uint8Array);
		const first = (all.length - 1) * changed;
		for (let at = first; at + changed <= fileBytes; at += stride)
			next.set(noise(changed, 100 * seed + all.length + at), at);
		all.push(next);
	}
	return all;
}

/** Content of files, by name. */
type Tree = Readonly<Record<string, Uint8Array>>;

/** A snapshot of each version of one file. */
function history(contents: readonly Uint8Array[]) {
	return historyOf(contents.map((file) => ({ file })));
}

/** A snapshot of each of these trees. */
async function historyOf(trees: readonly Tree[]) {
	const source = place.fresh("source");
	mkdirSync(source, { recursive: true });
	const parameters = { chunker, frameBytes: 1 << 20, packBytes: 1 << 25 };
	const opened = await place.repository({ parameters });
	const repository = Object.assign(opened, { clock: lateClock });
	const taken: SnapshotId[] = [];
	for (const tree of trees) {
		for (const [name, bytes] of Object.entries(tree))
			writeFileSync(join(source, name), bytes);
		taken.push((await take(repository, source)).id as SnapshotId);
	}
	const stored = async () =>
		(await framesOf(repository)).reduce((sum, f) => sum + f.storedLength, 0);
	/** Forgets versions, collects, and reads all others. */
	const keep = async (
		kept: readonly number[],
		options: Partial<GcOptions> = {},
	) => {
		const all = await listSnapshots(repository);
		const ids = new Set(kept.map((i) => taken[i]));
		const going = all.filter(({ id }) => !ids.has(id));
		await forget(repository, planByHand(going));
		const maxUnused = { share: 0 };
		const result = await gc(repository, { grace: 0, maxUnused, ...options });
		for (const i of kept) {
			const one = all.find(({ id }) => id === taken[i]);
			for (const [name, bytes] of Object.entries(trees[i] as Tree)) {
				const file = join(source, name);
				const parts: Uint8Array[] = [];
				for await (const part of readFile(repository, one as never, file))
					parts.push(part);
				expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
			}
		}
		const { findings } = await verify(repository, { level: "data" });
		expect(findings).toEqual([]);
		expect(unfounded(await framesOf(repository))).toEqual([]);
		return result;
	};
	return { repository, stored, keep };
}

const sha256 = (bytes: Uint8Array) =>
	createHash("sha256").update(bytes).digest("hex");

describe("gc of frames with bases", () => {
	test("stores one without, whose base is kept for it alone and takes more than it saves", async () => {
		const { repository, keep } = await history(versions(2, 90));
		const bases = (await deltasOf(repository)).flatMap(({ bases }) =>
			idsIn(bases),
		);
		expect(bases.length).toBeGreaterThan(0);
		await keep([1]);
		expect(await deltasOf(repository)).toEqual([]);
		const left = (await framesOf(repository)).flatMap(({ ids }) => idsIn(ids));
		expect(left.filter((id) => bases.includes(id))).toEqual([]);
		expect(await keep([1])).toMatchObject({ state: "nothing" });
	});

	test("leaves one as it is whose base saves more than it takes", async () => {
		const { repository, keep } = await history(versions(2, 3));
		const before = await deltasOf(repository);
		expect(before.length).toBeGreaterThan(0);
		await keep([1]);
		expect((await deltasOf(repository)).map(({ ids }) => ids)).toEqual(
			before.map(({ ids }) => ids),
		);
	});

	test("leaves one as it is for a week, unless not one byte may be unused", async () => {
		const maxUnused = { bytes: 1 };
		const { repository, keep } = await history(versions(2, 90));
		await keep([1], { maxUnused });
		expect(await deltasOf(repository)).not.toEqual([]);
		const week = 7 * 24 * 3600 * 1000;
		const now = () => lateClock.now() + week;
		Object.assign(repository, { clock: { ...lateClock, now } });
		await keep([1], { maxUnused });
		expect(await deltasOf(repository)).toEqual([]);

		const { repository: other, keep: keepHere } = await history(
			versions(2, 90),
		);
		await keepHere([1], { maxUnused: { bytes: 0 } });
		expect(await deltasOf(other)).toEqual([]);
	});

	test("leaves one as it is whose base is needed for itself", async () => {
		const { repository, keep } = await history(versions(2, 90));
		await keep([0, 1]);
		expect((await deltasOf(repository)).length).toBeGreaterThan(0);
	});

	test("stores one of several whole, and the others beside that one", async () => {
		const { repository, stored, keep } = await history(versions(3, 60));
		expect((await deltasOf(repository)).length).toBeGreaterThan(1);
		const before = await stored();
		await keep([1, 2]);
		const after = await deltasOf(repository);
		expect(after.length).toBeGreaterThan(0);
		expect(await stored()).toBeLessThan(before - 4000);
		expect(await keep([1, 2])).toMatchObject({ state: "nothing" });
	});

	test("stores anew what had a base that goes, and keeps beside its base what has one that stays", async () => {
		const [a1, a2] = versions(2, 90, 1) as [Uint8Array, Uint8Array];
		const [b1, b2] = versions(2, 90, 2) as [Uint8Array, Uint8Array];
		const { repository, keep } = await historyOf([
			{ a: a1, b: b1 },
			{ a: a2, b: b2 },
			{ a: noise(fileBytes, 77), b: b1 },
		]);
		const [before] = await deltasOf(repository);
		expect(before?.lengths).toHaveLength(2);
		await keep([1, 2]);
		const frames = await framesOf(repository);
		const all = frames.flatMap(({ ids }) => idsIn(ids));
		expect(all).not.toContain(sha256(a1));
		const [delta] = frames.filter(({ bases }) => bases.length > 0);
		expect(idsIn(delta?.ids as Uint8Array)).toEqual([sha256(b2)]);
		expect(idsIn(delta?.bases as Uint8Array)).toEqual([sha256(b1)]);
		expect(await keep([1, 2])).toMatchObject({ state: "nothing" });
	});

	test("does away with what is dead in one", async () => {
		const [a1, a2] = versions(2, 90, 1) as [Uint8Array, Uint8Array];
		const [b1, b2] = versions(2, 90, 2) as [Uint8Array, Uint8Array];
		const { repository, keep } = await historyOf([
			{ a: a1, b: b1 },
			{ a: a2, b: b2 },
			{ a: a1, b: b2 },
		]);
		await keep([0, 2]);
		const frames = await framesOf(repository);
		const all = frames.flatMap(({ ids }) => idsIn(ids));
		expect(all).not.toContain(sha256(a2));
		const [delta] = frames.filter(({ bases }) => bases.length > 0);
		expect(idsIn(delta?.ids as Uint8Array)).toEqual([sha256(b2)]);
		expect(await keep([0, 2])).toMatchObject({ state: "nothing" });
	});

	test("leaves all that share a base as they are where one lies in a pack that is not worth moving", async () => {
		const [v0, v1, v2] = versions(3, 60) as [
			Uint8Array,
			Uint8Array,
			Uint8Array,
		];
		const { repository, keep } = await historyOf([
			{ file: v0 },
			{ file: v1, other: noise(1_000_000, 5) },
			{ file: v2 },
		]);
		const before = await deltasOf(repository);
		expect(before).toHaveLength(2);
		await keep([1, 2]);
		expect(await keep([1, 2])).toMatchObject({ state: "nothing" });
		expect(await deltasOf(repository)).toEqual(before);
	});

	test("keeps the bases where the packs may not be moved", async () => {
		const { repository, keep } = await history(versions(2, 90));
		await keep([1], { maxRepack: 0 });
		expect((await deltasOf(repository)).length).toBeGreaterThan(0);
	});
});

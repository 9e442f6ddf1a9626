import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Content, idAt, type SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import type { GcOptions } from "../../packages/core/src/gc/options.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import {
	basesWithBases,
	deltasOf,
	type FoundFrame,
	framesOf,
	idsIn,
	unfounded,
} from "./delta-workplace.ts";
import { noise, readingPlace, smallParameters } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";

const place = readingPlace("gc-cold");

/** Of the parameters that these tests use: see coldSizes. */
const least = 12 * 1024;
/** Chunks that are long beside the ids of their bases. */
const largerParameters = {
	chunker: { algorithm: "gear1", min: 4096, average: 8192, max: 16_384 },
	frameBytes: 16_384,
	packBytes: 128 * 1024,
} as const;
const day = 24 * 3600 * 1000;
const contentKind = 1;

type Files = Readonly<Record<string, Uint8Array>>;

/** Lines of which some are the same in all files. */
function text(bytes: number, seed: number): Uint8Array {
	let all = "";
	for (let i = 0; all.length < bytes; i++)
		all += `line ${i % 40} of a text; ${Buffer.from(noise(24, seed + i * 7)).toString("base64")}\n`;
	return Buffer.from(all.slice(0, bytes));
}

/** With every so many bytes another one. */
function edited(bytes: Uint8Array, every: number, seed: number): Uint8Array {
	const next = Uint8Array.from(bytes);
	for (let at = seed % every; at < next.length; at += every)
		next[at] = 65 + ((at * seed) % 26);
	return next;
}

const many = (count: number, bytes: number, seed = 1): Files =>
	Object.fromEntries(
		Array.from({ length: count }, (_, i) => [
			`f${String(i).padStart(2, "0")}`,
			text(bytes, seed + i * 1000),
		]),
	);

/** A repository with a snapshot of each state of a directory, taken a day after the other. */
function history(...states: readonly Files[]) {
	return historyWith(smallParameters, ...states);
}

async function historyWith(
	parameters: typeof smallParameters | typeof largerParameters,
	...states: readonly Files[]
) {
	const source = place.fresh("source");
	mkdirSync(source, { recursive: true });
	const opened = await place.repository({ parameters });
	const clock = { ...lateClock };
	const repository = Object.assign(opened, { clock });
	const taken = new Map<string, Files>();
	let files: Files = {};
	const next = async (state: Files) => {
		files = { ...files, ...state };
		for (const [name, bytes] of Object.entries(state))
			writeFileSync(join(source, name), bytes);
		const { id } = await take(repository, source);
		taken.set(id as string, files);
		const { now } = clock;
		clock.now = () => now() + day;
		return id as SnapshotId;
	};
	for (const state of states) await next(state);
	const collect = (options: Partial<GcOptions> = {}) =>
		gc(repository, {
			...{ grace: 0, repack: { age: 0 } },
			...options,
		});
	const forgetOne = async (id: SnapshotId) => {
		const all = await listSnapshots(repository);
		await forget(repository, planByHand(all.filter((one) => one.id === id)));
		taken.delete(id);
	};
	/** Everything is as it was taken, and nothing hangs in the air. */
	const expectSound = async () => {
		for (const one of await listSnapshots(repository))
			for (const [name, bytes] of Object.entries(taken.get(one.id) ?? {})) {
				const parts: Uint8Array[] = [];
				for await (const part of readFile(repository, one, join(source, name)))
					parts.push(part);
				expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
			}
		const { findings } = await verify(repository, { level: "data" });
		expect(findings).toEqual([]);
		const frames = await framesOf(repository);
		expect(unfounded(frames)).toEqual([]);
		expect(basesWithBases(frames)).toEqual([]);
	};
	const packs = async (kind = contentKind) => {
		const found = await packsOf(repository);
		return found.filter((pack) => pack.kind === kind);
	};
	return {
		...{ repository, source, taken, clock },
		...{ next, collect, forgetOne, expectSound, packs },
	};
}

type Opened = Awaited<ReturnType<typeof place.repository>>;

async function packsOf(repository: Opened) {
	repository.objects.outdate();
	const listing = await repository.objects.prepare();
	const segments = await repository.openSegments(listing);
	try {
		return segments.segments
			.flatMap(({ packs }) => packs)
			.filter(({ id }) => listing.packs.some(({ name }) => name === id))
			.map(({ id, size, kind }) => ({ id, size, kind }));
	} finally {
		segments.close();
	}
}

const isCold = ({ rawLength, bases }: FoundFrame) =>
	bases.length === 0 && rawLength >= least;

async function contentFrames(repository: Opened): Promise<FoundFrame[]> {
	const packs = await packsOf(repository);
	const content = new Set(
		packs.filter(({ kind }) => kind === contentKind).map(({ id }) => id),
	);
	return (await framesOf(repository)).filter(({ pack }) => content.has(pack));
}

describe("gc --repack", () => {
	test("puts old content together in long frames, exact and smaller, and does nothing the second time", async () => {
		const { repository, collect, expectSound, packs } = await history(
			many(20, 3000),
		);
		const sizeOf = async () =>
			(await packs()).reduce((sum, { size }) => sum + size, 0);
		const before = await sizeOf();
		const raw = (await contentFrames(repository)).reduce(
			(sum, { rawLength }) => sum + rawLength,
			0,
		);
		const result = await collect();
		expect(result).toMatchObject({ state: "swept", bytesRegrouped: before });
		expect(result.bytesFreed).toBe(before - result.bytesCold);
		await expectSound();
		const after = await contentFrames(repository);
		expect(after.every(isCold)).toBe(true);
		expect(after.reduce((sum, { rawLength }) => sum + rawLength, 0)).toBe(raw);
		expect(await sizeOf()).toBeLessThan(before * 0.95);
		expect(await collect()).toMatchObject({ state: "nothing" });
	});

	test("says so where there is no room for that, and does it once there is", async () => {
		const { repository, collect } = await history(many(20, 3000));
		const room = { bytes: 0 };
		Object.assign(repository.backend, { space: async () => room.bytes });
		const warnings = () =>
			repository.events.filter(({ type }) => type === "warning");
		expect(await collect()).toMatchObject({ state: "nothing" });
		expect(warnings()).toMatchObject([
			{
				message: expect.stringMatching(/^there is not enough room .* 0 MB can/),
			},
		]);
		room.bytes = 1e9;
		expect(await collect()).toMatchObject({ state: "swept" });
		expect(warnings()).toHaveLength(1);
	});

	test("puts versions of a file that differ much side by side", async () => {
		const first = many(12, 3000);
		const second = { f05: edited(first["f05"] as Uint8Array, 20, 3) };
		const { repository, collect, expectSound } = await history(first, second);
		const before = await deltasOf(repository);
		expect(before.length).toBeGreaterThan(0);
		const base = idsIn((before[0] as FoundFrame).bases)[0] as string;
		const later = idsIn((before[0] as FoundFrame).ids)[0] as string;
		await collect();
		await expectSound();
		expect(await deltasOf(repository)).toEqual([]);
		const frame = (await contentFrames(repository)).find(({ ids }) =>
			idsIn(ids).includes(base),
		) as FoundFrame;
		const inFrame = idsIn(frame.ids);
		expect(inFrame).toContain(later);
		expect(
			Math.abs(inFrame.indexOf(base) - inFrame.indexOf(later)),
		).toBeLessThan(4);
	});

	test("keeps what came to the end of a file in the order of the file", async () => {
		const log = text(40_000, 9);
		const { repository, collect, expectSound } = await history(
			...[10_000, 25_000, 40_000].map((end) => ({ log: log.slice(0, end) })),
		);
		await collect();
		await expectSound();
		const all = await listSnapshots(repository);
		const at = new Map<string, number>();
		for (const { record } of all.sort((a, b) =>
			a.record.time < b.record.time ? -1 : 1,
		))
			for (const { tree } of record.roots)
				for (const { content } of repository.objects.nodes(tree)) {
					let start = 0;
					for (const { id, length } of repository.objects.items(
						content as Content,
					)) {
						at.set(idAt(id as Uint8Array), start);
						start += length;
					}
				}
		const placed = (await contentFrames(repository))
			.filter(isCold)
			.map(({ ids }) => idsIn(ids).map((id) => at.get(id) as number));
		const sorted = placed.map((starts) => [...starts].sort((a, b) => a - b));
		const isNear = placed.every((starts, f) =>
			starts.every(
				(start, i) => Math.abs(start - (sorted[f]?.[i] as number)) < 6000,
			),
		);
		expect(placed.flat().length).toBeGreaterThan(20);
		expect(isNear).toBe(true);
	});

	test("leaves versions that differ little as differences, whose bases it moves", async () => {
		const big = text(150_000, 7);
		const little = Uint8Array.from(big);
		for (const at of [10_000, 60_000, 110_000]) little[at] = 1;
		const { repository, collect, expectSound } = await historyWith(
			largerParameters,
			{ big },
			{ big: little, other: text(30_000, 77) },
		);
		const idsOf = (frames: readonly FoundFrame[]) =>
			frames.flatMap(({ ids }) => idsIn(ids)).sort();
		const before = await deltasOf(repository);
		expect(before.length).toBeGreaterThan(0);
		const result = await collect();
		expect(result.packsRegrouped).toBeGreaterThan(1);
		await expectSound();
		const after = await deltasOf(repository);
		expect(idsOf(after)).toEqual(idsOf(before));
		const packs = before.map(({ pack }) => pack);
		expect(after.filter(({ pack }) => packs.includes(pack))).toEqual([]);
		expect(await collect()).toMatchObject({ state: "nothing" });
	});

	test("leaves what no old snapshot holds, and takes it once it is old", async () => {
		const { repository, collect, expectSound, clock } = await history(
			many(12, 3000),
			{ ...many(12, 3000, 50_000) },
		);
		const age = 1.5 * day;
		expect((await collect({ repack: { age } })).packsRegrouped).toBe(1);
		await expectSound();
		const some = await contentFrames(repository);
		expect(some.some(isCold)).toBe(true);
		expect(some.every(isCold)).toBe(false);
		expect(await collect({ repack: { age } })).toMatchObject({
			state: "nothing",
		});
		const { now } = clock;
		clock.now = () => now() + day;
		await collect({ repack: { age } });
		await expectSound();
		expect((await contentFrames(repository)).every(isCold)).toBe(true);
	});

	test("leaves what does not get smaller", async () => {
		const pictures = Object.fromEntries(
			Array.from({ length: 20 }, (_, i) => [
				`picture${i}`,
				createHash("shake256", { outputLength: 6000 }).update(`${i}`).digest(),
			]),
		);
		const { repository, collect, expectSound, next } = await history(pictures);
		expect(await collect()).toMatchObject({ state: "nothing" });
		await next(many(20, 3000));
		expect((await collect()).packsRegrouped).toBeGreaterThan(0);
		await expectSound();
		const frames = await contentFrames(repository);
		expect(frames.filter((frame) => !isCold(frame)).length).toBeGreaterThan(10);
		expect(await collect()).toMatchObject({ state: "nothing" });
	});

	test("does nothing where there is too little for one long frame", async () => {
		const { collect } = await history(many(3, 3000));
		expect(await collect()).toMatchObject({ state: "nothing" });
	});

	test("rewrites packs of so many bytes at most, and the next run goes on", async () => {
		const { repository, collect, expectSound, packs } = await history(
			many(60, 3000),
			many(60, 3000, 90_000),
		);
		const total = (await packs()).length;
		expect(total).toBeGreaterThan(5);
		const maxRepack = 70_000;
		let runs = 0;
		for (; runs < 20; runs++) {
			const result = await collect({ maxRepack });
			if (result.state === "nothing") break;
			expect(result.bytesRegrouped).toBeLessThanOrEqual(maxRepack);
			await expectSound();
		}
		expect(runs).toBeGreaterThan(2);
		expect(runs).toBeLessThan(20);
		const left = (await contentFrames(repository)).filter((f) => !isCold(f));
		const raw = left.reduce((sum, { rawLength }) => sum + rawLength, 0);
		expect(raw).toBeLessThan(least);
	});

	test("only says what it would do in a dry run", async () => {
		const { collect, packs } = await history(many(20, 3000));
		const before = await packs();
		const result = await collect({ dryRun: true });
		expect(result).toMatchObject({
			state: "planned",
			packsRegrouped: before.length,
			bytesFreed: 0,
			bytesCold: 0,
		});
		expect(await packs()).toEqual(before);
	});

	test("deletes nothing while somebody reads, who goes on reading, and lets a snapshot be taken meanwhile", async () => {
		const { repository, collect, expectSound, packs, next } = await history(
			many(20, 3000),
		);
		const before = await packs();
		await withLease(
			repository,
			{ kind: "reader", snapshots: [], command: "test" },
			async () => {
				expect((await collect()).state).toBe("pending");
				const now = (await packs()).map(({ id }) => id);
				expect(now).toEqual(expect.arrayContaining(before.map((p) => p.id)));
				const f07 = edited(many(20, 3000)["f07"] as Uint8Array, 300, 5);
				await next({ f07, new: text(5000, 4) });
				expect((await collect()).state).toBe("pending");
			},
		);
		expect((await collect()).state).toBe("swept");
		const after = (await packs()).map(({ id }) => id);
		expect(before.filter(({ id }) => after.includes(id))).toEqual([]);
		await expectSound();
	});

	test("keeps long frames long when what is in them is forgotten in part", async () => {
		const first = many(30, 3000);
		const { repository, collect, expectSound, forgetOne, next, taken } =
			await history(first);
		const half = Object.fromEntries(
			Object.keys(first).flatMap((name, i) =>
				i % 3 === 0 ? [[name, noise(3000, 500 + i)]] : [],
			),
		);
		await next(half);
		await collect();
		await forgetOne([...taken.keys()][0] as SnapshotId);
		const result = await collect({
			maxUnused: { share: 0 },
			repack: undefined,
		});
		expect(result.bytesFreed).toBeGreaterThan(0);
		await expectSound();
		const frames = await contentFrames(repository);
		const long = frames.filter(isCold);
		const rawOf = (some: readonly FoundFrame[]) =>
			some.reduce((sum, { rawLength }) => sum + rawLength, 0);
		expect(rawOf(long)).toBeGreaterThan(rawOf(frames) / 2);
	});

	test("knows what others have stored since it looked last", async () => {
		const { repository, source, collect, expectSound, taken } = await history(
			many(12, 3000),
		);
		await repository.objects.prepare();
		const other = Object.assign(
			await place.repository({
				location: repository.backend.location,
				isThere: true,
			}),
			{ clock: repository.clock },
		);
		mkdirSync(join(source, "later"));
		writeFileSync(join(source, "later", "file"), text(5000, 3));
		const { id } = await take(other, source);
		taken.set(id as string, {});
		expect((await collect()).state).toBe("swept");
		await expectSound();
	});

	test("leaves a pack with damage where it is, and says so", async () => {
		const { repository, collect, packs } = await history(many(40, 3000));
		const before = await packs();
		const [hurt] = before;
		const { id } = hurt as { id: string };
		const file = join(repository.backend.location, "packs", id.slice(0, 2), id);
		const bytes = readFileSync(file);
		bytes[600] = (bytes[600] as number) ^ 1;
		writeFileSync(file, bytes, { mode: 0o600 });
		const told = async () => {
			const { findings } = await verify(repository, { level: "data" });
			return findings.map(({ code, message }) => `${code} ${message}`).sort();
		};
		const lost = await told();
		const result = await collect();
		expect(result.packsRegrouped).toBe(before.length - 1);
		expect((await packs()).map((pack) => pack.id)).toContain(id);
		expect(
			repository.events.some(
				(event) => event.type === "warning" && event.message.includes(id),
			),
		).toBe(true);
		expect(await told()).toEqual(lost);
	});
});

import {
	chmodSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { idAt, idBytes } from "@varve/format";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import { stats } from "../../packages/core/src/query/stats.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotOptions } from "../../packages/core/src/snapshot/options.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import {
	deltasOf,
	type FoundFrame,
	framesOf,
	idsIn,
	unfounded,
} from "./delta-workplace.ts";
import { asSnapshot, noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take as takeOne } from "./snapshot-workplace.ts";

const place = readingPlace("delta");

type Files = Record<string, Uint8Array>;

/** A source of some files, and a repository with a first snapshot of it. Each further snapshot is read back whole. */
async function workshop(files: Files) {
	const source = place.fresh("source");
	mkdirSync(source, { recursive: true });
	const repository = Object.assign(await place.repository(), {
		clock: lateClock,
	});
	const now: Files = {};
	const write = (changes: Files) => {
		for (const [name, bytes] of Object.entries(changes)) {
			mkdirSync(dirname(join(source, name)), { recursive: true });
			writeFileSync(join(source, name), bytes);
			now[name] = bytes;
		}
	};
	/** Takes a file elsewhere, or for gone. */
	const move = (from: string, to?: string) => {
		if (to !== undefined) renameSync(join(source, from), join(source, to));
		delete now[from];
	};
	const take = async (options: Partial<SnapshotOptions> = {}) => {
		const { id, record } = await takeOne(repository, source, options);
		if (id === undefined) throw new Error("no snapshot was taken");
		const taken = asSnapshot({ id, record });
		for (const [name, bytes] of Object.entries(now)) {
			const parts: Uint8Array[] = [];
			for await (const part of readFile(repository, taken, join(source, name)))
				parts.push(part);
			expect(Buffer.compare(Buffer.concat(parts), bytes), name).toBe(0);
		}
		return taken;
	};
	const expectSound = async () => {
		expect(await verify(repository, { level: "data" })).toMatchObject({
			findings: [],
		});
		expect(unfounded(await framesOf(repository))).toEqual([]);
	};
	write(files);
	await take();
	return { source, repository, write, move, take, expectSound };
}

/** The bytes with others put over those at `at`. */
function edited(bytes: Uint8Array, at: number, seed = 99) {
	const copy = bytes.slice();
	copy.set(noise(20, seed), at);
	return copy;
}

describe("a changed file", () => {
	const former = noise(1500, 7);

	test("is stored as a difference from its former version, and reads back exactly", async () => {
		const { repository, write, take, expectSound } = await workshop({
			a: former,
		});
		write({ a: edited(former, 700) });
		const { record } = await take();
		const deltas = await deltasOf(repository);
		expect(deltas.length).toBeGreaterThan(0);
		for (const { storedLength, rawLength } of deltas)
			expect(storedLength).toBeLessThan(rawLength / 2);
		expect(record.statistics.bytesAdded).toBeLessThanOrEqual(1500);
		await expectSound();
	});

	test("is told apart by stats, with what it takes", async () => {
		const { repository, write, take } = await workshop({ a: former });
		const none = { objects: 0, rawBytes: 0, storedBytes: 0 };
		const before = await stats(repository, await listSnapshots(repository));
		expect(before.deltas).toEqual(none);
		write({ a: edited(former, 700) });
		await take();
		const { deltas } = await stats(repository, await listSnapshots(repository));
		const frames = await deltasOf(repository);
		const sum = (of: (frame: FoundFrame) => number) =>
			frames.reduce((total, frame) => total + of(frame), 0);
		expect(deltas).toEqual({
			objects: sum(({ lengths }) => lengths.length),
			rawBytes: sum(({ rawLength }) => rawLength),
			storedBytes: sum(({ storedLength }) => storedLength),
		});
	});

	test("has the same bases in its third version, and no base that has bases itself", async () => {
		const { repository, write, take, expectSound } = await workshop({
			a: former,
		});
		const second = edited(former, 700, 1);
		write({ a: second });
		await take();
		const bases = new Set(
			(await deltasOf(repository)).flatMap(({ bases }) => idsIn(bases)),
		);
		write({ a: edited(second, 720, 2) });
		await take();
		const deltas = await deltasOf(repository);
		expect(deltas.length).toBeGreaterThan(1);
		for (const { bases: own } of deltas)
			for (const id of idsIn(own)) expect(bases).toContain(id);
		await expectSound();
	});

	test("is stored without bases where nothing is left of its former version, where that is asked, and with --force", async () => {
		const { repository, write, take, expectSound } = await workshop({
			a: former,
		});
		write({ a: noise(1500, 1234) });
		await take();
		write({ a: edited(noise(1500, 1234), 9) });
		await take({ delta: false });
		write({ a: edited(noise(1500, 1234), 1000) });
		await take({ force: true });
		expect(await deltasOf(repository)).toEqual([]);
		await expectSound();
	});

	test("that is large has as bases what stood around the same place, also where all of it has moved", async () => {
		const large = noise(200_000, 3);
		const { repository, write, take, expectSound } = await workshop({
			large,
		});
		const moved = new Uint8Array([...noise(5_000, 55), ...large]);
		write({ large: edited(edited(moved, 60_000, 5), 150_000, 6) });
		await take();
		const deltas = await deltasOf(repository);
		expect(deltas.length).toBeGreaterThan(1);
		for (const { bases, rawLength } of deltas) {
			expect(bases.length / idBytes).toBeLessThan(8);
			expect(rawLength).toBeLessThanOrEqual(8192);
		}
		await expectSound();
	});

	test("is not stored again where another file has come to hold the same", async () => {
		const { write, take, expectSound } = await workshop({ a: former });
		const now = edited(former, 700);
		write({ a: now });
		await take();
		write({ b: now });
		const { record } = await take();
		expect(record.statistics.chunksAdded).toBe(0);
		await expectSound();
	});

	test("with small neighbours shares a frame in which each chunk has one base", async () => {
		const names = Array.from({ length: 12 }, (_, i) => `f${i}`);
		const all = (change: (bytes: Uint8Array) => Uint8Array) =>
			Object.fromEntries(
				names.map((name, i) => [name, change(noise(400 + i, i + 1))]),
			);
		const { repository, write, take, expectSound } = await workshop(
			all((bytes) => bytes),
		);
		write(all((bytes) => edited(bytes, 10, 1)));
		await take();
		const deltas = await deltasOf(repository);
		expect(deltas.length).toBeLessThan(names.length);
		for (const { bases, lengths } of deltas)
			expect(bases.length / idBytes).toBe(lengths.length);
		const baseOf = new Map(
			deltas.flatMap(({ ids, bases }) =>
				idsIn(ids).map((id, i) => [id, idsIn(bases)[i]] as const),
			),
		);
		// Of all these files only one changes now: it finds its own base among those of the frame.
		const f5 = edited(noise(405, 6), 10, 1);
		write({ f5: edited(f5, 100, 2) });
		await take();
		const [latest, ...others] = (await deltasOf(repository)).filter(
			({ ids }) => !baseOf.has(idAt(ids)),
		);
		expect(others).toEqual([]);
		const sha256 = repository.tools.sha256(f5);
		expect(idsIn(latest?.bases ?? sha256)).toEqual([baseOf.get(idAt(sha256))]);
		await expectSound();
	});

	test("that was moved and changed is known by its inode, or by its name", async () => {
		const { repository, source, write, take, expectSound, move } =
			await workshop({ "d/a": former, "d/stays": noise(10, 3), b: former });
		// Another name and another content, but the inode of the one that is gone.
		move("b", "c");
		write({ c: edited(former, 700, 1) });
		await take();
		const first = await deltasOf(repository);
		expect(first.length).toBeGreaterThan(0);
		// A new file that has but the name of one that is gone.
		rmSync(join(source, "d/a"));
		write({ "e/a": edited(former, 900, 2) });
		move("d/a");
		await take();
		expect((await deltasOf(repository)).length).toBeGreaterThan(first.length);
		await expectSound();
	});

	test("comes back from where it is stored when that is asked", async () => {
		const { repository, write, take, expectSound } = await workshop({
			a: former,
		});
		write({ a: edited(former, 700) });
		await take({ verify: true, paranoid: true });
		expect(await deltasOf(repository)).not.toEqual([]);
		await expectSound();
	});

	test("is stored without the bases that cannot be read", async () => {
		const { repository, write, take } = await workshop({ a: former });
		await damageFirstFrame(repository);
		write({ a: edited(former, 700) });
		await take();
		expect(await deltasOf(repository)).toEqual([]);
	});
});

test("that nobody needs any more is no damage when gc has freed its base, and is stored again when it comes back", async () => {
	const former = noise(1500, 7);
	const { source, repository, write, move, take, expectSound } = await workshop(
		{ a: former },
	);
	write({ a: edited(former, 700), n: noise(900, 3) });
	await take();
	rmSync(join(source, "a"));
	move("a");
	const last = await take();
	const all = await listSnapshots(repository);
	await forget(repository, planByHand(all.filter(({ id }) => id !== last.id)));
	await gc(repository, { grace: 0, maxUnused: { share: 1 } });
	expect(unfounded(await framesOf(repository))).not.toEqual([]);
	expect(await verify(repository, { level: "data" })).toMatchObject({
		findings: [],
	});
	write({ a: edited(former, 700) });
	const { record } = await take();
	expect(record.statistics.bytesAdded).toBe(1500);
	await gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
	await expectSound();
});

test("whose base is damaged is named in every snapshot that has it", async () => {
	const former = noise(1500, 7);
	const { repository, source, write, take } = await workshop({ a: former });
	const [first] = await listSnapshots(repository);
	write({ a: edited(former, 700, 1) });
	const second = await take();
	write({ a: edited(former, 800, 2), b: noise(300, 5) });
	const third = await take();
	await damageFirstFrame(repository);
	const { findings } = await verify(repository, { level: "data" });
	const hurt = findings.flatMap(({ hurt }) => hurt);
	expect(new Set(hurt.map(({ path }) => path))).toEqual(
		new Set([join(source, "a")]),
	);
	expect(new Set(hurt.flatMap(({ snapshots }) => snapshots))).toEqual(
		new Set([first?.id, second.id, third.id]),
	);
});

/** Flips a bit in the middle of the content stored first. */
async function damageFirstFrame(repository: Repository): Promise<void> {
	const frames = await framesOf(repository);
	const first = frames.find(({ rawLength }) => rawLength === 1500);
	const { pack, offset, storedLength } = first as FoundFrame;
	const { location } = repository.backend;
	const path = join(location, "packs", pack.slice(0, 2), pack);
	const bytes = readFileSync(path);
	const at = offset + (storedLength >>> 1);
	bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
	chmodSync(path, 0o600);
	writeFileSync(path, bytes);
}

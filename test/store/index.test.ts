import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	existsSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { idBytes, type PackId, type SnapshotId } from "@varve/format";
import {
	ChunkPlace,
	createMemoryBackend,
	type RepositoryIndex,
} from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
	expectAnswers,
	type FakePack,
	FakeRepository,
	idsOfPack,
	makePack,
	makeRecord,
	newChunk,
} from "./index-fixture.ts";

let repository: FakeRepository;
beforeEach(() => {
	repository = new FakeRepository();
});
afterEach(() => repository.dispose());

const chunks = (count: number) => Array.from({ length: count }, newChunk);

async function addSegments(count: number, perSegment = 3): Promise<void> {
	for (let i = 0; i < count; i++)
		await repository.addSegment(makePack([{ chunks: perSegment }]));
}

const allIds = () =>
	Buffer.from(
		[...repository.packs.values()].flatMap(idsOfPack).sort().join(""),
		"hex",
	);

describe("look-ups", () => {
	test("of an empty repository know nothing and say so", async () => {
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		expect(index.lookup.empty).toBe(true);
		expect(index.lookupDescriptor.empty).toBe(true);
		await index.close();
	});

	test("are an error before the index has caught up", async () => {
		const index = await repository.open();
		expect(() => index.lookup).toThrow(/caught up/);
		await index.close();
	});

	test("are the same for one listing and others for another, so that one can tell whether what was found still stands", async () => {
		await addSegments(1);
		const index = await repository.caughtUp();
		const first = index.lookup;
		expect(index.lookup).toBe(first);
		await addSegments(1);
		await index.catchUp(repository.listing());
		expect(index.lookup).not.toBe(first);
		await index.close();
	});

	test("open no LevelDB for a few segments", async () => {
		await addSegments(8);
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		expect(index.lookupDescriptor.level).toBeUndefined();
		expect(existsSync(repository.indexFolder)).toBe(false);
		await index.close();
	});

	test("merge small segments into LevelDB when they become many, and leave a large one", async () => {
		await addSegments(1, 20_001);
		await addSegments(8);
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		expect(index.lookupDescriptor.segments).toHaveLength(1);
		expect(index.lookupDescriptor.merged).toHaveLength(8);
		await index.close();
		await addSegments(2);
		const next = await repository.caughtUp();
		expectAnswers(repository, next);
		expect(next.lookupDescriptor.segments).toHaveLength(3);
		expect(next.lookupDescriptor.merged).toHaveLength(8);
		await next.close();
	});

	test("give places of one frame that share it", async () => {
		await repository.addSegment(makePack([{ chunks: chunks(5) }]));
		const index = await repository.caughtUp();
		const places = index.places(allIds()) as ChunkPlace[];
		expect(places[0]).toBeInstanceOf(ChunkPlace);
		expect(new Set(places.map(({ frame }) => frame)).size).toBe(1);
		await index.close();
	});

	test("prefer a place in a frame without bases, wherever it is", async () => {
		const [base, chunk] = chunks(2) as [string, string];
		await addSegments(9);
		await repository.addSegment(makePack([{ chunks: [base] }]));
		await repository.addSegment(makePack([{ chunks: [chunk], bases: [base] }]));
		await repository.check();
		await repository.addSegment(makePack([{ chunks: [chunk] }]));
		await repository.check();
		await addSegments(9);
		await repository.check();
	});

	test("do not know a chunk whose base is gone, or lies in a frame with bases only", async () => {
		const [a, b, c] = chunks(3) as [string, string, string];
		const plain = makePack([{ chunks: [a] }]);
		await repository.addSegment(plain);
		await repository.addSegment(makePack([{ chunks: [b], bases: [a] }]));
		await repository.addSegment(makePack([{ chunks: [c], bases: [b] }]));
		for (let round = 0; round < 2; round++) {
			const index = await repository.caughtUp();
			const knows = (id: string) =>
				index.lookup.find(Buffer.from(id, "hex"), 0) !== undefined;
			expect([a, b, c].map(knows)).toEqual([true, true, false]);
			await index.close();
			await addSegments(9);
		}
		repository.condemned.add(plain.id);
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		expect(index.lookup.find(Buffer.from(b, "hex"), 0)).toBeUndefined();
		await index.close();
	});

	test("can catch up again, while the old descriptor stands for the old listing", async () => {
		await addSegments(12);
		const index = await repository.caughtUp();
		const before = index.lookupDescriptor;
		const old = allIds();
		await addSegments(12);
		await index.catchUp(repository.listing());
		expectAnswers(repository, index);
		const reply = await lookUpInThread(before, allIds());
		expect(reply.places.filter(Boolean)).toHaveLength(old.length / idBytes);
		await index.close();
	});

	test("stop when they are told to", async () => {
		await addSegments(12);
		const index = await repository.open();
		const signal = AbortSignal.abort(new Error("enough"));
		await expect(
			index.catchUp(repository.listing(), { signal }),
		).rejects.toThrow("enough");
		await index.close();
		await repository.check();
	});

	test("build no index again that is sound, whatever LevelDB does with its files", async () => {
		for (let round = 0; round < 4; round++) {
			await addSegments(9, 6000);
			// Closed while LevelDB still compacts.
			await repository.visit();
			await repository.visit();
		}
		await repository.visit();
		expect(repository.warningCodes()).toEqual([]);
	});

	test("drop an index that holds mostly what is gone", async () => {
		const many = makePack(
			Array.from({ length: 3 }, () => ({ chunks: 35_000 })),
		);
		await repository.addSegment(many);
		await addSegments(24, 1);
		const large = makePack([{ chunks: 20_001 }]);
		for (let i = 0; i < 9; i++) await repository.addSegment(large);
		await repository.visit();
		const sizeBefore = bytesIn(repository.indexFolder);
		for (const { name, packs } of repository.segments.values())
			if (packs.includes(many) || packs.includes(large))
				await repository.removeSegment(name);
		await repository.removePack(many.id);
		await repository.removePack(large.id);
		await repository.check();
		expect(bytesIn(repository.indexFolder)).toBeLessThan(sizeBefore / 10);
		expect(repository.warningCodes()).toEqual([]);
	});
});

const bytesIn = (folder: string) =>
	readdirSync(folder).reduce(
		(sum, name) => sum + readFileSync(join(folder, name)).length,
		0,
	);

async function lookUpInThread(
	descriptor: RepositoryIndex["lookupDescriptor"],
	ids: Uint8Array,
): Promise<{ empty: boolean; places: (string | undefined)[] }> {
	const worker = new Worker(new URL("lookup-worker.mjs", import.meta.url), {
		workerData: { descriptor },
	});
	worker.postMessage(ids);
	const [reply] = await once(worker, "message");
	await once(worker, "exit");
	return reply;
}

describe("look-ups in another thread", () => {
	for (const segments of [0, 5, 20])
		test(`answer as in this one, with ${segments} segments`, async () => {
			await addSegments(segments);
			const base = newChunk();
			if (segments > 0)
				await repository.addSegment(
					makePack([{ chunks: [base] }, { chunks: chunks(2), bases: [base] }]),
				);
			await repository.addPacks(makePack([{ chunks: chunks(3) }]));
			const index = await repository.caughtUp();
			const descriptor = index.lookupDescriptor;
			expect(descriptor.level !== undefined).toBe(segments === 20);
			const ids = Buffer.concat([allIds(), Buffer.from(newChunk(), "hex")]);
			const expected = index
				.places(ids)
				.map((p) => p && `${p.pack} ${p.offset} ${p.ordinal}`);
			const replies = await Promise.all([
				lookUpInThread(descriptor, ids),
				lookUpInThread(descriptor, ids),
			]);
			for (const { places } of replies) expect(places).toEqual(expected);
			expectAnswers(repository, index);
			await index.close();
			await repository.check();
			expect(repository.warningCodes()).toEqual([]);
		});

	for (const segments of [5, 40])
		test(`answer without a cache as in this one, also of packs in no segment, with ${segments} segments`, async () => {
			await addSegments(segments);
			await repository.addPacks(makePack([{ chunks: chunks(3) }]));
			const index = await repository.caughtUp({ cached: false });
			const { places } = await lookUpInThread(index.lookupDescriptor, allIds());
			expect(places).not.toContain(undefined);
			await index.close();
		});

	test("answer without LevelDB when it cannot be opened there", async () => {
		await addSegments(20);
		const index = await repository.caughtUp();
		const descriptor = {
			...index.lookupDescriptor,
			level: join(repository.folder, "no such index"),
		};
		const { places } = await lookUpInThread(descriptor, allIds());
		expect(places).not.toContain(undefined);
		await index.close();
	});
});

describe("an index that another process holds", () => {
	test("gives the same answers, from segments", async () => {
		await addSegments(60);
		await repository.addSnapshot("2026-11-21T00:00:00.000+00:00");
		const { location } = await repository.backend;
		const holder = spawn(
			process.execPath,
			[
				new URL("hold-index.mjs", import.meta.url).pathname,
				location,
				repository.cacheFolder,
				repository.id,
			],
			{ stdio: ["pipe", "pipe", "inherit"] },
		);
		await once(holder.stdout, "data");
		for (let round = 0; round < 2; round++) {
			const index = await repository.caughtUp();
			expectAnswers(repository, index);
			expect(index.lookupDescriptor.level).toBeUndefined();
			expect(index.lookupDescriptor.segments.length).toBeLessThan(40);
			const { places } = await lookUpInThread(index.lookupDescriptor, allIds());
			expect(places).not.toContain(undefined);
			const ids = [...repository.snapshots.keys()];
			expect(await index.records(ids)).toEqual(repository.snapshots);
			await index.setVerified([...repository.packs.keys()] as PackId[], 1);
			await index.close();
			await addSegments(1);
		}
		const exited = once(holder, "exit");
		holder.stdin.end();
		await exited;
		expect(repository.warningCodes()).toEqual([]);
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		expect(index.lookupDescriptor.level).toBeDefined();
		await index.close();
	});

	test("and its process killed, is used as it was left", async () => {
		await addSegments(20);
		await repository.check();
		const { location } = await repository.backend;
		const holder = spawn(
			process.execPath,
			[
				new URL("hold-index.mjs", import.meta.url).pathname,
				location,
				repository.cacheFolder,
				repository.id,
			],
			{ stdio: ["pipe", "pipe", "inherit"] },
		);
		await once(holder.stdout, "data");
		const exited = once(holder, "exit");
		holder.kill("SIGKILL");
		await exited;
		const index = await repository.caughtUp();
		expectAnswers(repository, index);
		const pack = "ab".repeat(32) as PackId;
		expect(await index.verified([pack])).toEqual(new Map([[pack, 7]]));
		await index.close();
		expect(repository.warningCodes()).toEqual([]);
	});

	test("or this process, by a second opening of the repository", async () => {
		await addSegments(40);
		const first = await repository.caughtUp();
		const second = await repository.caughtUp();
		expectAnswers(repository, second);
		expectAnswers(repository, first);
		await first.close();
		await second.close();
		await repository.check();
		expect(repository.warningCodes()).toEqual([]);
	});
});

describe("packs in no segment", () => {
	test("are adopted from their directories, and reported until a segment names them", async () => {
		await addSegments(2);
		const pack = makePack([
			{ chunks: chunks(3) },
			{ chunks: chunks(2), bases: chunks(1) },
		]);
		await repository.addPacks(pack);
		for (let round = 0; round < 2; round++) {
			const index = await repository.caughtUp();
			expectAnswers(repository, index);
			expect(index.adopted).toHaveLength(1);
			const { bytes: _, ...described } = pack;
			expect(index.adopted[0]).toEqual({
				...described,
				frames: pack.frames.map((frame) => ({
					...frame,
					ids: new Uint8Array(frame.ids),
					bases: new Uint8Array(frame.bases),
				})),
			});
			await index.close();
		}
		await repository.addSegment(pack);
		const index = await repository.caughtUp();
		expect(index.adopted).toEqual([]);
		expectAnswers(repository, index);
		await index.close();
	});

	test("are read once: the next index remembers them", async () => {
		await repository.addPacks(makePack([{ chunks: chunks(3) }]));
		await repository.check();
		const backend = faultyBackend(await repository.backend, [
			{ at: "read", nth: 1, always: true, error: () => new Error("read") },
		]);
		const again = new FakeRepository(backend);
		Object.assign(again, { cacheFolder: repository.cacheFolder });
		for (const entry of repository.packs) again.packs.set(...entry);
		const index = await again.caughtUp();
		expect(index.adopted).toHaveLength(1);
		await index.close();
	});

	test("and damaged, are warned of and count as absent", async () => {
		await addSegments(1);
		const { location } = await repository.backend;
		for (const at of [20, 60, -1, -60, -150]) {
			const pack = makePack([{ chunks: chunks(3) }]);
			await repository.addPacks(pack);
			const path = join(location, "packs", pack.id.slice(0, 2), pack.id);
			const bytes = readFileSync(path);
			const place = at < 0 ? bytes.length + at : at;
			bytes[place] = (bytes[place] as number) ^ 255;
			writeFileSync(path, bytes);
			const index = await repository.caughtUp();
			expect(index.adopted).toEqual([]);
			expect(repository.warningCodes()).toEqual(["BAD_PACK"]);
			await index.close();
			await repository.removePack(pack.id);
		}
	});
});

describe("damage in the repository", () => {
	test("of a segment: what it lists is adopted from the packs", async () => {
		await addSegments(12);
		const { location } = await repository.backend;
		const [name] = repository.segments.keys();
		const path = join(location, "segments", name as string);
		const bytes = readFileSync(path);
		for (let at = 0; at < bytes.length; at += 83) {
			const damaged = Buffer.from(bytes);
			damaged[at] = (damaged[at] as number) ^ 16;
			writeFileSync(path, damaged);
			rmSync(repository.cacheFolder, { recursive: true, force: true });
			await repository.check();
			expect(repository.warningCodes()).toEqual(["BAD_SEGMENT"]);
		}
	});

	test("of a pack's size: it counts as absent", async () => {
		await addSegments(12);
		const pack = [...repository.packs.values()][0] as FakePack;
		const listing = repository.listing();
		const packs = listing.packs.map((p) =>
			p.name === pack.id ? { ...p, size: p.size - 1 } : p,
		);
		const index = await repository.open();
		await index.catchUp({ ...listing, packs });
		expect(repository.warningCodes()).toEqual(["BAD_PACK"]);
		await repository.removePack(pack.id);
		expectAnswers(repository, index);
		await index.close();
	});
});

describe("storage that is not local", () => {
	test("has its segments copied to the cache, and read from there", async () => {
		const remote = new FakeRepository(createMemoryBackend());
		for (let i = 0; i < 5; i++)
			await remote.addSegment(makePack([{ chunks: chunks(3) }]));
		await remote.check();
		const copies = join(remote.cacheFolder, remote.id, "segments");
		expect(readdirSync(copies).sort()).toEqual(
			[...remote.segments.keys()].sort(),
		);
		const [name] = remote.segments.keys();
		writeFileSync(join(copies, name as string), "not a segment");
		await remote.check();
		const offline = faultyBackend(await remote.backend, [
			{ at: "read", nth: 1, always: true, error: () => new Error("offline") },
		]);
		const away = new FakeRepository(offline);
		Object.assign(away, { cacheFolder: remote.cacheFolder });
		for (const entry of remote.packs) away.packs.set(...entry);
		for (const entry of remote.segments) away.segments.set(...entry);
		await away.check();
		expect([...remote.warningCodes(), ...away.warningCodes()]).toEqual([]);
		await remote.removeSegment(name as string);
		await remote.check();
		expect(readdirSync(copies)).toHaveLength(4);
		await remote.dispose();
		await away.dispose();
	});

	test("and no cache: segments are held in memory", async () => {
		const remote = new FakeRepository(createMemoryBackend());
		for (let i = 0; i < 12; i++)
			await remote.addSegment(makePack([{ chunks: chunks(3) }]));
		const index = await remote.open({ cached: false });
		await index.catchUp(remote.listing());
		expectAnswers(remote, index);
		await index.close();
		await remote.dispose();
	});
});

describe("records of snapshots", () => {
	const time = (i: number) => `2026-11-21T00:00:${10 + i}.000+00:00`;

	test("are read once, and then known without opening an object", async () => {
		for (let i = 0; i < 20; i++) await repository.addSnapshot(time(i));
		const ids = [...repository.snapshots.keys()];
		const index = await repository.open();
		expect(await index.records(ids)).toEqual(repository.snapshots);
		await index.close();
		const { location } = await repository.backend;
		rmSync(join(location, "snapshots"), { recursive: true });
		const again = await repository.open();
		expect(await again.records(ids)).toEqual(repository.snapshots);
		expect((await again.records(ids.slice(3, 5))).size).toBe(2);
		await again.close();
		expect(repository.warningCodes()).toEqual([]);
	});

	test("that were added are known, and those of unlisted snapshots dropped", async () => {
		const index = await repository.open();
		const id = "12".repeat(32) as SnapshotId;
		const record = makeRecord(time(1));
		await index.addRecord(id, record);
		expect(await index.records([id])).toEqual(new Map([[id, record]]));
		await index.catchUp(repository.listing());
		expect(await index.records([id])).toEqual(new Map());
		await index.close();
	});

	test("that are damaged are left out with a warning, that have vanished without", async () => {
		const good = await repository.addSnapshot(time(1));
		const bad = await repository.addSnapshot(time(2));
		const gone = "34".repeat(32) as SnapshotId;
		const { location } = await repository.backend;
		writeFileSync(join(location, "snapshots", bad), "{}");
		const index = await repository.open();
		const records = await index.records([good, bad, gone]);
		expect([...records.keys()]).toEqual([good]);
		expect(repository.warningCodes()).toEqual(["BAD_RECORD"]);
		await index.close();
	});

	test("that cannot be read are a failure", async () => {
		const id = await repository.addSnapshot(time(1));
		const backend = faultyBackend(await repository.backend, [
			{ at: "read", nth: 1, error: () => new Error("unplugged") },
		]);
		const faulty = new FakeRepository(backend);
		const index = await faulty.open();
		await expect(index.records([id])).rejects.toThrow("unplugged");
		await index.close();
		await faulty.dispose();
	});
});

describe("packs found good", () => {
	test("are remembered with the time", async () => {
		const packs = chunks(3) as unknown as [PackId, PackId, PackId];
		const index = await repository.open();
		await index.setVerified(packs.slice(0, 2), 1_700_000_000_123);
		await index.close();
		const again = await repository.open();
		expect(await again.verified(packs)).toEqual(
			new Map([
				[packs[0], 1_700_000_000_123],
				[packs[1], 1_700_000_000_123],
			]),
		);
		await again.close();
	});

	test("are not, without a cache", async () => {
		const index = await repository.open({ cached: false });
		await index.setVerified(["aa".repeat(32) as PackId], 1);
		expect((await index.verified(["aa".repeat(32) as PackId])).size).toBe(0);
		await index.close();
	});
});

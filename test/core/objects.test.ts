import { createHash } from "node:crypto";
import {
	type Bytes,
	type ChunkId,
	CorruptError,
	dictionaryPrefixBytes,
	FrameKind,
	idBytes,
	type PackId,
	type Place,
	type TreeId,
	toHex,
	utf8,
} from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import {
	BaseTable,
	placesOfBases,
} from "../../packages/core/src/base-places.ts";
import { FrameCache } from "../../packages/core/src/frame-cache.ts";
import { createObjectReader } from "../../packages/core/src/objects.ts";
import {
	noise,
	readingPlace,
	type TestRepository,
	takeSnapshot,
} from "./reading-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("objects");
const sha256 = (bytes: Bytes): Bytes =>
	new Uint8Array(createHash("sha256").update(bytes).digest());

async function repositoryOf(tree: Parameters<typeof makeTree>[1]) {
	const folder = place.fresh("source");
	makeTree(folder, tree);
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	const snapshot = await takeSnapshot(repository, folder);
	await repository.objects.prepare();
	const root = snapshot.record.roots[0]?.tree as TreeId;
	return { backend, repository, root };
}

const node = ({ objects }: TestRepository, tree: TreeId, name: string) =>
	objects.lookup(tree, utf8(name));

describe("object reader", () => {
	test("gives content back in order, also of files with lists of items", async () => {
		const long = noise(60_000);
		const { repository, root } = await repositoryOf({ long, short: "few" });
		for (const [name, bytes] of [
			["long", long],
			["short", utf8("few")],
		] as const) {
			const content = node(repository, root, name)?.content;
			if (content === undefined) throw new Error(`no ${name}`);
			const parts = [...repository.objects.bytes(content)].map((part) =>
				part.slice(),
			);
			expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
			const items = [...repository.objects.items(content)];
			expect(items.reduce((sum, { length }) => sum + length, 0)).toBe(
				bytes.length,
			);
		}
	});

	test("takes no chunk for missing on the word of a look-up alone, which a damaged index makes forgetful", async () => {
		const { repository, root } = await repositoryOf({ file: "content" });
		const { backend, index, tools } = repository;
		const forgetful = new Proxy(index, {
			get(target, key) {
				const empty = false;
				if (key === "lookup")
					return { empty, find: () => undefined, close: () => undefined };
				const value: unknown = Reflect.get(target, key, target);
				return typeof value === "function" ? value.bind(target) : value;
			},
		});
		const objects = createObjectReader({ backend, index: forgetful, tools });
		expect(objects.read(root as unknown as ChunkId).length).toBeGreaterThan(0);
		const nowhere = "ab".repeat(32) as ChunkId;
		expect(() => objects.read(nowhere)).toThrow(
			expect.objectContaining({ code: "MISSING_CHUNK" }),
		);
	});

	test("gives runs of zeros in slices of at most 1 MiB", async () => {
		const { repository, root } = await repositoryOf({
			zeros: new Uint8Array(2_500_000),
		});
		const content = node(repository, root, "zeros")?.content;
		if (content === undefined) throw new Error("no file");
		const lengths = [...repository.objects.bytes(content)].map(
			(slice) => slice.length,
		);
		expect(lengths.reduce((a, b) => a + b, 0)).toBe(2_500_000);
		expect(Math.max(...lengths)).toBeLessThanOrEqual(1024 * 1024);
	});

	test("reads a directory of many pages in order, and finds each name in it", async () => {
		const names = Array.from({ length: 9000 }, (_, i) => `n${i}`);
		const { repository, root } = await repositoryOf(
			Object.fromEntries(names.map((name) => [name, ""])),
		);
		const found = [...repository.objects.nodes(root)].map(({ name }) =>
			Buffer.from(name).toString(),
		);
		expect(found).toEqual([...names].sort());
		for (const name of ["n0", "n4500", "n8999"])
			expect(node(repository, root, name)).toBeDefined();
		expect(node(repository, root, "n9000")).toBeUndefined();
		expect(node(repository, root, "zzz")).toBeUndefined();
	});

	test("keeps nodes as they are while others are read", async () => {
		const { repository, root } = await repositoryOf({
			a: { x: "1" },
			b: { y: noise(9000) },
		});
		const { backend, index, tools } = repository;
		const objects = createObjectReader({
			backend,
			index,
			tools,
			cacheBytes: 1,
		});
		const before = [...objects.nodes(root)];
		const names = before.map(({ name }) => toHex(name));
		for (const { tree } of before) if (tree) [...objects.nodes(tree)];
		expect(before.map(({ name }) => toHex(name))).toEqual(names);
	});

	test("names a chunk that is in no pack", async () => {
		const { repository } = await repositoryOf({ a: "1" });
		const id = "12".repeat(32) as ChunkId;
		expect(() => repository.objects.read(id)).toThrowError(
			expect.objectContaining({
				name: "CorruptError",
				code: "MISSING_CHUNK",
				details: { chunk: id },
			}),
		);
	});

	test("never gives bytes that do not match the id asked for, whatever was read before", async () => {
		const { backend, repository, root } = await repositoryOf({
			a: { one: "1" },
			b: { two: "2" },
			c: { three: "3" },
		});
		const trees = [...repository.objects.nodes(root)].map(
			({ tree }) => tree as TreeId,
		);
		for (const { name, size } of await backend.files("packs"))
			for (let at = 0; at < size; at += 7) {
				backend.tamper("packs", name, flip(at));
				const { index, tools } = repository;
				const objects = createObjectReader({ backend, index, tools });
				for (const id of [...trees, root, ...trees]) {
					try {
						expect(toHex(sha256(objects.read(id)))).toBe(id);
					} catch (error) {
						expect(error).toMatchObject({
							name: "CorruptError",
							code: "BAD_CHUNK",
						});
					}
				}
				backend.heal();
			}
	});
});

/** Packs whose frames are as many bytes as asked for, each chunk one byte; a frame with bases repeats theirs before its own. */
function fakeFrames(frames: { [offset: number]: Partial<Place> }) {
	const reads: string[] = [];
	const pack = "aa".repeat(32) as PackId;
	const placeAt = (offset: number): Place => ({
		pack,
		packSize: 0,
		kind: FrameKind.content,
		offset,
		storedLength: 10,
		rawLength: 4,
		bases: new Uint8Array(0),
		ordinal: 0,
		length: 4,
		...frames[offset],
	});
	const cache = (limit: number) =>
		new FrameCache(
			{
				reads: {
					readInto: (_kind, _name, at, target) => {
						reads.push(`${at}+${target.length}`);
						for (let i = 0; i < target.length; i++) target[i] = at + i;
					},
					size: () => undefined,
					close: () => {},
				},
				tools: {
					sha256,
					decoder: {
						decode: (stored, { dictionary, target }) => {
							const at = stored[0] as number;
							const { rawLength, bases: ids } = placeAt(at);
							const raw = target?.subarray(0, rawLength) ?? new Uint8Array(0);
							raw.fill(at);
							if (ids.length > 0)
								raw.set(dictionary(ids).subarray(dictionaryPrefixBytes));
							const lengths = Uint32Array.of(rawLength);
							return { kind: FrameKind.content, lengths, raw };
						},
					},
				},
				// An id is the offset of its frame, 32 times.
				lookup: {
					find: (ids, at) =>
						frames[ids[at] as number] && placeAt(ids[at] as number),
				},
			},
			limit,
		);
	return { reads, placeAt, cache };
}

const idOf = (offset: number) => new Uint8Array(idBytes).fill(offset);

describe("a table of bases", () => {
	test("answers what was told last", () => {
		const { placeAt } = fakeFrames({ 1: {}, 2: {} });
		const table = new BaseTable();
		const bases = Uint8Array.from([...idOf(2), ...idOf(1), ...idOf(2)]);
		const asked: number[] = [];
		const told = placesOfBases([{ bases }, { bases: idOf(3) }], (ids) =>
			Array.from({ length: ids.length / idBytes }, (_, i) => {
				const offset = ids[i * idBytes] as number;
				asked.push(offset);
				return offset === 3 ? undefined : placeAt(offset);
			}),
		);
		expect(asked).toEqual([1, 2, 3]);
		table.tell(told);
		expect(table.find(bases, 0)?.offset).toBe(2);
		expect(table.find(bases, idBytes)?.offset).toBe(1);
		expect(table.find(idOf(3), 0)).toBeUndefined();
		table.tell(undefined);
		expect(table.find(bases, 0)).toBeUndefined();
	});

	test("asks nothing for frames without bases", () => {
		const none = new Uint8Array(0);
		const found = placesOfBases([{ bases: none }], () => {
			throw new Error("asked");
		});
		expect(found).toBeUndefined();
	});
});

describe("frame cache", () => {
	test("reads and decodes a frame once while it is kept", () => {
		const { reads, placeAt, cache } = fakeFrames({});
		// Small frames have a quarter of it.
		const frames = cache(4 * 2 * 4 * 1024);
		for (const offset of [10, 20, 10, 20]) frames.frame(placeAt(offset));
		expect(reads).toEqual(["10+10", "20+10"]);
		frames.frame(placeAt(30));
		expect(frames.has(placeAt(10))).toBe(false);
		expect(frames.has(placeAt(20))).toBe(true);
		expect([...frames.frame(placeAt(20)).raw]).toEqual([20, 20, 20, 20]);
	});

	test("takes frames of other sizes when they come, and then keeps to its limit", () => {
		const sizes = [4, 100_000, 4, 300_000, 4, 4, 100_000];
		const frames = Object.fromEntries(
			sizes.map((size, i) => [i * 10, { rawLength: size, length: size }]),
		);
		const { placeAt, cache } = fakeFrames(frames);
		const kept = cache(512 * 1024);
		for (let round = 0; round < 3; round++)
			sizes.forEach((size, i) => {
				const frame = kept.frame(placeAt(i * 10));
				expect(frame.raw.length).toBe(size);
				expect(frame.raw.every((byte) => byte === i * 10)).toBe(true);
			});
	});

	test("takes frames out of what was read ahead", () => {
		const { reads, placeAt, cache } = fakeFrames({});
		const frames = cache(1024 * 1024);
		frames.readAhead(placeAt(0).pack, 50, 30);
		for (const offset of [50, 70, 60]) frames.frame(placeAt(offset));
		expect(reads).toEqual(["50+30"]);
		frames.frame(placeAt(80));
		expect(reads).toEqual(["50+30", "80+10"]);
	});

	test("resolves bases through itself, in order, past what was read ahead", () => {
		const both = new Uint8Array(2 * idBytes);
		both.set(idOf(20));
		both.set(idOf(30), idBytes);
		const { placeAt, cache } = fakeFrames({
			10: { bases: both, rawLength: 8, length: 8 },
			20: {},
			30: {},
		});
		const frames = cache(64 * 1024);
		frames.readAhead(placeAt(10).pack, 10, 20);
		expect([...frames.frame(placeAt(10)).raw]).toEqual([
			20, 20, 20, 20, 30, 30, 30, 30,
		]);
	});

	test("refuses a base that is missing, or has bases itself", () => {
		const { placeAt, cache } = fakeFrames({
			10: { bases: idOf(20), rawLength: 4 },
			20: { bases: idOf(10), rawLength: 4 },
			30: { bases: idOf(99), rawLength: 4 },
		});
		for (const offset of [10, 30])
			expect(() => cache(64 * 1024).frame(placeAt(offset))).toThrowError(
				expect.objectContaining({ code: "MISSING_BASE" }),
			);
	});

	test("refuses a frame that is said to be too long before it takes memory for it", () => {
		const { reads, placeAt, cache } = fakeFrames({
			10: { rawLength: 2 ** 32 - 1 },
			20: { storedLength: 2 ** 32 - 1 },
		});
		for (const offset of [10, 20])
			expect(() => cache(64 * 1024).frame(placeAt(offset))).toThrowError(
				CorruptError,
			);
		expect(reads).toEqual([]);
	});
});

import { spawnSync } from "node:child_process";
import {
	closeSync,
	copyFileSync,
	ftruncateSync,
	lstatSync,
	mkdirSync,
	openSync,
	readFileSync,
	statfsSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	contentLength,
	type Node,
	spanBytes,
	type TreeId,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExtentFinder } from "../../packages/core/src/native/extents.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import {
	believedHoles,
	type Hole,
	HoleFinder,
	holeMargin,
	minHole,
} from "../../packages/core/src/snapshot/holes.ts";
import type { Ingest } from "../../packages/core/src/snapshot/ingest.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import { readAround } from "../../packages/core/src/snapshot/read-around.ts";
import { planSpans } from "../../packages/core/src/snapshot/span-plan.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("sparse");
const clock = lateClock;
const KiB = 1024;
const MiB = 1024 * KiB;

const noise = Buffer.alloc(4 * MiB);
for (let i = 0; i < noise.length; i += 4)
	noise.writeInt32LE(Math.imul(i + 1, 2654435761) | 1, i);

/** Bytes of content at a place: noise, or zeros that are written. */
interface Stretch {
	readonly at: number;
	readonly length: number;
	readonly zeros?: boolean;
}

function writeSparse(path: string, size: number, data: readonly Stretch[]) {
	const fd = openSync(path, "w");
	ftruncateSync(fd, size);
	for (const { at, length, zeros } of data)
		for (let done = 0; done < length; ) {
			const part = Math.min(noise.length, length - done, size - at - done);
			if (part <= 0) break;
			const bytes = zeros === true ? Buffer.alloc(part) : noise;
			done += writeSync(fd, bytes, 0, part, at + done);
		}
	closeSync(fd);
}

function folderWith(size: number, data: readonly Stretch[]): string {
	const folder = place.fresh("source");
	mkdirSync(folder);
	writeSparse(join(folder, "image"), size, data);
	return folder;
}

const holesOf = (path: string) =>
	new HoleFinder().of(path, lstatSync(path, { bigint: true }));

async function nodeOf(repository: Repository, result: SnapshotResult) {
	await repository.objects.prepare();
	const tree = treeOf(result) as TreeId;
	return [...repository.objects.nodes(tree)] as Node[];
}

/** Holes are believed here. */
const isSparseHere =
	[0xef53, 0x01021994, 0x58465342, 0x9123683e].includes(
		statfsSync(tmpdir()).type,
	) && new ExtentFinder().of(openSync(tmpdir(), "r"), 0, 1) !== undefined;

describe("holes that need not be read", () => {
	const file = { size: 100 * MiB, allocated: 4 * MiB, blockBytes: 4096 };
	const two = [10 * MiB, 12 * MiB, 50 * MiB, 52 * MiB];

	test("T44 are what lies between the extents, if the file has no more blocks than these", () => {
		expect(believedHoles(two, file)).toEqual([
			{ start: 0, end: 10 * MiB },
			{ start: 12 * MiB, end: 50 * MiB },
			{ start: 52 * MiB, end: 100 * MiB },
		]);
		expect(believedHoles([], { ...file, allocated: 0 })).toEqual([
			{ start: 0, end: 100 * MiB },
		]);
	});

	test("T44 are none if one block more than the lists of blocks take is not accounted for", () => {
		const slack = (4 * MiB) / 256 + holeMargin;
		const allocated = file.allocated + slack;
		expect(believedHoles(two, { ...file, allocated })).toHaveLength(3);
		expect(believedHoles(two, { ...file, allocated: allocated + 512 })).toEqual(
			[],
		);
		expect(believedHoles(two.slice(0, 2), file)).toEqual([]);
	});

	test("are not the short ones", () => {
		const extents = [
			0,
			MiB,
			MiB + minHole - 1,
			2 * MiB,
			2 * MiB + minHole,
			3 * MiB,
		];
		const three = { size: 3 * MiB, allocated: 2 * MiB, blockBytes: 4096 };
		expect(believedHoles(extents, three)).toEqual([
			{ start: 2 * MiB, end: 2 * MiB + minHole },
		]);
	});

	test("T44 are none where the file is not what lstat said, is none, or the file system is another", () => {
		const folder = folderWith(8 * MiB, [{ at: 0, length: KiB }]);
		const path = join(folder, "image");
		const stat = lstatSync(path, { bigint: true });
		const finder = new HoleFinder();
		if (isSparseHere) expect(finder.of(path, stat)).toHaveLength(1);
		for (const key of ["ino", "size", "mtimeNs", "ctimeNs"] as const)
			expect(
				finder.of(path, {
					ino: stat.ino,
					size: stat.size,
					mtimeNs: stat.mtimeNs,
					ctimeNs: stat.ctimeNs,
					[key]: stat[key] + 1n,
				}),
			).toEqual([]);
		expect(finder.of(join(folder, "absent"), stat)).toEqual([]);
		expect(finder.of(folder, lstatSync(folder, { bigint: true }))).toEqual([]);
		const proc = "/proc/self/status";
		expect(finder.of(proc, lstatSync(proc, { bigint: true }))).toEqual([]);
	});

	test("T44 are none where the system cannot say where data lies", () => {
		const folder = folderWith(8 * MiB, [{ at: 0, length: KiB }]);
		const path = join(folder, "image");
		const finder = new HoleFinder(new ExtentFinder(() => undefined));
		expect(finder.of(path, lstatSync(path, { bigint: true }))).toEqual([]);
	});
});

describe("reading around holes", () => {
	const path = join(place.fresh("around"));
	const size = 20 * holeMargin;

	/** What came to be read, and what was left out. */
	function readWith(skips: readonly number[], data: readonly Stretch[]) {
		writeSparse(path, size, data);
		const log: string[] = [];
		const memory = new Uint8Array(100_000);
		const ingest = {
			window: () => memory,
			take: (count: number) => void log.push(`${count}`),
			skip: (length: number) => void log.push(`-${length / holeMargin}`),
		} as unknown as Ingest;
		const fd = openSync(path, "r");
		const part = { start: 0, length: size, skips, isWhole: true };
		const outcome = readAround({ ingest, fd, throttle: () => {} }, part);
		closeSync(fd);
		const read = log.filter((line) => !line.startsWith("-"));
		const bytes = read.reduce((sum, count) => sum + Number(count), 0);
		return [
			outcome,
			bytes / holeMargin,
			...log.filter((l) => l.startsWith("-")),
		];
	}
	const margins = (...numbers: number[]) => numbers.map((n) => n * holeMargin);

	test("leaves out the holes and nothing else", () => {
		const data = [{ at: 9 * holeMargin, length: 2 * holeMargin }];
		expect(readWith(margins(0, 8, 12, 20), data)).toEqual([
			"read",
			4,
			"-8",
			"-8",
		]);
		expect(readWith(margins(4, 8), data)).toEqual(["read", 16, "-4"]);
		expect(readWith([], data)).toEqual(["read", 20]);
	});

	test("T44 finds a hole that is none by a single byte in its margins", () => {
		for (const at of [
			3 * holeMargin,
			4 * holeMargin - 1,
			8 * holeMargin,
			9 * holeMargin - 1,
		])
			expect(readWith(margins(4, 8), [{ at, length: 1 }])[0]).toBe("not zeros");
		for (const at of [3 * holeMargin - 1, 9 * holeMargin])
			expect(readWith(margins(4, 8), [{ at, length: 1 }])[0]).toBe("read");
	});

	test("says that the file is shorter by then, and what the system says", () => {
		expect(readWith(margins(4, 8, 12, 19), [])[0]).toBe("read");
		const part = { start: size, length: size, skips: [], isWhole: true };
		const ingest = { window: () => new Uint8Array(1) } as unknown as Ingest;
		const fd = openSync(path, "r");
		const throttle = () => {};
		expect(readAround({ ingest, fd, throttle }, part)).toBe("ended");
		closeSync(fd);
		expect(readAround({ ingest, fd: -1, throttle }, part)).toHaveProperty(
			"error",
		);
	});
});

describe("the plan of a sparse file", () => {
	const holes = fc
		.uniqueArray(fc.integer({ min: 0, max: 12 * 1024 }), { maxLength: 12 })
		.map((cuts) => {
			const sorted = cuts.toSorted((a, b) => a - b);
			const found: Hole[] = [];
			for (let i = 0; i + 1 < sorted.length; i += 2) {
				const start = (sorted[i] as number) * 64 * KiB;
				const end = (sorted[i + 1] as number) * 64 * KiB;
				if (end - start >= minHole) found.push({ start, end });
			}
			return found;
		});

	test("covers each byte once, skips nothing but holes, and leaves their margins within a span to be read", () => {
		fc.assert(
			fc.property(
				holes,
				fc.integer({ min: 1, max: 100 * MiB }),
				(found, more) => {
					const size = Math.max(0, ...found.map(({ end }) => end)) + more;
					const { spans, zeros } = planSpans(size, found);
					const parts = [
						...spans.map(({ start, length }) => [start, length] as const),
						...zeros.map((z) => [z.span * spanBytes, z.length] as const),
					].toSorted((a, b) => a[0] - b[0]);
					let at = 0;
					for (const [start, length] of parts) {
						expect(start).toBe(at);
						at += length;
					}
					expect(at).toBe(size);
					expect(spans[0]?.start).toBe(0);
					const isIn = (from: number, to: number, margin: number) =>
						found.some(
							({ start, end }) =>
								(start + margin <= from || from % spanBytes === 0) &&
								start <= from &&
								(to + margin <= end || to % spanBytes === 0 || to === size) &&
								to <= end,
						);
					for (const { start, length, skips, bytes } of spans) {
						let skipped = 0;
						for (let i = 0; i < skips.length; i += 2) {
							const [from, to] = [skips[i] as number, skips[i + 1] as number];
							expect(isIn(from, to, holeMargin)).toBe(true);
							expect(from).toBeGreaterThanOrEqual(start);
							expect(to).toBeLessThanOrEqual(start + length);
							skipped += to - from;
						}
						expect(bytes).toBe(length - skipped);
					}
					for (const { span, length } of zeros)
						expect(isIn(span * spanBytes, span * spanBytes + length, 0)).toBe(
							true,
						);
				},
			),
		);
	});

	test("has one part for all spans in a hole, however many", () => {
		const size = 2 ** 50;
		const plan = planSpans(size, [{ start: MiB, end: size }]);
		expect(plan.spans.map(({ bytes }) => bytes)).toEqual([MiB + holeMargin]);
		expect(plan.zeros).toEqual([{ span: 1, length: size - spanBytes }]);
	});
});

describe.skipIf(!isSparseHere)("a sparse file", () => {
	const sizes = fc.integer({ min: MiB, max: 200 * MiB });
	const stretches = fc.array(
		fc.record({
			at: fc.oneof(
				fc.integer({ min: 0, max: 200 * MiB }),
				fc.constantFrom(0, spanBytes - 70 * KiB, spanBytes, 2 * spanBytes - 1),
			),
			length: fc.oneof(
				fc.integer({ min: 1, max: 300 * KiB }),
				fc.constant(2 * MiB),
			),
			zeros: fc.boolean(),
		}),
		{ maxLength: 5 },
	);

	test("T44 T72 has the same items whether its zeros were read or lie in holes", async () => {
		const repository = await place.repository({ clock });
		await fc.assert(
			fc.asyncProperty(sizes, stretches, async (size, data) => {
				const inside = data.filter(({ at }) => at < size);
				const folder = folderWith(size, inside);
				const dense = join(folder, "dense");
				copyFileSync(join(folder, "image"), dense);
				// Written anew, it has no holes.
				writeFileSync(dense, readFileSync(join(folder, "image")));
				const nodes = await nodeOf(repository, await take(repository, folder));
				const [written, sparse] = nodes as [Node, Node];
				expect(sparse.content).toEqual(written.content);
				expect(contentLength(sparse.content)).toBe(size);
				expect(written.holes).toBe(false);
			}),
			{ numRuns: 12 },
		);
	}, 120_000);

	test("T44 whose blocks its data does not account for is read, and has the same tree", async () => {
		const data = [
			{ at: 3 * MiB + 5, length: 100_000 },
			{ at: 80 * MiB, length: 2 * MiB },
		];
		const folders = [0, 1].map(() => folderWith(150 * MiB, data));
		const [plain, filled] = folders.map((folder) => join(folder, "image"));
		// Room that is set aside counts as blocks, and holds nothing.
		const { status } = spawnSync("fallocate", [
			...["--keep-size", "--offset", `${10 * MiB}`, "--length", `${MiB}`],
			filled as string,
		]);
		expect(status).toBe(0);
		for (const path of [plain, filled])
			spawnSync("touch", ["-d", "2024-01-01", path as string]);
		expect(holesOf(plain as string)).toHaveLength(3);
		expect(holesOf(filled as string)).toHaveLength(0);
		const repository = await place.repository({ clock });
		const trees: (TreeId | undefined)[] = [];
		for (const folder of folders)
			trees.push(treeOf(await take(repository, folder)));
		expect(trees[0]).toBe(trees[1]);
	});

	test("T72 of 1 TiB with 1 MiB of data is stored at once", async () => {
		const size = 2 ** 40;
		const at = 600 * 1024 * MiB + 12_345;
		const folder = folderWith(size, [{ at, length: MiB }]);
		const repository = await place.repository({ clock });
		const result = await take(repository, folder);
		const [node] = (await nodeOf(repository, result)) as [Node];
		expect(contentLength(node.content)).toBe(size);
		expect(node).toMatchObject({ holes: true, torn: false });
		expect(result.record.statistics.bytesAdded).toBeLessThanOrEqual(2 * MiB);
		expect(statSync(join(folder, "image")).blocks * 512).toBeLessThan(2 * MiB);
		const flat = [...repository.objects.items(node.content)];
		let offset = 0;
		for (const { length, id } of flat as { length: number; id?: unknown }[]) {
			if (id !== undefined) {
				expect(offset).toBeGreaterThanOrEqual(at - holeMargin);
				expect(offset + length).toBeLessThanOrEqual(at + MiB + holeMargin);
			}
			offset += length;
		}
		expect(offset).toBe(size);
	});

	test("of nothing but a hole is one run of zeros", async () => {
		const folder = folderWith(2 ** 40, []);
		const repository = await place.repository({ clock, workers: 2 });
		const [node] = (await nodeOf(
			repository,
			await take(repository, folder),
		)) as [Node];
		expect(node.content).toMatchObject({ kinds: [0], lengths: [2 ** 40] });
	});

	test("that is no longer so is read as it is", async () => {
		const folder = folderWith(100 * MiB, []);
		const repository = await place.repository({ clock });
		await take(repository, folder);
		writeSparse(join(folder, "image"), 90 * MiB, [{ at: 80 * MiB, length: 9 }]);
		const [node] = (await nodeOf(
			repository,
			await take(repository, folder),
		)) as [Node];
		expect(contentLength(node.content)).toBe(90 * MiB);
		truncateSync(join(folder, "image"), 0);
		const [empty] = (await nodeOf(
			repository,
			await take(repository, folder),
		)) as [Node];
		expect(empty).toMatchObject({ holes: false });
	});
});

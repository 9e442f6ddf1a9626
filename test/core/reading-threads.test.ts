import {
	closeSync,
	mkdtempSync,
	openSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	initRepository,
	openRepository,
	type Repository,
	restore,
	type Snapshot,
	snapshot,
	verify,
} from "@varve/core";
import { wholeScope } from "@varve/format";
import { makeTree } from "@varve/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noise } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

// The built package: worker threads run from dist.
const folder = mkdtempSync(join(tmpdir(), "varve-threads-"));
const source = join(folder, "source");
const location = join(folder, "repository");
const cacheFolder = join(folder, "cache");
const megabyte = 1024 * 1024;
const opened: Repository[] = [];
let taken: Snapshot;
let wholeTree: ReturnType<typeof describeTree>;

const open = async (workers: number) => {
	const repository = await openRepository({ location, cacheFolder, workers });
	opened.push(repository);
	return repository;
};

beforeAll(async () => {
	makeTree(source, {
		many: Object.fromEntries(
			Array.from({ length: 3000 }, (_, i) => [`f${i}`, noise(i, i)]),
		),
		middle: noise(3 * megabyte, 5),
	});
	writeFileSync(join(source, "large"), noise(33 * megabyte, 6));
	const sparse = openSync(join(source, "sparse"), "w");
	for (const at of [0, 30, 45])
		writeSync(sparse, noise(megabyte, at), 0, megabyte, at * megabyte);
	closeSync(sparse);
	wholeTree = describeTree(source);
	const repository = await initRepository({
		location,
		cacheFolder,
		workers: 2,
	});
	opened.push(repository);
	const { id, record } = await snapshot(repository, {
		roots: [{ path: source, kind: "directory", names: [] }],
		scope: wholeScope,
	});
	if (id === undefined) throw new Error("no snapshot was taken");
	const { tags, pin, note } = record;
	const rest = { expires: undefined, forgotten: false };
	taken = { id, record, tags, pin, note, ...rest };
});

afterAll(async () => {
	for (const repository of opened) await repository.close();
	rmSync(folder, { recursive: true, force: true });
});

describe("restore and verify in worker threads", () => {
	test.each([0, 2])(
		"%i threads restore the same, large and sparse files included",
		async (workers) => {
			const repository = await open(workers);
			const target = join(folder, `target${workers}`);
			const report = await restore(repository, {
				snapshot: taken,
				target,
				subpath: source,
				verify: true,
			});
			expect(report.problems).toEqual([]);
			expect(describeTree(target)).toEqual(wholeTree);
			expect(report.files).toBe(3003);
			expect(report.bytes).toBe(taken.record.statistics.bytes);
			expect(report.verified).toEqual({
				files: report.files,
				bytes: report.bytes,
			});
			const { blocks } = statSync(join(target, "sparse"));
			expect(blocks * 512).toBeLessThan(10 * megabyte);
			rmSync(target, { recursive: true });
		},
	);

	test("a restore that is stopped leaves only whole files", async () => {
		const controller = new AbortController();
		const reason = new Error("enough");
		const repository = await openRepository({
			location,
			cacheFolder,
			workers: 2,
			observer: {
				on: (event) => {
					if (event.type === "step" && event.step.files > 0)
						controller.abort(reason);
				},
			},
		});
		opened.push(repository);
		const target = join(folder, "target-stopped");
		const options = { snapshot: taken, target, subpath: source };
		const { signal } = controller;
		await expect(restore(repository, { ...options, signal })).rejects.toBe(
			reason,
		);
		const made = describeTree(target);
		const contents = ([path, entry]: [string, string]) =>
			`${path} ${entry.split(" ").slice(3).join(" ")}`;
		const whole = new Set(Object.entries(wholeTree).map(contents));
		for (const entry of Object.entries(made))
			expect(whole).toContain(contents(entry));
	});

	test.each(["data", "scrub"] as const)(
		"threads verify the same (%s)",
		async (level) => {
			const reports = [];
			for (const workers of [0, 2]) {
				const { duration, proofs, ...report } = await verify(
					await open(workers),
					{ level },
				);
				// When the oldest was proved is not the same for both.
				reports.push({ ...report, proofs: { ...proofs, oldest: undefined } });
			}
			expect(reports[0]?.findings).toEqual([]);
			expect(reports[1]).toEqual(reports[0]);
		},
	);

	test("a large file with a damaged chunk is not left behind, and everything else is there", async () => {
		const repository = await open(2);
		await repository.objects.prepare();
		const root = taken.record.roots[0]?.tree;
		const large =
			root &&
			repository.objects.lookup(root, new TextEncoder().encode("large"));
		const items = large && [...repository.objects.items(large.content)];
		const id = items?.[items.length >> 1]?.id;
		const found = id && repository.index.lookup.find(id, 0);
		if (!found) throw new Error("the chunk has no place");
		const file = join(location, "packs", found.pack.slice(0, 2), found.pack);
		const whole = readFileSync(file);
		const hurt = Buffer.from(whole);
		hurt[found.offset + 8] = (hurt[found.offset + 8] as number) ^ 1;
		writeFileSync(file, hurt);
		const target = join(folder, "target-hurt");
		const report = await restore(repository, {
			snapshot: taken,
			target,
			subpath: source,
		});
		const { findings } = await verify(repository, { level: "data" });
		writeFileSync(file, whole);
		const lost = report.problems.map(({ path }) => path);
		expect(lost).toContain(join(source, "large"));
		const named = findings.flatMap(({ hurt }) => hurt.map(({ path }) => path));
		expect(new Set(named)).toEqual(new Set(lost));
		const expected = { ...wholeTree };
		for (const path of lost) delete expected[path.slice(source.length)];
		expect(describeTree(target)).toEqual(expected);
	});
});

import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { encodeForgotten, FrameKind, type SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import {
	initRepository,
	openRepository,
} from "../../packages/core/src/compose.ts";
import { restoreFromCopy } from "../../packages/core/src/copies/lost-originals.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("copies");

function filesBelow(folder: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder, { recursive: true })
		.map(String)
		.filter((name) => statSync(join(folder, name)).isFile())
		.sort();
}

const copiesIn = (location: string) => filesBelow(join(location, "copies"));

/** `config`, records, and packs whose header says that they hold trees. */
function copiedFiles(location: string): string[] {
	return filesBelow(location).filter((name) => {
		if (name === "config" || name.startsWith("snapshots/")) return true;
		return (
			name.startsWith("packs/") &&
			readFileSync(join(location, name))[9] === FrameKind.meta
		);
	});
}

const treePacks = (location: string) =>
	copiedFiles(location).filter((name) => name.startsWith("packs/"));

function expectCopiesWhole(location: string): void {
	expect(copiesIn(location)).toEqual(copiedFiles(location));
	for (const name of copiesIn(location))
		expect(readFileSync(join(location, "copies", name))).toEqual(
			readFileSync(join(location, name)),
		);
}

function source(): string {
	const folder = place.fresh("source");
	for (const name of ["a/b", "c"])
		mkdirSync(join(folder, name), { recursive: true });
	writeFileSync(join(folder, "a/b/one"), "one ".repeat(500));
	writeFileSync(join(folder, "c/two"), "two ".repeat(500));
	return folder;
}

async function subject() {
	const repository = await place.repository({ clock: lateClock });
	const folder = source();
	const first = await take(repository, folder);
	writeFileSync(join(folder, "c/three"), "three ".repeat(500));
	const second = await take(repository, folder);
	return { repository, folder, first, second, location: repository.location };
}

const damage = {
	"with a flipped bit": (path: string) => {
		const bytes = readFileSync(path);
		bytes[70] = (bytes[70] as number) ^ 4;
		writeFileSync(path, bytes);
	},
	"cut short": (path: string) =>
		writeFileSync(path, readFileSync(path).subarray(0, 60)),
	missing: (path: string) => rmSync(path),
};

const reopen = (location: string) => place.repository({ location });

const warningsOf = ({ events }: Awaited<ReturnType<typeof reopen>>) =>
	events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

/** As `forget` does, and then gc. */
async function forgetAndCollect(repository: Repository, id: unknown) {
	const snapshot = id as SnapshotId;
	const mark = encodeForgotten(
		{
			snapshot,
			time: new Date(repository.clock.now()).toISOString(),
			host: "here",
			user: "me",
			reason: "test",
		},
		repository.tools.sha256Hex,
	);
	await withLease(
		repository,
		{ kind: "writer", snapshots: [], command: "test" },
		(stage) => stage.putBytes("forgotten", snapshot, mark),
	);
	return gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
}

describe("second copies", () => {
	test("lie under the same paths, byte by byte, of config, records and packs with trees", async () => {
		const { location } = await subject();
		expectCopiesWhole(location);
		expect(treePacks(location).length).toBeGreaterThan(0);
		expect(copiesIn(location)).toContain("config");
		expect(
			copiesIn(location).filter((name) => name.startsWith("snapshots/")),
		).toHaveLength(2);
	});

	test("are not made where the config says so", async () => {
		const location = place.fresh("repository");
		await using repository = await initRepository({
			location,
			workers: 0,
			parameters: { copies: false },
		});
		await take(repository, source());
		await gc(repository);
		expect(existsSync(join(location, "copies"))).toBe(false);
		await using again = await openRepository({ location, workers: 0 });
		expect(again.config.copies).toBe(false);
	});

	test.each(Object.entries(damage))(
		"are read by themselves where a pack with trees is %s, with one warning for each pack",
		async (_, change) => {
			const { location, folder } = await subject();
			const packs = treePacks(location);
			for (const name of packs) change(join(location, name));
			const repository = await reopen(location);
			const [, snapshot] = await listSnapshots(repository);
			const target = place.fresh("target");
			const report = await restore(repository, {
				snapshot: snapshot as never,
				target,
				subpath: folder,
			});
			expect(report.problems).toEqual([]);
			expect(filesBelow(target)).toEqual(filesBelow(folder));
			const told = warningsOf(repository).filter((text) =>
				text.includes("its copy is read instead"),
			);
			expect(told.length).toBeGreaterThan(0);
			expect(new Set(told).size).toBe(told.length);
			for (const text of told) {
				expect(text).toMatch(/^packs\/[0-9a-f]{64} is (damaged|missing): /);
				expect(text).toContain("varve repair");
			}
		},
	);

	test.each(Object.entries(damage))(
		"of config is read where config is %s",
		async (_, change) => {
			const { location } = await subject();
			change(join(location, "config"));
			const repository = await reopen(location);
			expect(await listSnapshots(repository)).toHaveLength(2);
			expect(warningsOf(repository)).toEqual([
				expect.stringMatching(/^config is (damaged|missing): its copy is read/),
			]);
		},
	);

	test("of a record is read where the record is damaged", async () => {
		const { location, first } = await subject();
		damage["with a flipped bit"](
			join(location, "snapshots", first.id as string),
		);
		const repository = await reopen(location);
		expect(await listSnapshots(repository)).toHaveLength(2);
		expect(warningsOf(repository)).toEqual([
			expect.stringContaining(`snapshots/${first.id} is damaged: its copy`),
		]);
	});

	test("that are damaged too are not taken: the error of the original stands", async () => {
		const { location, folder } = await subject();
		for (const name of treePacks(location))
			for (const where of [name, join("copies", name)])
				damage["cut short"](join(location, where));
		const repository = await reopen(location);
		const [snapshot] = await listSnapshots(repository);
		const report = await restore(repository, {
			snapshot: snapshot as never,
			target: place.fresh("target"),
			subpath: folder,
		});
		expect(report.files).toBe(0);
		expect(report.problems).toMatchObject([{ kind: "damaged", path: folder }]);
	});

	test("that an interrupted run did not make are made by the next snapshot", async () => {
		const { repository, location, folder } = await subject();
		rmSync(join(location, "copies"), { recursive: true });
		await take(repository, folder);
		expectCopiesWhole(location);
	});

	test("that are missing are made by gc, also where there have never been any", async () => {
		const { repository, location } = await subject();
		rmSync(join(location, "copies"), { recursive: true });
		await gc(repository);
		expectCopiesWhole(location);
	});

	test("are never made of a pack that is damaged", async () => {
		const { repository, location, folder } = await subject();
		rmSync(join(location, "copies"), { recursive: true });
		const [pack] = treePacks(location);
		damage["with a flipped bit"](join(location, pack as string));
		await take(repository, folder);
		expect(copiesIn(location)).not.toContain(pack);
		expect(warningsOf(repository).join()).toContain(
			"second copies could not be made",
		);
	});

	test("go with what gc deletes, and each before its original", async () => {
		const { repository, location, first } = await subject();
		const removed: string[] = [];
		const { backend } = repository;
		const spied = {
			...repository,
			backend: new Proxy(backend, {
				get(target, name) {
					const own = Reflect.get(target, name);
					if (typeof own !== "function") return own;
					if (name !== "remove") return own.bind(target);
					return (stage: never, kind: string, file: string) => {
						removed.push(`${kind}/${file}`);
						return target.remove(stage, kind as never, file);
					};
				},
			}),
		};
		await forgetAndCollect(spied, first.id);
		expectCopiesWhole(location);
		expect(copiesIn(location).join()).not.toContain(first.id);
		const copies = removed.filter((name) => name.startsWith("copies/"));
		expect(copies.length).toBeGreaterThan(1);
		for (const copy of copies)
			expect(removed.indexOf(copy)).toBeLessThan(
				removed.indexOf(copy.slice("copies/".length)),
			);
	});

	test("alone are no snapshots, stop a gc, and give the record back", async () => {
		const { location, first } = await subject();
		const name = first.id as string;
		rmSync(join(location, "snapshots", name));
		const repository = await reopen(location);
		expect(await listSnapshots(repository)).toHaveLength(1);
		expect(warningsOf(repository)).toEqual([
			expect.stringContaining(`snapshots/${name} is missing`),
		]);
		await expect(gc(repository, { grace: 0 })).rejects.toMatchObject({
			name: "CorruptError",
			code: "LOST_RECORD",
		});
		const restored = await withLease(
			repository,
			{ kind: "writer", snapshots: [], command: "test" },
			(stage) =>
				restoreFromCopy(repository, stage, { kind: "snapshots", name }),
		);
		expect(restored).toBe(true);
		expect(await listSnapshots(repository)).toHaveLength(2);
		expectCopiesWhole(location);
	});

	test("give back a pack, and nothing if they are damaged themselves", async () => {
		const { repository, location } = await subject();
		const [path] = treePacks(location);
		const name = (path as string).slice(-64);
		const giveBack = () =>
			withLease(
				repository,
				{ kind: "writer", snapshots: [], command: "test" },
				(stage) => restoreFromCopy(repository, stage, { kind: "packs", name }),
			);
		const copy = join(location, "copies", path as string);
		const kept = join(location, "kept");
		copyFileSync(copy, kept);
		damage["with a flipped bit"](copy);
		damage.missing(join(location, path as string));
		expect(await giveBack()).toBe(false);
		expect(existsSync(join(location, path as string))).toBe(false);
		mkdirSync(dirname(copy), { recursive: true });
		copyFileSync(kept, copy);
		rmSync(kept);
		expect(await giveBack()).toBe(true);
		expectCopiesWhole(location);
	});
});

import {
	chmodSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	unlinkSync,
	utimesSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { encodeName, type TreeId, wholeScope } from "@varve/format";
import { makeTree, symlink } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import {
	type EntryMoves,
	loadEntryMoves,
} from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	forgetRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import type { PlanLine } from "../../packages/core/src/restore/onto/onto-report.ts";
import type { OntoOptions } from "../../packages/core/src/restore/onto/options.ts";
import { Top } from "../../packages/core/src/restore/onto/tops.ts";
import { snapshot as snapshotOf } from "../../packages/core/src/snapshot/snapshot.ts";
import {
	disturb,
	journalsOf,
	type Scene,
	sceneIn,
	small,
} from "./onto-scene.ts";
import {
	asSnapshot,
	noise,
	readingPlace,
	type TestRepository,
	takeSnapshot,
} from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto");
const { scene, restore } = sceneIn(place);

async function planOf(made: Scene, options: Partial<OntoOptions> = {}) {
	const lines: PlanLine[] = [];
	await restore(made, {
		dryRun: true,
		onPlan: (line) => void lines.push(line),
		...options,
	});
	return Object.fromEntries(
		lines.map(({ path, action }) => [
			path.slice(made.folder.length) || "/",
			action,
		]),
	);
}

/** The repository, opened anew without the pack that holds a file. */
async function withoutContent(
	{ repository, snapshot }: Scene,
	name: string,
): Promise<TestRepository> {
	const { objects, index, backend } = repository;
	objects.outdate();
	await index.catchUp(await objects.prepare());
	const tree = snapshot.record.roots[0]?.tree as TreeId;
	const ids = objects.lookup(tree, encodeName(name))?.content.ids;
	const pack = index.places(ids as Uint8Array<ArrayBuffer>)[0]?.pack as string;
	const location = backend.descriptor?.path as string;
	rmSync(join(location, "packs", pack.slice(0, 2), pack));
	return place.repository({ location, isThere: true });
}

describe("a restore in place", () => {
	test("plans every kind of difference, and changes nothing in a dry run", async () => {
		const made = await scene();
		disturb(made.folder);
		const disturbed = describeTree(made.folder);
		expect(await planOf(made)).toEqual({
			"/": "metadata",
			"/a.txt": "update",
			"/b.txt": "metadata",
			"/extra": "delete",
			"/linked": "metadata",
			"/linked/one": "metadata",
			"/linked/two": "metadata",
			"/new.txt": "delete",
			"/sub": "create",
			"/sub/c.txt": "create",
			"/sub/deep": "create",
			"/sub/deep/d.txt": "create",
			"/sub/link": "create",
			"/turned": "replace",
			"/void": "metadata",
		});
		expect(describeTree(made.folder)).toEqual(disturbed);
	});

	test("gives back exactly what the snapshot holds, hard links included", async () => {
		const made = await scene();
		disturb(made.folder);
		const report = await restore(made, { verify: true });
		expect(report.problems).toEqual([]);
		expect(describeTree(made.folder)).toEqual(made.before);
		expect(report.sums).toMatchObject({ update: 1, delete: 4, replace: 1 });
		expect(report.verified?.files).toBeGreaterThan(5);
	});

	test("does nothing where nothing differs, and leaves no journal", async () => {
		const made = await scene();
		const report = await restore(made);
		expect(report.sums).toMatchObject({ unchanged: 16, metadata: 0 });
		expect(report.journal).toBeUndefined();
		expect(describeTree(made.folder)).toEqual(made.before);
	});

	test("finds a changed file of the same size and time, by its ctime", async () => {
		const made = await scene();
		const path = join(made.folder, "a.txt");
		const { atime, mtime } = statSync(path);
		writeFileSync(path, "ALPHA");
		utimesSync(path, atime, mtime);
		await restore(made);
		expect(readFileSync(path, "utf8")).toBe("alpha");
	});

	test("without delete, what the snapshot has not stays", async () => {
		const made = await scene();
		disturb(made.folder);
		await restore(made, { delete: false });
		expect(readFileSync(join(made.folder, "extra/deep/x"), "utf8")).toBe("x");
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("alpha");
	});

	test("undo puts back what was there, metadata and hard links included", async () => {
		const made = await scene();
		disturb(made.folder);
		const disturbed = describeTree(made.folder);
		const { journal } = await restore(made);
		expect(journalsOf(made.folder)).toEqual([journal]);
		const undone = undoRestore(made.repository, { path: made.folder });
		expect(undone).toMatchObject({ outcome: "undone", problems: [] });
		expect(describeTree(made.folder)).toEqual(disturbed);
	});

	test("undo leaves alone what was changed after the restore, and says so", async () => {
		const made = await scene();
		disturb(made.folder);
		await restore(made);
		writeFileSync(join(made.folder, "a.txt"), "worked on");
		writeFileSync(join(made.folder, "sub/deep/mine"), "mine");
		const undone = undoRestore(made.repository, { path: made.folder });
		expect(undone.problems.map(({ path, reason }) => [path, reason])).toEqual([
			[join(made.folder, "sub"), "CHANGED"],
			[join(made.folder, "a.txt"), "CHANGED"],
		]);
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("worked on");
		expect(existsSync(join(made.folder, "sub/deep/mine"))).toBe(true);
		expect(readFileSync(join(made.folder, "new.txt"), "utf8")).toBe("new");
		expect(undone.journal).toBeDefined();
		forgetRestore({ path: made.folder });
		expect(journalsOf(made.folder)).toEqual([]);
	});

	test("only the last restore can be taken back; forgetting it frees what it kept", async () => {
		const made = await scene();
		writeFileSync(join(made.folder, "a.txt"), "first");
		await restore(made);
		writeFileSync(join(made.folder, "a.txt"), "second");
		await restore(made);
		expect(journalsOf(made.folder)).toHaveLength(1);
		forgetRestore({ path: made.folder });
		expect(describeTree(made.folder)).toEqual(made.before);
		expect(() => undoRestore(made.repository, { path: made.folder })).toThrow(
			expect.objectContaining({ code: "NO_JOURNAL" }),
		);
	});

	test("without undo no journal stays", async () => {
		const made = await scene();
		disturb(made.folder);
		const report = await restore(made, { undo: false });
		expect(report.journal).toBeUndefined();
		expect(describeTree(made.folder)).toEqual(made.before);
	});

	test("T84: a file with another name elsewhere is replaced, and the other name keeps what it was", async () => {
		const made = await scene();
		const outside = place.fresh("outside");
		writeFileSync(join(made.folder, "a.txt"), "changed");
		linkSync(join(made.folder, "a.txt"), outside);
		chmodSync(join(made.folder, "b.txt"), 0o611);
		linkSync(join(made.folder, "b.txt"), `${outside}.b`);
		const report = await restore(made);
		expect(report.problems).toEqual([]);
		expect(readFileSync(outside, "utf8")).toBe("changed");
		expect(statSync(`${outside}.b`).mode & 0o777).toBe(0o611);
		expect(describeTree(made.folder)).toEqual(made.before);
	});

	test("T84: a symlink, a directory and a FIFO in the place of files give way", async () => {
		const made = await scene();
		const outside = place.fresh("outside");
		writeFileSync(outside, "never touched");
		for (const name of ["a.txt", "b.txt"]) unlinkSync(join(made.folder, name));
		symlinkSync(outside, join(made.folder, "a.txt"));
		mkdirSync(join(made.folder, "b.txt"));
		writeFileSync(join(made.folder, "b.txt/in"), "in");
		const report = await restore(made);
		expect(report.problems).toEqual([]);
		expect(readFileSync(outside, "utf8")).toBe("never touched");
		expect(describeTree(made.folder)).toEqual(made.before);
	});

	test("a directory with something in it stays where neither deleting nor overwriting was asked for", async () => {
		const made = await scene();
		unlinkSync(join(made.folder, "b.txt"));
		mkdirSync(join(made.folder, "b.txt"));
		writeFileSync(join(made.folder, "b.txt/in"), "in");
		const report = await restore(made, { delete: false });
		expect(report.problems).toMatchObject([{ reason: "CONFLICT" }]);
		expect(readFileSync(join(made.folder, "b.txt/in"), "utf8")).toBe("in");
	});

	test("keep-both leaves what is there, and puts the snapshot's version beside it", async () => {
		const made = await scene();
		writeFileSync(join(made.folder, "a.txt"), "mine");
		const report = await restore(made, { onConflict: "keep-both" });
		expect(report.sums["keep-both"]).toBe(1);
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("mine");
		const tag = made.snapshot.id.slice(0, 8);
		const beside = join(made.folder, `a.txt.varve-${tag}`);
		expect(readFileSync(beside, "utf8")).toBe("alpha");
	});

	test("overwrite says what gives way: nothing, what is older, what has another size or time", async () => {
		const made = await scene();
		const at = (name: string) => join(made.folder, name);
		const { atime, mtime } = statSync(at("b.txt"));
		writeFileSync(at("a.txt"), "newer");
		utimesSync(at("a.txt"), 1_800_000_000, 1_800_000_000);
		writeFileSync(at("b.txt"), "older");
		utimesSync(at("b.txt"), 1, 1);
		writeFileSync(at("turned"), "A FILE");
		utimesSync(at("turned"), atime, mtime);
		unlinkSync(at("empty"));
		const contents = () =>
			["a.txt", "b.txt", "turned", "empty"].map((name) =>
				readFileSync(at(name), "utf8"),
			);
		await restore(made, { overwrite: "never" });
		expect(contents()).toEqual(["newer", "older", "A FILE", ""]);
		await restore(made, { overwrite: "if-newer" });
		expect(contents()).toEqual(["newer", "beta", "A FILE", ""]);
		await restore(made, { overwrite: "if-changed" });
		expect(contents()).toEqual(["alpha", "beta", "A FILE", ""]);
		await restore(made);
		expect(contents()).toEqual(["alpha", "beta", "a file", ""]);
		expect(describeTree(made.folder)).toEqual(made.before);
	});

	test("asks about each conflict", async () => {
		const made = await scene();
		writeFileSync(join(made.folder, "a.txt"), "mine");
		writeFileSync(join(made.folder, "b.txt"), "mine too");
		const asked: string[] = [];
		await restore(made, {
			onConflict: "ask",
			ask: async ({ path }) => {
				asked.push(path);
				return path.endsWith("a.txt") ? "skip" : "overwrite";
			},
		});
		expect(asked).toHaveLength(2);
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("mine");
		expect(readFileSync(join(made.folder, "b.txt"), "utf8")).toBe("beta");
	});

	test("an include narrows what is restored and what is deleted", async () => {
		const made = await scene();
		disturb(made.folder);
		await restore(made, { include: ["new.txt", "c.txt"] });
		expect(existsSync(join(made.folder, "new.txt"))).toBe(false);
		expect(readdirSync(join(made.folder, "sub"))).toEqual(["c.txt"]);
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("altered");
		expect(existsSync(join(made.folder, "extra"))).toBe(true);
	});

	test("what the snapshot left out, and what could not be read then, survives delete", async () => {
		const folder = place.fresh("live");
		makeTree(folder, {
			...small,
			".varveignore": "*.tmp\n",
			cache: { "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55" },
		});
		const repository = await place.repository();
		const { id, record } = await snapshotOf(repository, {
			roots: [{ path: folder, kind: "directory", names: [] }],
			scope: { ...wholeScope, excludes: ["*.o"], excludeCaches: true },
		});
		if (id === undefined) throw new Error("no snapshot");
		const unread = [{ path: join(folder, "kept/dark"), reason: "EACCES" }];
		const snapshot = asSnapshot({ id, record: { ...record, unread } });
		const at = (path: string) => join(folder, path);
		mkdirSync(at("build"));
		for (const path of ["x.o", "y.tmp", "build/z.o", "build/gone", "cache/f"])
			writeFileSync(at(path), "extra");
		mkdirSync(at("kept/dark"));
		writeFileSync(at("kept/dark/secret"), "secret");
		mkdirSync(at("other/.varve"), { recursive: true });
		for (const name of ["config", "packs", "segments", "snapshots"])
			mkdirSync(at(`other/.varve/${name}`));
		unlinkSync(at(".varveignore"));
		const made = { repository, folder, snapshot, before: {} };
		const report = await restore(made);
		expect(report.problems).toEqual([]);
		for (const path of [
			"x.o",
			"y.tmp",
			"build/z.o",
			"cache/f",
			"kept/dark/secret",
			"other/.varve/packs",
		])
			expect(existsSync(at(path)), path).toBe(true);
		expect(existsSync(at("build/gone"))).toBe(false);
	});

	test("a large file of which little differs gets only that", async () => {
		const big = noise(1_500_000);
		const made = await scene({ ...small, big });
		const path = join(made.folder, "big");
		const altered = big.slice();
		altered.fill(0, 700_000, 700_100);
		writeFileSync(path, altered.subarray(0, 1_400_000));
		const { ino } = lstatSync(path);
		const disturbed = describeTree(made.folder);
		const report = await restore(made, { minPatched: 1_000_000 });
		expect(report.bytes).toBeLessThan(200_000);
		expect(describeTree(made.folder)).toEqual(made.before);
		const undone = undoRestore(made.repository, { path: made.folder });
		expect(undone.problems).toEqual([]);
		expect(describeTree(made.folder)).toEqual(disturbed);
		expect(lstatSync(path).ino).toBe(ino);
	});

	test("where files can share blocks, a large file is made of what there was and what differs", async () => {
		const big = noise(1_500_000);
		const made = await scene({ ...small, big });
		const path = join(made.folder, "big");
		const altered = big.slice();
		altered.fill(0, 700_000, 700_100);
		writeFileSync(path, Buffer.concat([altered, Buffer.from("longer")]));
		const { ino } = lstatSync(path);
		const disturbed = describeTree(made.folder);
		let cloned = 0;
		const moves = {
			...(loadEntryMoves() as EntryMoves),
			clone(from: number, to: number) {
				cloned++;
				writeSync(to, readFileSync(`/proc/self/fd/${from}`));
			},
		};
		const changes = new Changes(moves);
		const report = await restore(made, { changes, minPatched: 1 });
		expect(cloned).toBe(1);
		expect(report.bytes).toBeLessThan(200_000);
		expect(lstatSync(path).ino).not.toBe(ino);
		expect(describeTree(made.folder)).toEqual(made.before);
		undoRestore(made.repository, { path: made.folder });
		expect(describeTree(made.folder)).toEqual(disturbed);
	});

	test("a directory that gives way, and one that comes in the place of a file, keep their times where an exchange would change them", async () => {
		const made = await scene();
		disturb(made.folder);
		rmSync(join(made.folder, "void"), { recursive: true });
		writeFileSync(join(made.folder, "void"), "in the place of a directory");
		const disturbed = describeTree(made.folder);
		const moves = loadEntryMoves() as EntryMoves;
		// As xfs does.
		const exchange = (a: string, b: string) => {
			moves.exchange(a, b);
			for (const path of [a, b])
				if (statSync(path).isDirectory()) utimesSync(path, 1, 1);
		};
		const given = () => ({ changes: new Changes({ ...moves, exchange }) });
		const report = await restore(made, given());
		expect(report.problems).toEqual([]);
		expect(describeTree(made.folder)).toEqual(made.before);
		const undone = undoRestore(made.repository, {
			path: made.folder,
			...given(),
		});
		expect(undone.problems).toEqual([]);
		expect(describeTree(made.folder)).toEqual(disturbed);
	});

	test("what is restored into another directory that is there is only what differs", async () => {
		const made = await scene();
		const target = place.fresh("target");
		makeTree(target, small);
		writeFileSync(join(target, "a.txt"), "other");
		writeFileSync(join(target, "more"), "more");
		const subpath = made.folder;
		const report = await restore(made, { target, subpath, delete: true });
		expect(report.sums).toMatchObject({ update: 1, delete: 1, create: 0 });
		expect(describeTree(target)).toEqual(made.before);
	});

	test("a damaged repository costs nothing but what needs it, and with verify nothing is changed", async () => {
		const made = await scene();
		disturb(made.folder);
		const disturbed = describeTree(made.folder);
		const blind = { ...made, repository: await withoutContent(made, "a.txt") };
		await expect(restore(blind, { verify: true })).rejects.toMatchObject({
			code: "NEEDED_DAMAGED",
		});
		expect(describeTree(made.folder)).toEqual(disturbed);
		const report = await restore(blind);
		expect(report.problems).toEqual(
			expect.arrayContaining([
				expect.objectContaining({
					path: join(made.folder, "a.txt"),
					kind: "damaged",
				}),
			]),
		);
		expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("altered");
		expect(existsSync(join(made.folder, "new.txt"))).toBe(false);
	});

	test("no snapshot captures a journal, and no restore deletes it", async () => {
		const made = await scene();
		writeFileSync(join(made.folder, "a.txt"), "first");
		await restore(made);
		expect(journalsOf(made.folder)).toHaveLength(1);
		const again = await takeSnapshot(made.repository, made.folder);
		expect(again.record.roots[0]?.tree).toBe(
			made.snapshot.record.roots[0]?.tree,
		);
		expect(await planOf(made)).toEqual({});
	});

	test("of a directory of which only some entries were asked for, nothing else is touched", async () => {
		const folder = place.fresh("live");
		makeTree(folder, small);
		const repository = await place.repository();
		const { id, record } = await snapshotOf(repository, {
			roots: [{ path: folder, kind: "entries", names: ["a.txt", "sub"] }],
			scope: wholeScope,
		});
		if (id === undefined) throw new Error("no snapshot");
		const snapshot = asSnapshot({ id, record });
		chmodSync(folder, 0o700);
		disturb(folder);
		const { mtimeMs } = statSync(folder);
		await restore({ repository, snapshot });
		expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("alpha");
		expect(existsSync(join(folder, "sub/deep/d.txt"))).toBe(true);
		expect(existsSync(join(folder, "new.txt"))).toBe(true);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		expect(statSync(folder).mtimeMs).toBe(mtimeMs);
	});

	test("what changed after it was looked at is left as it is, and told", async () => {
		const made = await scene();
		disturb(made.folder);
		const at = (name: string) => join(made.folder, name);
		let journaled = false;
		const report = await restore(made, {
			changes: new Changes(loadEntryMoves(), (change) => {
				if (journaled || (change !== "exchange" && change !== "move")) return;
				journaled = true;
				writeFileSync(at("a.txt"), "meanwhile");
				writeFileSync(at("b.txt"), "too");
				writeFileSync(at("new.txt"), "and this");
			}),
		});
		expect(report.problems.map(({ path, reason }) => [path, reason])).toEqual(
			["a.txt", "new.txt", "b.txt"].map((name) => [at(name), "CHANGED"]),
		);
		expect(readFileSync(at("a.txt"), "utf8")).toBe("meanwhile");
		expect(readFileSync(at("new.txt"), "utf8")).toBe("and this");
		expect(statSync(at("b.txt")).mode & 0o777).toBe(0o600);
		expect(existsSync(at("extra"))).toBe(false);
	});

	test("a journal that was moved, or that others can write, is not gone by", async () => {
		const made = await scene();
		disturb(made.folder);
		await restore(made);
		const [folder = ""] = journalsOf(made.folder);
		const elsewhere = join(place.fresh("elsewhere"), "tree");
		mkdirSync(elsewhere, { recursive: true });
		const moved = join(dirname(elsewhere), basename(folder));
		renameSync(folder, moved);
		expect(() => undoRestore(made.repository, { path: elsewhere })).toThrow(
			expect.objectContaining({ code: "JOURNAL_MOVED" }),
		);
		renameSync(moved, folder);
		chmodSync(folder, 0o770);
		expect(() => undoRestore(made.repository, { path: made.folder })).toThrow(
			expect.objectContaining({ code: "FOREIGN_JOURNAL" }),
		);
	});

	test("what is removed with a journal ends at links, and takes directories that cannot be written to", async () => {
		const folder = place.fresh("old");
		const outside = place.fresh("outside");
		makeTree(outside, { kept: "kept" });
		makeTree(folder, { gone: { deep: { file: "x" }, link: symlink(outside) } });
		chmodSync(join(folder, "gone/deep"), 0o500);
		const top = new Top(folder);
		new Changes(undefined).removeTree(top.tree, "/gone");
		top.close();
		expect(readdirSync(folder)).toEqual([]);
		expect(readdirSync(outside)).toEqual(["kept"]);
	});
});

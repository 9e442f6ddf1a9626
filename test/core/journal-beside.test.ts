import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	forgetRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import { retireJournals } from "../../packages/core/src/restore/onto/unfinished.ts";
import { loadTargetCalls } from "../../packages/core/src/restore/target-calls.ts";
import {
	disturb,
	journalsOf,
	type Scene,
	sceneIn,
	small,
} from "./onto-scene.ts";
import { readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("journal-beside");
const { scene, restore } = sceneIn(place);
/** On another file system, as a rule. */
const shared = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const isRoot = process.getuid?.() === 0;

class Killed extends Error {}

async function disturbed(): Promise<Scene> {
	const made = await scene();
	disturb(made.folder);
	return made;
}

/** Killed at its first step. */
async function killed(made: Pick<Scene, "repository" | "snapshot">) {
	const changes = new Changes(loadEntryMoves(), (change) => {
		if (change === "exchange" || change === "move") throw new Killed();
	});
	await expect(restore(made, { changes })).rejects.toThrow(Killed);
}

function journalsWithin(folder: string): string[] {
	return readdirSync(folder).filter((name) => name.startsWith(".varve-"));
}

/** Two roots in one directory. */
async function neighbours() {
	const folder = place.fresh("neighbours");
	const paths = ["one", "two"].map((name) => join(folder, name));
	mkdirSync(folder);
	for (const path of paths) makeTree(path, small);
	const repository = await place.repository();
	const snapshot = await takeSnapshot(repository, ...paths);
	return { repository, snapshot, folder, paths };
}

describe("the journal of a restore onto what is there", () => {
	test("lies beside what is restored: the tree is exactly what the snapshot holds, and nothing around it changes", async () => {
		const made = await disturbed();
		const around = dirname(made.folder);
		utimesSync(around, 7, 7);
		const report = await restore(made);
		expect(report.problems).toEqual([]);
		expect(describeTree(made.folder)).toEqual(made.before);
		expect(dirname(report.journal as string)).toBe(around);
		expect(statSync(around).mtimeMs).toBe(7000);
		undoRestore(made.repository, { path: made.folder });
		expect(readdirSync(around)).toEqual(["tree"]);
		expect(statSync(around).mtimeMs).toBe(7000);
	});

	test("is found by what was restored, through a link too, and by no other name in the same directory", async () => {
		const made = await disturbed();
		const left = describeTree(made.folder);
		await restore(made);
		const other = join(dirname(made.folder), "other");
		const link = join(place.fresh("link"));
		mkdirSync(other);
		symlinkSync(made.folder, link);
		for (const path of [other, dirname(made.folder)])
			expect(() => undoRestore(made.repository, { path }), path).toThrow(
				expect.objectContaining({ code: "NO_JOURNAL" }),
			);
		undoRestore(made.repository, { path: link });
		expect(describeTree(made.folder)).toEqual(left);
	});

	test("refuses another restore of the same, and of nothing else beside it", async () => {
		const { repository, snapshot, folder, paths } = await neighbours();
		for (const path of paths) disturb(path);
		const [one = "", two = ""] = paths;
		const both = { repository, snapshot };
		const into = (path: string) => ({ target: path, subpath: path });
		await restore(both, into(two));
		expect(journalsOf(one)).toHaveLength(1);
		disturb(two);
		await killed(both);
		for (const options of [{}, into(one), into(two)])
			await expect(restore(both, options)).rejects.toMatchObject({
				code: "RESTORE_UNFINISHED",
			});
		const third = join(folder, "third");
		makeTree(third, { "a.txt": "of its own" });
		await restore(both, { target: third, subpath: one });
		expect(readFileSync(join(third, "a.txt"), "utf8")).toBe("alpha");
		expect(abortRestore(repository, { path: two }).problems).toEqual([]);
		expect(readFileSync(join(one, "a.txt"), "utf8")).toBe("altered");
		undoRestore(repository, { path: third });
		expect(readFileSync(join(third, "a.txt"), "utf8")).toBe("of its own");
	});

	test("makes way for that of the next restore, where it lies by now and where it lay before", async () => {
		const made = await disturbed();
		await restore(made);
		const old = join(made.folder, ".varve-restore-00");
		mkdirSync(old, { mode: 0o700 });
		writeFileSync(join(old, "done"), "");
		writeFileSync(join(made.folder, "a.txt"), "again");
		const { journal } = await restore(made);
		expect(journalsOf(made.folder)).toEqual([journal]);
		expect(journalsWithin(made.folder)).toEqual([]);
		forgetRestore({ path: made.folder });
		expect(journalsOf(made.folder)).toEqual([]);
	});

	test("of an earlier version, in what is restored, is found there", async () => {
		const made = await disturbed();
		const left = describeTree(made.folder);
		const around = dirname(made.folder);
		// So that it is written inside, as it was then.
		chmodSync(around, 0o777);
		await killed(made);
		chmodSync(around, 0o755);
		expect(journalsWithin(made.folder)).toHaveLength(1);
		await expect(restore(made)).rejects.toMatchObject({
			code: "RESTORE_UNFINISHED",
		});
		abortRestore(made.repository, { path: made.folder });
		expect(describeTree(made.folder)).toEqual(left);
	});

	test("is given up when what was restored is gone, and undo says that it is", async () => {
		const made = await disturbed();
		await restore(made);
		rmSync(made.folder, { recursive: true });
		const options = { path: made.folder };
		expect(() => undoRestore(made.repository, options)).toThrow(/--forget/);
		forgetRestore(options);
		expect(readdirSync(dirname(made.folder))).toEqual([]);
	});

	test("of a root that is gone lies where the root was, and is found by its name", async () => {
		const made = await scene();
		rmSync(made.folder, { recursive: true });
		await restore(made);
		expect(describeTree(made.folder)).toEqual(made.before);
		expect(journalsOf(made.folder)).toHaveLength(1);
		undoRestore(made.repository, { path: made.folder });
		expect(readdirSync(dirname(made.folder))).toEqual([]);
	});

	test("of a single file lies beside it", async () => {
		const made = await disturbed();
		const file = join(made.folder, "a.txt");
		const { journal } = await restore(made, { subpath: file });
		expect(dirname(journal as string)).toBe(made.folder);
		undoRestore(made.repository, { path: file });
		expect(readFileSync(file, "utf8")).toBe("altered");
	});

	test("lies inside where all may write around it, but in one like /tmp beside it", async () => {
		const made = await disturbed();
		const around = dirname(made.folder);
		chmodSync(around, 0o777);
		await restore(made);
		expect(journalsWithin(made.folder)).toHaveLength(1);
		undoRestore(made.repository, { path: made.folder });
		chmodSync(around, 0o1777);
		const { journal } = await restore(made);
		expect(dirname(journal as string)).toBe(around);
		expect(journalsWithin(made.folder)).toEqual([]);
	});

	test.skipIf(!isRoot)(
		"lies inside where something is mounted, of the same device or another",
		async () => {
			const made = await scene();
			for (const words of [
				["--bind", made.folder, made.folder],
				["-t", "tmpfs", "none", made.folder],
			]) {
				execFileSync("mount", words);
				try {
					writeFileSync(join(made.folder, "a.txt"), "altered");
					const report = await restore(made);
					expect(report.problems).toEqual([]);
					expect(journalsWithin(made.folder)).toHaveLength(1);
					undoRestore(made.repository, { path: made.folder });
					const text = readFileSync(join(made.folder, "a.txt"), "utf8");
					expect(text).toBe("altered");
				} finally {
					execFileSync("umount", [made.folder]);
				}
			}
		},
	);

	test.skipIf(!isRoot)(
		"that another user has put there is neither believed nor in the way, unless the directory is theirs",
		async () => {
			const made = await disturbed();
			await killed(made);
			const [folder = ""] = journalsOf(made.folder);
			const given = `${dirname(folder)}/.varve-restore-theirs`;
			renameSync(folder, given);
			execFileSync("chown", ["-R", "65534", given]);
			writeFileSync(join(made.folder, "b.txt"), "more");
			expect((await restore(made)).problems).toEqual([]);
			expect(existsSync(given)).toBe(true);
			execFileSync("chown", ["65534", made.folder]);
			await expect(restore(made)).rejects.toMatchObject({
				code: "RESTORE_UNFINISHED",
			});
			expect(() =>
				abortRestore(made.repository, { path: made.folder }),
			).toThrow(expect.objectContaining({ code: "FOREIGN_JOURNAL" }));
		},
	);

	test.skipIf(statSync(shared).dev === statSync(tmpdir()).dev)(
		"that is spread over two file systems is found by what was restored on either",
		async () => {
			const one = join(place.fresh("here"), "one");
			const there = mkdtempSync(join(shared, "varve-beside-"));
			const two = join(there, "two");
			try {
				mkdirSync(dirname(one));
				for (const path of [one, two]) makeTree(path, small);
				const repository = await place.repository();
				const snapshot = await takeSnapshot(repository, one, two);
				const both = { repository, snapshot };
				const before = [one, two].map(describeTree);
				const spoil = () => [one, two].map((path) => disturb(path));
				spoil();
				const left = [one, two].map(describeTree);
				await killed(both);
				for (const path of [one, two]) expect(journalsOf(path)).toHaveLength(1);
				await expect(
					restore(both, { target: two, subpath: two }),
				).rejects.toMatchObject({ code: "RESTORE_UNFINISHED" });
				abortRestore(repository, { path: two });
				expect([one, two].map(describeTree)).toEqual(left);
				expect([one, two].flatMap(journalsOf)).toEqual([]);
				await restore(both);
				expect([one, two].map(describeTree)).toEqual(before);
				writeFileSync(join(two, "a.txt"), "again");
				await restore(both, { target: two, subpath: two });
				expect(journalsOf(one)).toEqual([]);
				expect(journalsOf(two)).toHaveLength(1);
			} finally {
				rmSync(there, { recursive: true });
			}
		},
	);

	test("that nothing was written into is left while it may be one that is being begun, and removed later", async () => {
		const made = await disturbed();
		const bare = join(dirname(made.folder), ".varve-restore-bare");
		mkdirSync(bare, { mode: 0o700 });
		await restore(made);
		expect(journalsOf(made.folder).map((path) => basename(path))).toContain(
			".varve-restore-bare",
		);
		const minutes = (count: number) => ({
			id: "",
			since: statSync(bare, { bigint: true }).ctimeNs + BigInt(count * 60e9),
		});
		const calls = loadTargetCalls();
		const changes = new Changes(undefined);
		retireJournals([made.folder], minutes(1), { changes, calls });
		expect(existsSync(bare)).toBe(true);
		retireJournals([made.folder], minutes(2), { changes, calls });
		expect(existsSync(bare)).toBe(false);
	});
});

import { execFileSync } from "node:child_process";
import {
	appendFileSync,
	chmodSync,
	existsSync,
	linkSync,
	readFileSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	resumeRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import {
	disturb,
	journalsOf,
	movesWithoutClone,
	sceneIn,
} from "./onto-scene.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-since");
const { scene, restore } = sceneIn(place);
const content = noise(1_200_000);
/** From this size on files are patched in place here. */
const minPatched = 1_000_000;

/** Two files of which a part was changed. */
async function altered() {
	const made = await scene({ one: content, two: content }, { parameters: {} });
	const part = content.slice();
	part.fill(0, 100_000, 100_010);
	const files = ["one", "two"].map((name) => join(made.folder, name));
	for (const file of files) writeFileSync(file, part);
	const [one = "", two = ""] = files;
	const left = describeTree(made.folder);
	return { ...made, one, two, part, left, options: { path: made.folder } };
}

/** Kills a restore when it has patched one file whole, and begun with the next. */
async function killedInSecond(made: Awaited<ReturnType<typeof altered>>) {
	let patched = 0;
	const changes = new Changes(movesWithoutClone(), (change) => {
		if (change === "truncate" && ++patched === 2) throw new Error("killed");
	});
	await expect(restore(made, { changes, minPatched })).rejects.toThrow(
		"killed",
	);
}

const changedAt = (path: string) => [
	expect.objectContaining({ path, reason: "CHANGED" }),
];

test.each(["append", "same size"])(
	"undo leaves a file that was patched in place and worked on since, and says so: %s",
	async (how) => {
		const made = await altered();
		await restore(made, {
			minPatched,
			changes: new Changes(movesWithoutClone()),
		});
		if (how === "append") appendFileSync(made.one, "precious");
		else {
			const mine = content.slice();
			mine.fill(7, 50, 60);
			writeFileSync(made.one, mine);
		}
		const worked = readFileSync(made.one);
		const undone = undoRestore(made.repository, made.options);
		expect(undone.problems).toEqual(changedAt(made.one));
		expect(undone.journal).toBeDefined();
		expect(readFileSync(made.one).equals(worked)).toBe(true);
		expect(readFileSync(made.two).equals(made.part)).toBe(true);
		const again = abortRestore(made.repository, made.options);
		expect(again.problems).toEqual(changedAt(made.one));
		expect(readFileSync(made.one).equals(worked)).toBe(true);
	},
);

test.each([
	["abort", abortRestore],
	["resume", resumeRestore],
] as const)(
	"T85: %s leaves a file whose patch was whole before the kill and that was worked on since",
	async (_, finish) => {
		const made = await altered();
		await killedInSecond(made);
		appendFileSync(made.one, "precious");
		const report = finish(made.repository, made.options);
		expect(report).toMatchObject({ problems: changedAt(made.one) });
		expect(readFileSync(made.one, "latin1").endsWith("precious")).toBe(true);
		const other = finish === abortRestore ? made.part : content;
		expect(readFileSync(made.two).equals(other)).toBe(true);
	},
);

test("undo after one that left something says that it is half taken back, and abort goes on", async () => {
	const made = await scene();
	disturb(made.folder);
	await restore(made);
	const options = { path: made.folder };
	const at = join(made.folder, "sub/deep/mine");
	writeFileSync(at, "mine");
	const undone = undoRestore(made.repository, options);
	expect(undone.problems).toHaveLength(1);
	expect(() => undoRestore(made.repository, options)).toThrow(
		expect.objectContaining({
			code: "RESTORE_UNFINISHED",
			message: expect.stringMatching(/half taken back.*restore --abort -t/),
		}),
	);
	expect(existsSync(at)).toBe(true);
	expect(abortRestore(made.repository, options).problems).toHaveLength(1);
});

/** Other content of the same length, and the time that was there. */
function workOn(path: string, how: "content" | "mode" | "link"): void {
	const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
	if (how === "mode") chmodSync(path, 0o751);
	else if (how === "link") linkSync(path, `${path}.more`);
	else writeFileSync(path, readFileSync(path).fill(7));
	setTimes(path, atimeNs, mtimeNs);
}

/** To the nanosecond: Node's own call cannot. */
function setTimes(path: string, atimeNs: bigint, mtimeNs: bigint): void {
	const iso = (ns: bigint) =>
		`@${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
	execFileSync("touch", ["-a", "-d", iso(atimeNs), path]);
	execFileSync("touch", ["-m", "-d", iso(mtimeNs), path]);
}

/** When the clock of the file system has gone on for longer than one of its ticks. */
async function aTickLater(): Promise<void> {
	const probe = place.fresh("probe");
	const now = () => {
		writeFileSync(probe, "");
		return statSync(probe, { bigint: true }).ctimeNs;
	};
	for (const start = now(); now() < start + 150_000_000n; )
		await new Promise((done) => setTimeout(done, 10));
}

describe("what was worked on since, its time put back,", () => {
	const made = ["a.txt", "turned", "sub/deep/d.txt", "linked/two"];

	test.each(made)(
		"T85: is left by undo, which says so, and by abort after it: %s",
		async (name) => {
			const scene = await worked(name);
			const { options, repository, at, whole, path } = scene;
			const undone = undoRestore(repository, options);
			const paths = (problems: typeof undone.problems) =>
				problems.map((problem) => problem.path).sort();
			expect(paths(undone.problems)).toEqual(whole);
			expect(readFileSync(at).every((byte) => byte === 7)).toBe(true);
			expect(existsSync(join(path, "extra/deep/x"))).toBe(true);
			const again = abortRestore(repository, options);
			expect(paths(again.problems)).toEqual(whole);
			expect(readFileSync(at).every((byte) => byte === 7)).toBe(true);
		},
	);

	/** What was restored, and of it one file worked on; with all paths that are not to be taken back then. */
	async function worked(name: string) {
		const made = await scene();
		disturb(made.folder);
		await restore(made);
		const path = made.folder;
		const at = join(path, name);
		await aTickLater();
		workOn(at, "content");
		const first = name.split("/")[0] as string;
		const whole =
			first === "linked"
				? ["linked/one", "linked/two"].map((other) => join(path, other))
				: [join(path, first)];
		return { ...made, path, at, whole, options: { path } };
	}

	test.each([
		["swapped", "a.txt"],
		["in a directory that was made", "sub/deep/d.txt"],
		["one of several names", "linked/two"],
	])("T85: is left by an abort after a kill: %s", async (_, name) => {
		const made = await scene();
		disturb(made.folder);
		const changes = new Changes(loadEntryMoves(), (change) => {
			if (change === "attributes") throw new Error("killed");
		});
		await expect(restore(made, { changes })).rejects.toThrow("killed");
		const path = made.folder;
		await aTickLater();
		workOn(join(path, name), "content");
		const { problems } = abortRestore(made.repository, { path });
		expect(problems).not.toEqual([]);
		expect(readFileSync(join(path, name))[0]).toBe(7);
	});

	test("T85: is left by undo though the restore was killed and resumed after it", async () => {
		const made = await scene();
		disturb(made.folder);
		const changes = new Changes(loadEntryMoves(), (change) => {
			if (change === "attributes") throw new Error("killed");
		});
		await expect(restore(made, { changes })).rejects.toThrow("killed");
		const path = made.folder;
		await aTickLater();
		workOn(join(path, "a.txt"), "content");
		expect(resumeRestore(made.repository, { path })).toMatchObject({
			problems: [],
		});
		const { problems } = undoRestore(made.repository, { path });
		expect(problems).toEqual(changedAt(join(path, "a.txt")));
		expect(readFileSync(join(path, "a.txt"))[0]).toBe(7);
	});

	test.each(["mode", "link"] as const)(
		"T85: is left by undo if only its %s was changed",
		async (how) => {
			const made = await scene();
			disturb(made.folder);
			await restore(made);
			await aTickLater();
			workOn(join(made.folder, "a.txt"), how);
			workOn(join(made.folder, "b.txt"), how);
			const { problems } = undoRestore(made.repository, { path: made.folder });
			expect(problems.map(({ path }) => path)).toEqual(
				["a.txt", "b.txt"].map((name) => join(made.folder, name)),
			);
		},
	);

	test("T85: is left by undo if it had been patched in place", async () => {
		const made = await altered();
		await restore(made, {
			minPatched,
			changes: new Changes(movesWithoutClone()),
		});
		await aTickLater();
		workOn(made.one, "content");
		const { problems } = undoRestore(made.repository, made.options);
		expect(problems).toEqual(changedAt(made.one));
		expect(readFileSync(made.two).equals(made.part)).toBe(true);
	});

	test("T85: is left by an undo that is killed at any change, and by the abort after it", async () => {
		for (let number = 1, isKilled = true; isKilled; number += 2) {
			const { repository, options, at, path } = await worked("linked/two");
			let count = 0;
			const changes = new Changes(loadEntryMoves(), () => {
				if (++count >= number) throw new Error("killed");
			});
			isKilled = false;
			try {
				undoRestore(repository, { ...options, changes });
			} catch {
				isKilled = true;
			}
			if (existsSync(join(journalsOf(path)[0] ?? "", "done")))
				undoRestore(repository, options);
			else abortRestore(repository, options);
			expect(readFileSync(at)[0], `${number}`).toBe(7);
			expect(existsSync(join(path, "sub")), `${number}`).toBe(false);
		}
	});

	test("T85: undo goes on where there is no room for a note, and leaves what it can tell was worked on", async () => {
		const made = await scene();
		disturb(made.folder);
		const path = made.folder;
		const left = describeTree(path);
		const fullAfter = (files: number) => {
			let count = 0;
			return new Changes(loadEntryMoves(), (change) => {
				if (change === "create" && ++count > files)
					throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
			});
		};
		// For what is said at the beginning, and for the journal.
		await restore(made, { changes: fullAfter(2) });
		const undo = () =>
			undoRestore(made.repository, { path, changes: fullAfter(0) });
		expect(undo().problems).toEqual([]);
		expect(describeTree(path)).toEqual(left);
		await restore(made, { changes: fullAfter(2) });
		await aTickLater();
		workOn(join(path, "a.txt"), "content");
		expect(undo().problems).toEqual(changedAt(join(path, "a.txt")));
		expect(readFileSync(join(path, "a.txt"))[0]).toBe(7);
	});
});

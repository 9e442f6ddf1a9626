import {
	appendFileSync,
	existsSync,
	readFileSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	resumeRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import { disturb, sceneIn } from "./onto-scene.ts";
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
	const changes = new Changes(loadEntryMoves(), (change) => {
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
		await restore(made, { minPatched });
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

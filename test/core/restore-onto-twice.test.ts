import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import { disturb, journalsOf, type Scene, sceneIn } from "./onto-scene.ts";
import { readingPlace } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-twice");
const { scene, restore } = sceneIn(place);

async function disturbed(): Promise<
	Scene & { readonly left: Scene["before"] }
> {
	const made = await scene();
	disturb(made.folder);
	return { ...made, left: describeTree(made.folder) };
}

/** Restores, and does something between the plan and the claim. */
function restoreMeanwhile(made: Scene, work: () => Promise<unknown>) {
	let isDone = false;
	return restore(made, {
		async onPlan() {
			if (isDone) return;
			isDone = true;
			await work();
		},
	});
}

/** Kills it before it takes the first step. */
function killed(made: Scene): Promise<unknown> {
	const changes = new Changes(loadEntryMoves(), (change) => {
		if (change === "exchange" || change === "move") throw new Error("killed");
	});
	return expect(restore(made, { changes })).rejects.toThrow("killed");
}

test("a restore is refused if another one into the same directory ended while it planned, and that one can be taken back", async () => {
	const made = await disturbed();
	await expect(
		restoreMeanwhile(made, () => restore(made)),
	).rejects.toMatchObject({ code: "LOCKED" });
	expect(journalsOf(made.folder)).toHaveLength(1);
	const undone = undoRestore(made.repository, { path: made.folder });
	expect(undone.problems).toEqual([]);
	expect(describeTree(made.folder)).toEqual(made.left);
	expect(journalsOf(made.folder)).toEqual([]);
});

test("a restore is refused if another one into the same directory has begun while it planned", async () => {
	const made = await disturbed();
	await expect(
		restoreMeanwhile(made, () => killed(made)),
	).rejects.toMatchObject({ code: "LOCKED" });
	expect(describeTree(made.folder)).toEqual(made.left);
	expect(journalsOf(made.folder)).toHaveLength(1);
	abortRestore(made.repository, { path: made.folder });
	await restore(made);
	expect(describeTree(made.folder)).toEqual(made.before);
});

test("a finished journal that was not there before the plan outlasts the restore", async () => {
	const made = await disturbed();
	await restore(made);
	const [journal = ""] = journalsOf(made.folder);
	writeFileSync(join(made.folder, "a.txt"), "again");
	const other = join(dirname(journal), `${basename(journal)}0`);
	let isDone = false;
	const changes = new Changes(loadEntryMoves(), (change) => {
		if (isDone || change !== "exchange") return;
		isDone = true;
		cpSync(journal, other, { recursive: true });
	});
	await restore(made, { changes });
	expect(existsSync(journal)).toBe(false);
	expect(existsSync(join(other, "done"))).toBe(true);
});

test("undo is refused while another restore into the same directory is unfinished", async () => {
	const made = await disturbed();
	await restore(made);
	writeFileSync(join(made.folder, "a.txt"), "again");
	await killed(made);
	const options = { path: made.folder };
	expect(() => undoRestore(made.repository, options)).toThrow(
		expect.objectContaining({ code: "RESTORE_UNFINISHED" }),
	);
	expect(readFileSync(join(made.folder, "a.txt"), "utf8")).toBe("again");
	abortRestore(made.repository, options);
	expect(undoRestore(made.repository, options).problems).toHaveLength(1);
});

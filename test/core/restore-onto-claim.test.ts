import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { identify } from "../../packages/core/src/identity.ts";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	forgetRestore,
	resumeRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import { disturb, journalsOf, type Scene, sceneIn } from "./onto-scene.ts";
import { readingPlace } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-claim");
const { scene, restore } = sceneIn(place);

const endings = {
	undo: undoRestore,
	abort: abortRestore,
	resume: resumeRestore,
	forget: (_: unknown, options: { readonly path: string }) =>
		forgetRestore(options),
};
type Ending = keyof typeof endings;

async function disturbed() {
	const made = await scene();
	disturb(made.folder);
	return { ...made, left: describeTree(made.folder) };
}

/** Kills it after some steps, if it is not to be finished. */
async function begun(made: Scene, ending: Ending): Promise<void> {
	if (ending === "undo" || ending === "forget") {
		await restore(made);
		return;
	}
	let steps = 0;
	const changes = new Changes(loadEntryMoves(), (change) => {
		if (change === "exchange" && ++steps > 1) throw new Error("killed");
	});
	await expect(restore(made, { changes })).rejects.toThrow("killed");
}

/** Calls something once, before the first change of a kind. */
function before(kinds: readonly string[], work: () => void): Changes {
	let isDone = false;
	return new Changes(loadEntryMoves(), (change) => {
		if (isDone || !kinds.includes(change)) return;
		isDone = true;
		work();
	});
}

const locked = expect.objectContaining({ code: "LOCKED" });
const moves = ["exchange", "move", "unlink"];

describe("of those who finish a restore or take it back at the same time", () => {
	test.each(
		(["undo", "abort", "resume", "forget"] as const).flatMap((first) =>
			(["undo", "abort", "resume", "forget"] as const).map(
				(second) => [first, second] as const,
			),
		),
	)(
		"T85: the first goes on, and another changes nothing: %s, %s",
		async (...pair) => {
			const [first, second] = pair;
			const made = await disturbed();
			await begun(made, first);
			const path = made.folder;
			let refused = 0;
			const changes = before(moves, () => {
				const now = describeTree(path);
				expect(() => endings[second](made.repository, { path })).toThrow(
					expect.objectContaining({
						code: expect.stringMatching(/LOCKED|NO_JOURNAL|RESTORE_UNFINISHED/),
					}),
				);
				refused++;
				expect(describeTree(path)).toEqual(now);
			});
			const report = endings[first](made.repository, { path, changes });
			expect(refused).toBe(1);
			expect(report).toMatchObject({ problems: [] });
			const isThere = first === "resume" || first === "forget";
			expect(describeTree(path)).toEqual(isThere ? made.before : made.left);
			if (first === "resume") undoRestore(made.repository, { path });
			expect(journalsOf(path)).toEqual([]);
		},
	);

	test("one that comes when the other has just ended is refused", async () => {
		const made = await disturbed();
		await restore(made);
		const path = made.folder;
		// Before its own claim is written.
		const changes = before(["create"], () =>
			undoRestore(made.repository, { path }),
		);
		expect(() => undoRestore(made.repository, { path, changes })).toThrow(
			locked,
		);
		expect(describeTree(path)).toEqual(made.left);
	});

	test("one that comes while the other removes the folder is no hindrance", async () => {
		const made = await disturbed();
		await restore(made);
		const path = made.folder;
		let late = 0;
		const changes = new Changes(loadEntryMoves(), (change) => {
			const [folder = ""] = journalsOf(path);
			const at = (name: string) => join(folder, name);
			if (change === "rmdir" && readdirSync(folder).length === 0 && late < 2)
				// Just when all in the folder is gone, and it is to go itself.
				writeFileSync(at(`claim-${++late}.new`), "");
			if (change === "unlink" && existsSync(at("claim-1.new")))
				// Just when it is to be removed.
				renameSync(at("claim-1.new"), at("claim-1"));
		});
		undoRestore(made.repository, { path, changes });
		expect(late).toBe(2);
		expect(journalsOf(path)).toEqual([]);
	});

	test("one that was killed is in nobody's way, and leaves nothing", async () => {
		const made = await disturbed();
		await restore(made);
		const path = made.folder;
		const [folder = ""] = journalsOf(path);
		const { host, machineId, bootId, pidNamespace } = identify("");
		const holder = { host, machineId, bootId, pidNamespace };
		// Beyond what any system has.
		const dead = { ...holder, pid: 2 ** 30, startTicks: "1" };
		writeFileSync(join(folder, "claim-0"), JSON.stringify(dead));
		writeFileSync(join(folder, "claim-1.new"), "");
		expect(undoRestore(made.repository, { path }).problems).toEqual([]);
		expect(describeTree(path)).toEqual(made.left);
		expect(journalsOf(path)).toEqual([]);
	});

	test("one that fails leaves no claim behind", async () => {
		const made = await disturbed();
		await restore(made);
		const path = made.folder;
		const changes = before(moves, () => {
			throw new Error("killed");
		});
		const undo = () => undoRestore(made.repository, { path, changes });
		expect(undo).toThrow("killed");
		const names = journalsOf(path).flatMap((folder) => readdirSync(folder));
		expect(names.filter((name) => name.startsWith("claim"))).toEqual([]);
		expect(abortRestore(made.repository, { path }).problems).toEqual([]);
		expect(describeTree(path)).toEqual(made.left);
	});
});

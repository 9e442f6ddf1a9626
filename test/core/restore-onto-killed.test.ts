import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
	type EntryMoves,
	loadEntryMoves,
} from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	abortRestore,
	resumeRestore,
	undoRestore,
} from "../../packages/core/src/restore/onto/finish-restore.ts";
import { restoreOnto } from "../../packages/core/src/restore/onto/restore-onto.ts";
import {
	disturb,
	journalsOf,
	type Scene,
	sceneIn,
	small,
} from "./onto-scene.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-killed");
const { scene, restore } = sceneIn(place);
const big = noise(1_200_000);
/** From this size on files are patched in place here. */
const minPatched = 1_000_000;
/** By resume, and by abort, from every place: some hundred restores. */
const patience = 900_000;

class Killed extends Error {}

/** Throws before the n-th change and all that follow: as if the process were gone. */
function killAt(number: number, moves: EntryMoves | undefined): Changes {
	let count = 0;
	return new Changes(moves, () => {
		if (++count >= number) throw new Killed();
	});
}

async function disturbed(): Promise<
	Scene & { readonly left: Scene["before"] }
> {
	const made = await scene({ ...small, big }, { parameters: {} });
	disturb(made.folder);
	const altered = big.slice();
	altered.fill(0, 100_000, 100_010);
	writeFileSync(join(made.folder, "big"), altered.subarray(0, 1_190_000));
	return { ...made, left: describeTree(made.folder) };
}

/** True if it was killed. */
async function attempt(work: () => unknown): Promise<boolean> {
	try {
		await work();
		return false;
	} catch (error) {
		if (error instanceof Killed) return true;
		throw error;
	}
}

/** The file that says how far the restore has come, if there is a journal. */
function stateOf(folder: string): string | undefined {
	const files = journalsOf(folder).flatMap((name) => readdirSync(name));
	return ["over", "done", "journal", "begun"].find((s) => files.includes(s));
}

/** Does something with the number of a change to be killed at, from 1 on, until it is not killed any more. */
async function atEveryChange(
	least: number,
	work: (number: number) => Promise<boolean>,
): Promise<void> {
	for (let number = 1; ; number++)
		if (!(await work(number))) {
			expect(number).toBeGreaterThan(least);
			return;
		}
}

describe("a restore that is killed at any change of the file system", () => {
	test(
		"T85: is finished by resume",
		() =>
			atEveryChange(40, async (number) => {
				const made = await disturbed();
				const { repository, folder, snapshot } = made;
				const changes = killAt(number, loadEntryMoves());
				const isKilled = await attempt(() =>
					restore(made, { changes, minPatched }),
				);
				if (stateOf(folder) === "journal" || stateOf(folder) === "begun") {
					await expect(restore(made)).rejects.toMatchObject({
						code: "RESTORE_UNFINISHED",
					});
					const resumed = resumeRestore(repository, { path: folder });
					if (resumed.outcome === "begin-anew")
						await restoreOnto(repository, { snapshot, ...resumed.request });
					else expect(resumed.problems, `${number}`).toEqual([]);
				} else if (stateOf(folder) === undefined) await restore(made);
				expect(describeTree(folder), `${number}`).toEqual(made.before);
				return isKilled;
			}),
		patience,
	);

	test(
		"T85: is taken back by abort",
		() =>
			atEveryChange(40, async (number) => {
				const made = await disturbed();
				const { repository, folder } = made;
				const changes = killAt(number, loadEntryMoves());
				const isKilled = await attempt(() =>
					restore(made, { changes, minPatched }),
				);
				const state = stateOf(folder);
				if (state === "journal" || state === "begun") {
					const { problems } = abortRestore(repository, { path: folder });
					expect(problems, `${number}`).toEqual([]);
					expect(journalsOf(folder)).toEqual([]);
				}
				expect(describeTree(folder), `${number}`).toEqual(
					state === "done" ? made.before : made.left,
				);
				return isKilled;
			}),
		patience,
	);

	test(
		"T85: an undo that is killed is finished by abort, or by undo",
		() =>
			atEveryChange(15, async (number) => {
				const made = await disturbed();
				const { repository, folder } = made;
				await restore(made, { minPatched });
				const options = { path: folder };
				const isKilled = await attempt(() =>
					undoRestore(repository, {
						...options,
						changes: killAt(number, loadEntryMoves()),
					}),
				);
				const state = stateOf(folder);
				const { problems } =
					state === "journal"
						? abortRestore(repository, options)
						: state === "done"
							? undoRestore(repository, options)
							: { problems: [] };
				expect(problems, `${number}`).toEqual([]);
				expect(describeTree(folder), `${number}`).toEqual(made.left);
				return isKilled;
			}),
		patience,
	);

	test.each(["resume", "abort"] as const)(
		"T85: where names cannot be exchanged, %s ends as it should",
		(ending) =>
			atEveryChange(25, async (number) => {
				const made = await scene();
				disturb(made.folder);
				const left = describeTree(made.folder);
				const { repository, folder } = made;
				const changes = killAt(number, undefined);
				const isKilled = await attempt(() => restore(made, { changes }));
				const plain = { path: folder, changes: new Changes(undefined) };
				const state = stateOf(folder);
				if (state !== "journal") return isKilled;
				const { problems = [] } = (
					ending === "resume"
						? resumeRestore(repository, plain)
						: abortRestore(repository, plain)
				) as { problems?: readonly unknown[] };
				expect(problems, `${number}`).toEqual([]);
				expect(describeTree(folder), `${number}`).toEqual(
					ending === "resume" ? made.before : left,
				);
				return isKilled;
			}),
		patience,
	);
});

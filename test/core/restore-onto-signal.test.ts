import {
	closeSync,
	openSync,
	truncateSync,
	utimesSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import type { OntoOptions } from "../../packages/core/src/restore/onto/options.ts";
import { disturb, journalsOf, type Scene, sceneIn } from "./onto-scene.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-signal");
const { scene, restore } = sceneIn(place);
const large = 40 * 1024 * 1024;

class Stopped extends Error {}

/** Restores, and is told to stop as soon as the event loop has its turn after a phase has begun. Resolves to the changes it made. */
async function stoppedIn(
	phase: string,
	made: Scene,
	options: Partial<OntoOptions> = {},
): Promise<string[]> {
	const controller = new AbortController();
	const { events } = made.repository;
	const push = events.push.bind(events);
	events.push = (...all) => {
		for (const event of all)
			if (event.type === "step" && event.step.phase === phase)
				setImmediate(() => controller.abort(new Stopped()));
		return push(...all);
	};
	const changed: string[] = [];
	const changes = new Changes(loadEntryMoves(), (change) => {
		changed.push(change);
	});
	const { signal } = controller;
	await expect(
		restore(made, { changes, signal, ...options }),
	).rejects.toBeInstanceOf(Stopped);
	return changed;
}

/** A file of which only the last bytes differ from the snapshot. */
async function alteredAtEnd(content: Uint8Array | "hole"): Promise<Scene> {
	const tree = { large: content === "hole" ? "" : content };
	const made = await scene(tree, { parameters: {} });
	const path = join(made.folder, "large");
	if (content === "hole") truncateSync(path, large);
	return { ...made, ...(await again(made)) };
}

async function again({ repository, folder }: Scene) {
	const snapshot = await takeSnapshot(repository, folder);
	const fd = openSync(join(folder, "large"), "r+");
	writeSync(fd, "end", large - 3);
	closeSync(fd);
	return { snapshot, before: describeTree(folder) };
}

describe("a restore onto what is there that is told to stop", () => {
	test.each([
		["one large file", noise(large)],
		["the holes of one large file", "hole"],
	] as const)(
		"T85: does so while %s is compared, before it has changed anything",
		async (_, content) => {
			const made = await alteredAtEnd(content);
			expect(await stoppedIn("compare", made)).toEqual([]);
			expect(describeTree(made.folder)).toEqual(made.before);
			await restore(made);
		},
		60_000,
	);

	test("does so when little was compared, too", async () => {
		const made = await scene();
		disturb(made.folder);
		const left = describeTree(made.folder);
		await stoppedIn("compare", made);
		expect(describeTree(made.folder)).toEqual(left);
		expect(journalsOf(made.folder)).toEqual([]);
	});

	test("does so while the parts of a large file are written aside, and leaves nothing", async () => {
		const content = noise(1_200_000);
		const made = await scene({ one: content }, { parameters: {} });
		const path = join(made.folder, "one");
		const fd = openSync(path, "r+");
		writeSync(fd, "x", 500_000);
		closeSync(fd);
		utimesSync(path, 1, 1);
		const left = describeTree(made.folder);
		const controller = new AbortController();
		const changes = new Changes(loadEntryMoves(), (change) => {
			// The folder of the journal, and that of its slots.
			if (change === "mkdir")
				setImmediate(() => controller.abort(new Stopped()));
		});
		const { signal } = controller;
		await expect(
			restore(made, { changes, signal, minPatched: 1_000_000 }),
		).rejects.toBeInstanceOf(Stopped);
		expect(describeTree(made.folder)).toEqual(left);
		expect(journalsOf(made.folder)).toEqual([]);
	});
});

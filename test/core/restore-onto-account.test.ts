import {
	mkdirSync,
	rmSync,
	statSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { encodeName, type TreeId } from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { loadEntryMoves } from "../../packages/core/src/native/move-entry.ts";
import { Changes } from "../../packages/core/src/restore/onto/changes.ts";
import {
	disturb,
	movesWithoutClone,
	type Scene,
	sceneIn,
	small,
} from "./onto-scene.ts";
import {
	asSnapshot,
	noise,
	pathsBelow,
	readingPlace,
} from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("onto-account");
const { scene, restore } = sceneIn(place);

const none = {
	unchanged: 0,
	create: 0,
	update: 0,
	replace: 0,
	metadata: 0,
	delete: 0,
	conflict: 0,
	keep: 0,
	"keep-both": 0,
};

/** Does something when all is planned and made, before the first step is taken. */
function beforeSteps(work: () => void): Changes {
	let isDone = false;
	return new Changes(loadEntryMoves(), (change) => {
		if (isDone || (change !== "exchange" && change !== "move")) return;
		isDone = true;
		work();
	});
}

/** The chunks of a file (by the names that lead to it) are in no pack any more. */
async function lose(
	{ repository, snapshot }: Scene,
	...names: string[]
): Promise<void> {
	const { objects, index } = repository;
	objects.outdate();
	await index.catchUp(await objects.prepare());
	let tree = snapshot.record.roots[0]?.tree;
	let ids = "";
	for (const name of names) {
		const node = objects.lookup(tree as TreeId, encodeName(name));
		tree = node?.tree;
		ids = Buffer.from(node?.content.ids ?? []).toString("hex");
	}
	const places = index.places.bind(index);
	index.places = (wanted) =>
		places(wanted).map((found, i) => {
			const id = Buffer.from(wanted.subarray(i * 32, i * 32 + 32));
			return ids.includes(id.toString("hex")) ? undefined : found;
		});
}

describe("the account of a restore onto what is there", () => {
	test("counts all that was done, entries of directories that come and go included", async () => {
		const made = await scene();
		disturb(made.folder);
		const report = await restore(made);
		expect(report).toMatchObject({ failed: 0, directories: 2, hardLinks: 1 });
		expect(report.sums).toEqual({
			...none,
			unchanged: 3,
			create: 5,
			update: 1,
			replace: 1,
			metadata: 6,
			delete: 4,
		});
	});

	test("counts what changed meanwhile, and was left, as failed and not as done", async () => {
		const made = await scene();
		disturb(made.folder);
		const at = (name: string) => join(made.folder, name);
		const changes = beforeSteps(() => {
			for (const name of ["a.txt", "b.txt", "new.txt"])
				writeFileSync(at(name), "meanwhile");
			writeFileSync(at("sub"), "something has come there");
		});
		const report = await restore(made, { changes });
		expect(report.problems).toHaveLength(4);
		// The directory, and the four entries in it.
		expect(report.failed).toBe(3 + 5);
		expect(report.sums).toEqual({
			...none,
			unchanged: 3,
			replace: 1,
			metadata: 5,
			delete: 3,
		});
		expect(report).toMatchObject({ directories: 0, symlinks: 0, files: 2 });
		expect(report.bytes).toBe("a file".length + "one file".length);
	});

	test("counts of a large file that is left, and only parts of which would have been written, nothing", async () => {
		const big = noise(1_200_000);
		const made = await scene({ big }, { parameters: {} });
		const altered = big.slice();
		altered.fill(0, 100_000, 100_010);
		writeFileSync(join(made.folder, "big"), altered);
		const changes = new Changes(movesWithoutClone(), (change) => {
			if (change === "move") unlinkSync(join(made.folder, "big"));
		});
		const report = await restore(made, { changes, minPatched: 1_000_000 });
		expect(report).toMatchObject({ failed: 1, files: 0, bytes: 0 });
		expect(report.sums).toEqual({ ...none, unchanged: 1 });
	});

	test("tells of a large file only parts of which would have been written, and cannot be read, that it is damaged", async () => {
		const big = noise(1_200_000);
		const made = await scene({ big }, { parameters: {} });
		const altered = big.slice();
		altered.fill(0, 100_000, 100_010);
		writeFileSync(join(made.folder, "big"), altered);
		const location = made.repository.backend.descriptor?.path as string;
		const packs = pathsBelow(join(location, "packs"))
			.map((path) => join(location, "packs", path))
			.sort((a, b) => statSync(b).size - statSync(a).size);
		// That of the content is by far the largest.
		rmSync(packs[0] as string);
		const blind = await place.repository({ location, isThere: true });
		const given = { ...made, repository: blind };
		const report = await restore(given, { minPatched: 1_000_000 });
		expect(report.problems).toMatchObject([{ kind: "damaged" }]);
		expect(report.failed).toBe(1);
	});

	test("counts of a directory that comes what is damaged in it as failed", async () => {
		const made = await scene(
			{ sub: { lost: noise(6_000), kept: "kept" }, other: "other" },
			{},
		);
		rmSync(join(made.folder, "sub"), { recursive: true });
		await lose(made, "sub", "lost");
		const report = await restore(made);
		expect(report.failed).toBe(1);
		expect(report.sums).toMatchObject({ create: 2, metadata: 1 });
		expect(report.problems).toMatchObject([
			{ path: join(made.folder, "sub/lost"), kind: "damaged" },
		]);
	});

	test("counts what cannot even be looked at as failed, in a dry run too", async () => {
		const made = await scene({ ...small, nest: { file: "file" } });
		rmSync(join(made.folder, "nest/file"));
		makeTree(join(made.folder, "nest"), { config: "", snapshots: {} });
		mkdirSync(join(made.folder, "nest/packs"));
		const planned = await restore(made, { dryRun: true });
		expect(planned).toMatchObject({ failed: 1, problems: [{}] });
		expect(await restore(made)).toMatchObject({ failed: 1, problems: [{}] });
	});

	test("says what the snapshot lacks, as far as it lies in what is restored", async () => {
		const made = await scene();
		const lacking = asSnapshot({
			id: made.snapshot.id,
			record: {
				...made.snapshot.record,
				unread: [{ path: join(made.folder, "sub/dark"), reason: "EACCES" }],
			},
		});
		const note =
			"the snapshot lacks 1 entry that could not be read when it was taken: varve show names it";
		for (const dryRun of [true, false]) {
			const given = { repository: made.repository, snapshot: lacking };
			const report = await restore(given, { dryRun });
			expect(report.notes).toEqual([note]);
			expect(made.repository.events).toContainEqual({
				type: "warning",
				message: note,
			});
			const subpath = join(made.folder, "kept");
			const part = await restore(given, { dryRun, subpath });
			expect(part.notes).toEqual([]);
		}
		expect(describeTree(made.folder)).toEqual(made.before);
	});
});

describe("restore --verify onto what is there", () => {
	test("reads nothing below what was left as it is, and tells of it once", async () => {
		const made = await scene({
			...small,
			nest: { file: "file", deep: { more: "more" } },
		});
		rmSync(join(made.folder, "nest/file"));
		makeTree(join(made.folder, "nest"), {
			config: "",
			packs: {},
			snapshots: {},
		});
		writeFileSync(join(made.folder, "nest/deep/more"), "another repository's");
		const report = await restore(made, { verify: true });
		expect(report.problems).toMatchObject([{ reason: "IN_REPOSITORY" }]);
		// All files but the two below.
		expect(report.verified?.files).toBe(9);
	});

	test("tells once of what changed meanwhile, in another directory too", async () => {
		const made = await scene();
		const target = place.fresh("target");
		makeTree(target, small);
		writeFileSync(join(target, "a.txt"), "other");
		const changes = beforeSteps(() =>
			writeFileSync(join(target, "a.txt"), "meanwhile"),
		);
		const subpath = made.folder;
		const given = { target, subpath, changes, verify: true };
		const { problems } = await restore(made, given);
		expect(problems).toMatchObject([
			{ path: join(target, "a.txt"), reason: "CHANGED" },
		]);
	});
});

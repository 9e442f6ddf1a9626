import {
	chownSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hardlink, makeTree, symlink } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { loadNativeCalls } from "../../packages/core/src/restore/native-times.ts";
import { restoreOutcome } from "../../packages/core/src/restore/report.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("restore-race");
const isRoot = process.geteuid?.() === 0;
const tree = {
	d: { a: "1", big: noise(33 * 1024 * 1024), sub: { b: "2" }, z: "3" },
	e: { c: "4" },
};

/** Restores a tree while somebody does `meddle` in the target, as soon as an entry is there. */
async function race(options: {
	tree: Parameters<typeof makeTree>[1];
	prepare?: (folder: string) => void;
	after: string;
	meddle: (target: string, outside: string) => void;
}) {
	const folder = place.fresh("source");
	makeTree(folder, options.tree);
	options.prepare?.(folder);
	const parent = place.fresh("parent");
	const [target, outside] = [join(parent, "target"), join(parent, "outside")];
	makeTree(outside, { secret: "theirs", sub: { more: "theirs too" } });
	let before = describeTree(outside);
	let isDone = false;
	const repository = await place.repository({
		detail: true,
		on: (event) => {
			const isIt =
				event.type === "entry" &&
				event.verb === "restore" &&
				event.path === folder + options.after;
			if (!isIt || isDone) return;
			isDone = true;
			options.meddle(target, outside);
			before = describeTree(outside);
		},
	});
	const snapshot = await takeSnapshot(repository, folder);
	const given = { snapshot, target, subpath: folder };
	const report = await restore(repository, given);
	expect(isDone).toBe(true);
	expect(describeTree(outside)).toEqual(before);
	expect(readdirSync(parent).sort()).toEqual(["outside", "target"]);
	const problems = report.problems.map(
		({ path, reason }) => `${path.slice(folder.length)} ${reason}`,
	);
	return { report, problems, target, outside };
}

describe("T80 during a restore", () => {
	test("a directory that becomes a link to elsewhere is not followed, and what was to be in it is reported", async () => {
		const { problems, report, target } = await race({
			tree,
			after: "/d/sub",
			meddle: (target, outside) => {
				renameSync(join(target, "d"), join(target, "moved"));
				symlinkSync(outside, join(target, "d"));
			},
		});
		expect(problems).toEqual(expect.arrayContaining(["/d/a ENOTDIR"]));
		expect(restoreOutcome(report)).toBe("unfaithful");
		expect(readFileSync(join(target, "e/c"), "utf8")).toBe("4");
	});

	test("a link that is there before its directory is made is not followed", async () => {
		const { problems, target } = await race({
			tree,
			after: "/d",
			meddle: (target, outside) =>
				symlinkSync(join(outside, "sub"), join(target, "d/sub")),
		});
		expect(problems).toEqual(["/d/sub EEXIST", "/d/sub/b ENOTDIR"]);
		expect(readFileSync(join(target, "d/z"), "utf8")).toBe("3");
	});

	test("links and files that are there before a file is made are neither followed nor written", async () => {
		const { problems, target } = await race({
			tree,
			after: "/d",
			meddle: (target, outside) => {
				symlinkSync(join(outside, "secret"), join(target, "d/a"));
				symlinkSync(join(outside, "new"), join(target, "d/big"));
				linkSync(join(outside, "secret"), join(target, "d/z"));
			},
		});
		expect(problems.sort()).toEqual([
			"/d/a EEXIST",
			"/d/big EEXIST",
			"/d/z EEXIST",
		]);
		expect(readFileSync(join(target, "d/z"), "utf8")).toBe("theirs");
	});

	test("another file in the place of what was just made keeps its attributes and gets no name", async () => {
		const swapped = (name: string) => (target: string, outside: string) => {
			unlinkSync(join(target, name));
			linkSync(join(outside, "secret"), join(target, name));
		};
		const makeFifo = (folder: string) =>
			loadNativeCalls().makeNode?.(join(folder, "fifo"), 0o010777, 0);
		const fifo = await race({
			...{ tree: {}, prepare: makeFifo, after: "/fifo" },
			meddle: swapped("fifo"),
		});
		expect(fifo.problems).toEqual(["/fifo ESTALE"]);
		const link = await race({
			...{ tree: { link: symlink("x") }, after: "/link" },
			meddle: swapped("link"),
		});
		expect(link.problems).toEqual(["/link ESTALE"]);
		const names = { a: "1", b: hardlink("a"), z: { x: "2" } };
		const file = await race({
			...{ tree: names, after: "/a", meddle: swapped("a") },
		});
		expect(file.problems).toEqual(["/b ESTALE"]);
		expect(lstatSync(join(file.outside, "secret")).nlink).toBe(2);
	});

	test.runIf(isRoot)(
		"a directory of somebody else in the place of one made here gets nothing in it",
		async () => {
			const { problems, target } = await race({
				tree,
				after: "/e",
				meddle: (target) => {
					renameSync(join(target, "d"), join(target, "moved"));
					mkdirSync(join(target, "d/sub"), { recursive: true });
					chownSync(join(target, "d"), 1234, 1234);
				},
			});
			expect(problems).toContain("/d/a ESTALE");
			expect(lstatSync(join(target, "d")).uid).toBe(1234);
			expect(readdirSync(join(target, "d"))).toEqual(["sub"]);
		},
	);

	test("a directory that is gone costs what was to be in it, and no more", async () => {
		const { problems, target } = await race({
			tree: { d: { a: "1" }, e: { c: "4" } },
			after: "/e",
			meddle: (target) => rmSync(join(target, "e"), { recursive: true }),
		});
		expect(problems).toEqual(expect.arrayContaining(["/e/c ENOENT"]));
		expect(readFileSync(join(target, "d/a"), "utf8")).toBe("1");
	});
});

describe("a file system that takes two names for one (T80)", () => {
	test("keeps what was made first, and the others are reported, a directory with all that is in it", async () => {
		// Each name is met as one that is there already, which is how such a file system shows itself.
		const { problems, target } = await race({
			tree: { A: { x: "1" }, a: { y: "2" }, f: "3", l: symlink("4") },
			after: "/A",
			meddle: (target) => {
				mkdirSync(join(target, "a"));
				writeFileSync(join(target, "f"), "F");
				writeFileSync(join(target, "l"), "L");
			},
		});
		expect(problems.sort()).toEqual([
			"/a EEXIST",
			"/a/y ENOTDIR",
			"/f EEXIST",
			"/l EEXIST",
		]);
		expect(readdirSync(join(target, "a"))).toEqual([]);
		expect(readFileSync(join(target, "f"), "utf8")).toBe("F");
	});
});

describe("T80 a target that is exchanged while the restore begins", () => {
	async function exchanged(
		before: (target: string) => void,
		meddle: (target: string, outside: string) => void,
	) {
		const folder = place.fresh("source");
		makeTree(folder, { a: "1" });
		const parent = place.fresh("parent");
		const [target, outside] = [join(parent, "target"), join(parent, "outside")];
		makeTree(outside, { empty: {} });
		before(target);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const racing = {
			...repository,
			startCrew: (...args: Parameters<typeof repository.startCrew>) => {
				meddle(target, outside);
				return repository.startCrew(...args);
			},
		};
		const result = restore(racing, { snapshot, target, subpath: folder });
		await expect(result).rejects.toMatchObject({ code: "TARGET_FAILED" });
		expect(readdirSync(outside, { recursive: true })).toEqual(["empty"]);
	}
	const link = (target: string, outside: string) =>
		symlinkSync(join(outside, "empty"), target);

	test("is not restored into, if nothing was there before", () =>
		exchanged(() => {}, link));

	test("is not restored into, if it was another directory before", () =>
		exchanged(
			(target) => mkdirSync(target),
			(target, outside) => {
				renameSync(target, `${target}.moved`);
				link(target, outside);
			},
		));
});

import {
	chmodSync,
	chownSync,
	closeSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { decodeName, type TreeId } from "@varve/format";
import { hardlink, makeTree, symlink } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import { loadNativeCalls } from "../../packages/core/src/restore/native-times.ts";
import { restoreOutcome } from "../../packages/core/src/restore/report.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import {
	noise,
	pathsBelow,
	readingPlace,
	takeSnapshot,
} from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("restore");
const isRoot = process.geteuid?.() === 0;

const small = {
	"a.txt": "alpha",
	empty: "",
	sub: { "b.txt": "beta", deep: { "c.txt": "gamma" } },
	void: {},
	link: symlink("a.txt"),
	"z.txt": hardlink("a.txt"),
};

function source(tree: Parameters<typeof makeTree>[1] = small): string {
	const folder = place.fresh("source");
	makeTree(folder, tree);
	return folder;
}

const treeOf = ({
	record,
}: {
	record: { roots: readonly { tree: TreeId }[] };
}) => record.roots[0]?.tree;

describe("restore", () => {
	test("gives back content, modes, owners, times, symlinks and hard links", async () => {
		const folder = source({ ...small, big: noise(50_000) });
		const repository = await place.repository();
		const target = place.fresh("target");
		const snapshot = await takeSnapshot(repository, folder);
		const report = await restore(repository, { snapshot, target });
		expect(describeTree(target + folder)).toEqual(describeTree(folder));
		expect(report).toMatchObject({
			files: 5,
			directories: 4,
			symlinks: 1,
			hardLinks: 1,
			bytes: 50_014,
			problems: [],
			notRestored: {},
			notes: [],
		});
		expect(restoreOutcome(report)).toBe("whole");
	});

	test("makes what a snapshot gives the same tree id", async () => {
		const folder = source({ ...small, many: noise(100_000, 7) });
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target });
		const again = await takeSnapshot(repository, target + folder);
		expect(treeOf(again)).toBe(treeOf(snapshot));
	});

	test("puts absolute paths below the target, above roots with directories of mode 0755", async () => {
		const folder = source();
		chmodSync(folder, 0o750);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target });
		expect(statSync(target + folder).mode & 0o7777).toBe(0o750);
		expect(statSync(join(target + folder, "..")).mode & 0o7777).toBe(0o755);
	});

	test("puts what is in a path directly into the target, which gets its attributes", async () => {
		const folder = source();
		chmodSync(join(folder, "sub"), 0o711);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		for (const subpath of [join(folder, "sub"), "sub", "./sub/"]) {
			const target = place.fresh("target");
			await restore(repository, { snapshot, target, subpath });
			expect(describeTree(target)).toEqual(describeTree(join(folder, "sub")));
		}
	});

	test("puts a root named as path directly into the target", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, subpath: folder });
		expect(describeTree(target)).toEqual(describeTree(folder));
	});

	test("puts one file, or one symlink, into the target by its name", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const subpath = join(folder, "sub/deep/c.txt");
		const report = await restore(repository, { snapshot, target, subpath });
		expect(readdirSync(target)).toEqual(["c.txt"]);
		expect(readFileSync(join(target, "c.txt"), "utf8")).toBe("gamma");
		expect(report).toMatchObject({ files: 1, directories: 0 });
		const other = place.fresh("target");
		await restore(repository, { snapshot, target: other, subpath: "link" });
		expect(lstatSync(join(other, "link")).isSymbolicLink()).toBe(true);
	});

	test("restores several roots, below a directory above them too", async () => {
		const top = source({ one: { a: "1" }, two: { b: "2" } });
		const repository = await place.repository();
		const roots = [join(top, "one"), join(top, "two")];
		const snapshot = await takeSnapshot(repository, ...roots);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, subpath: top });
		expect(pathsBelow(target)).toEqual(["one", "one/a", "two", "two/b"]);
	});

	test("knows no path that the snapshot does not hold, and then makes no target", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const given = { snapshot, target, subpath: join(folder, "sub/none") };
		await expect(restore(repository, given)).rejects.toMatchObject({
			name: "NotFoundError",
			code: "NO_SUCH_PATH",
		});
		expect(existsSync(target)).toBe(false);
	});

	test("refuses a target that is not empty, or no directory, and changes nothing", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const full = source({ mine: "keep" });
		await expect(
			restore(repository, { snapshot, target: full }),
		).rejects.toMatchObject({ name: "TargetError", code: "TARGET_NOT_EMPTY" });
		await expect(
			restore(repository, { snapshot, target: join(full, "mine") }),
		).rejects.toMatchObject({ code: "TARGET_NOT_DIRECTORY" });
		await expect(
			restore(repository, { snapshot, target: join(full, "mine/below") }),
		).rejects.toMatchObject({ code: "TARGET_NOT_DIRECTORY" });
		expect(pathsBelow(full)).toEqual(["mine"]);
	});

	test.runIf(process.platform === "linux")(
		"ends with a sentence where no directory can be made, and mkdir says that there is none",
		async () => {
			const repository = await place.repository();
			const snapshot = await takeSnapshot(repository, source());
			for (const target of ["/proc/self/x", "/proc/self/x/y"])
				await expect(
					restore(repository, { snapshot, target }),
				).rejects.toMatchObject({
					code: "TARGET_FAILED",
					message: expect.stringContaining("ENOENT"),
				});
		},
	);

	test("restores into an empty directory that is there", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		mkdirSync(target);
		await restore(repository, { snapshot, target });
		expect(describeTree(target + folder)).toEqual(describeTree(folder));
	});

	test("writes nothing in a dry run, and counts what it would", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const wet = await restore(repository, { snapshot, target });
		const other = place.fresh("target");
		const dry = await restore(repository, {
			snapshot,
			target: other,
			dryRun: true,
		});
		expect(existsSync(other)).toBe(false);
		const { files, directories, symlinks, hardLinks, bytes } = wet;
		expect(dry).toMatchObject({
			...{ files, directories, symlinks, hardLinks, bytes },
			dryRun: true,
		});
	});

	test("needs nothing but the repository: without any cache it restores the same (T47)", async () => {
		const folder = source();
		const first = await place.repository();
		const snapshot = await takeSnapshot(first, folder);
		await first.close();
		rmSync(first.cacheFolder, { recursive: true, force: true });
		const again = await place.repository({
			location: first.backend.location,
			isThere: true,
		});
		const target = place.fresh("target");
		await restore(again, { snapshot, target });
		expect(describeTree(target + folder)).toEqual(describeTree(folder));
	});

	test("is not whole where patterns were given and nothing matched (T47)", async () => {
		const folder = source();
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const report = await restore(repository, {
			snapshot,
			target,
			include: ["nowhere"],
		});
		expect(report).toMatchObject({ files: 0, directories: 0, problems: [] });
		expect(restoreOutcome(report)).toBe("unfaithful");
	});

	test("tells what it does: start, steps that add up, stop", async () => {
		const folder = source();
		const repository = await place.repository({ detail: true });
		const snapshot = await takeSnapshot(repository, folder);
		repository.events.length = 0;
		await restore(repository, { snapshot, target: place.fresh("target") });
		const { events } = repository;
		expect(events.at(0)).toMatchObject({ type: "start", verb: "restore" });
		expect(events.at(-1)).toEqual({ type: "stop", verb: "restore" });
		const steps = events.filter((event) => event.type === "step");
		expect(steps.at(-1)?.step).toMatchObject({
			files: 4,
			bytes: 14,
			errors: 0,
		});
		const entries = events.filter((event) => event.type === "entry");
		expect(entries.map(({ path }) => path.slice(folder.length)).sort()).toEqual(
			["", ...pathsBelow(folder).map((path) => `/${path}`)].sort(),
		);
	});
});

describe("restore, as to metadata", () => {
	test("keeps times to the nanosecond, also before 1970 and after 2038 (T83)", async () => {
		const folder = source({ a: "1", b: "2", d: {}, l: symlink("a") });
		const native = loadNativeCalls();
		const times = [
			["a", -5, 999_999_999],
			["b", 2 ** 33, 1],
			["l", 2 ** 31, 123_456_789],
			["d", 0, 7],
		] as const;
		for (const [name, seconds, nanoseconds] of times)
			native.setPathTime(join(folder, name), seconds, nanoseconds);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, subpath: folder });
		for (const [name, seconds, nanoseconds] of times)
			expect(lstatSync(join(target, name), { bigint: true }).mtimeNs).toBe(
				BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
			);
	});

	test.runIf(isRoot)(
		"gives back owners first, then modes with set-id bits, then times (T81)",
		async () => {
			const folder = source({
				setuid: "1",
				shared: { file: "2" },
				readonly: { file: "3" },
				none: "4",
			});
			chownSync(join(folder, "setuid"), 1234, 4321);
			chmodSync(join(folder, "setuid"), 0o6755);
			chmodSync(join(folder, "shared"), 0o1777);
			chmodSync(join(folder, "readonly"), 0o555);
			chownSync(join(folder, "none"), 77, 0);
			chmodSync(join(folder, "none"), 0);
			const repository = await place.repository();
			const snapshot = await takeSnapshot(repository, folder);
			const target = place.fresh("target");
			const report = await restore(repository, { snapshot, target });
			expect(describeTree(target + folder)).toEqual(describeTree(folder));
			expect(report.notRestored).toEqual({});
		},
	);

	test.runIf(isRoot)(
		"gives files their group where directories hand on another one",
		async () => {
			const folder = source();
			const repository = await place.repository();
			const snapshot = await takeSnapshot(repository, folder);
			const target = place.fresh("target");
			mkdirSync(target);
			chownSync(target, 0, 4321);
			chmodSync(target, 0o2755);
			await restore(repository, { snapshot, target });
			expect(describeTree(target + folder)).toEqual(describeTree(folder));
		},
	);

	test("restores names and symlinks of any bytes", async () => {
		const folder = source({});
		const raw = (text: string) => Buffer.from(text, "latin1");
		const at = (name: Buffer) => Buffer.concat([raw(`${folder}/`), name]);
		writeFileSync(at(raw("\xff\xfe file\n")), "1");
		mkdirSync(at(raw("d\xe9")));
		writeFileSync(at(raw("d\xe9/\x01")), "2");
		writeFileSync(at(Buffer.from("\u00e9")), "3");
		writeFileSync(at(Buffer.from("e\u0301")), "4");
		symlinkSync(raw("to \xff"), at(raw("l\x80")));
		linkSync(at(raw("\xff\xfe file\n")), at(raw("z\xff")));
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target });
		expect(describeTree(target + folder)).toEqual(describeTree(folder));
		const subpath = decodeName(raw("d\xe9"));
		const other = place.fresh("target");
		await restore(repository, { snapshot, target: other, subpath });
		expect(readdirSync(other)).toEqual(["\x01"]);
	});

	test("links only the names that are restored", async () => {
		const folder = source({
			a: "one",
			d: { b: hardlink("a"), c: hardlink("a") },
			l: symlink("a"),
		});
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const part = place.fresh("target");
		const sub = await restore(repository, {
			snapshot,
			target: part,
			subpath: "d",
		});
		expect(sub).toMatchObject({ files: 1, hardLinks: 1 });
		expect(statSync(join(part, "b")).ino).toBe(statSync(join(part, "c")).ino);
		const one = place.fresh("target");
		const only = await restore(repository, {
			snapshot,
			target: one,
			subpath: folder,
			include: ["c"],
		});
		expect(only).toMatchObject({ files: 1, hardLinks: 0 });
		expect(readFileSync(join(one, "d/c"), "utf8")).toBe("one");
		expect(statSync(join(one, "d/c")).nlink).toBe(1);
	});

	test("keeps holes as holes and zeros as zeros", async () => {
		const folder = source({});
		const hole = join(folder, "hole");
		writeFileSync(hole, noise(5000));
		truncateSync(hole, 1_000_000);
		writeFileSync(join(folder, "zeros"), new Uint8Array(300_000));
		const empty = join(folder, "void");
		writeFileSync(empty, "");
		truncateSync(empty, 500_000);
		const middle = openSync(join(folder, "middle"), "w");
		writeSync(middle, noise(100), 0, 100, 400_000);
		closeSync(middle);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, subpath: folder });
		expect(describeTree(target)).toEqual(describeTree(folder));
		const blocks = (name: string) => statSync(join(target, name)).blocks * 512;
		expect(blocks("hole")).toBeLessThan(100_000);
		expect(blocks("void")).toBeLessThan(100_000);
		expect(blocks("middle")).toBeLessThan(200_000);
		expect(blocks("zeros")).toBeGreaterThanOrEqual(300_000);
	});
});

describe("restore with patterns", () => {
	const tree = {
		"top.txt": "1",
		etc: { "a.conf": "2", "b.txt": "3", nginx: { "c.conf": "4", d: "5" } },
		home: { "notes.txt": "6", empty: {} },
	};
	const restored = async (patterns: {
		include?: string[];
		exclude?: string[];
	}) => {
		const folder = source(tree);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const absolute = (list?: string[]) =>
			list?.map((p) => (p.startsWith("/") ? folder + p : p));
		await restore(repository, {
			snapshot,
			target,
			subpath: folder,
			include: absolute(patterns.include),
			exclude: absolute(patterns.exclude),
		});
		return pathsBelow(target);
	};

	test("includes what matches, with the directories above it", async () => {
		expect(await restored({ include: ["*.conf"] })).toEqual([
			"etc",
			"etc/a.conf",
			"etc/nginx",
			"etc/nginx/c.conf",
		]);
	});

	test("includes everything below a directory that matches", async () => {
		expect(await restored({ include: ["nginx", "home"] })).toEqual([
			"etc",
			"etc/nginx",
			"etc/nginx/c.conf",
			"etc/nginx/d",
			"home",
			"home/empty",
			"home/notes.txt",
		]);
	});

	test("takes patterns that begin with a slash from the top of the file system", async () => {
		expect(await restored({ include: ["/etc/b.txt"] })).toEqual([
			"etc",
			"etc/b.txt",
		]);
	});

	test("includes all if a directory above the root matches", async () => {
		expect(await restored({ include: ["/"] })).toHaveLength(10);
	});

	test("excludes what matches, below includes too", async () => {
		expect(await restored({ exclude: ["*.txt", "nginx"] })).toEqual([
			"etc",
			"etc/a.conf",
			"home",
			"home/empty",
		]);
		expect(await restored({ include: ["etc"], exclude: ["*.conf"] })).toEqual([
			"etc",
			"etc/b.txt",
			"etc/nginx",
			"etc/nginx/d",
		]);
	});

	test("gives directories above what matches their attributes", async () => {
		const folder = source(tree);
		chmodSync(join(folder, "etc"), 0o700);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, include: ["b.txt"] });
		const made = describeTree(target + folder);
		const all = describeTree(folder);
		for (const path of ["", "/etc", "/etc/b.txt"])
			expect(made[path]).toBe(all[path]);
	});
});

describe("restore, when something is in the way", () => {
	test("stops with the reason of its signal, and leaves no half file", async () => {
		const files = Object.fromEntries(
			Array.from({ length: 3000 }, (_, i) => [`f${i}`, noise(200, i)]),
		);
		const folder = source(files);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const target = place.fresh("target");
		const controller = new AbortController();
		const reason = new Error("enough");
		repository.events.push = (event: VerbEvent) => {
			if (event.type === "step" && event.step.files > 0)
				controller.abort(reason);
			return 0;
		};
		await expect(
			restore(repository, { snapshot, target, signal: controller.signal }),
		).rejects.toBe(reason);
		const made = readdirSync(target + folder);
		expect(made.length).toBeGreaterThan(0);
		expect(made.length).toBeLessThan(3000);
		for (const name of made)
			expect(readFileSync(join(target + folder, name))).toEqual(
				readFileSync(join(folder, name)),
			);
	});

	test("reads back what it wrote, if asked to", async () => {
		const folder = source({
			...small,
			big: noise(70_000),
			zeros: new Uint8Array(200_000),
		});
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const report = await restore(repository, {
			snapshot,
			target: place.fresh("target"),
			verify: true,
		});
		// Each name of a file with two is read.
		expect(report.verified).toEqual({ files: 7, bytes: 270_019 });
		expect(restoreOutcome(report)).toBe("whole");
	});
});

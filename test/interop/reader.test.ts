import { createHash, randomBytes } from "node:crypto";
import {
	closeSync,
	cpSync,
	fstatSync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	rmSync,
	statSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountOf, differences } from "../crash/tree-account.mjs";
import { Workbench } from "../e2e/workbench.ts";
import { missingCommands, python, reader } from "./python-reader.ts";
import { changeRichTree, makeRichTree } from "./rich-tree.ts";

const missing = missingCommands();
if (missing.length > 0)
	console.warn(
		`The independent reader is not tested: ${missing.join(" and ")} not found.`,
	);

const modes = [
	{ options: [], losses: ["segments", "directories", "both"] },
	{ options: ["--no-segments"], losses: ["directories"] },
	{ options: ["--salvage"], losses: ["both"] },
];

describe.skipIf(missing.length > 0)("the independent reader", () => {
	const bench = new Workbench();
	const source = bench.path("source");
	const other = bench.path("other");
	const accounts: ReturnType<typeof accountOf>[] = [];
	const ids: string[] = [];
	let targets = 0;

	beforeAll(() => {
		bench.done("init");
		makeRichTree(source);
		take([source]);
		changeRichTree(source);
		mkdirSync(other);
		writeFileSync(join(other, "alone"), "alone");
		linkSync(join(source, "noise"), join(other, "noise"));
		take([source, other]);
	});
	afterAll(() => bench.remove());

	function take(paths: readonly string[]): void {
		const { code, ...summary } = bench.summary(["snapshot", ...paths]);
		expect(code ?? 0).toBe(0);
		expect(summary["snapshot_id"]).toMatch(/^[0-9a-f]{64}$/);
		ids.push(String(summary["snapshot_id"]));
		accounts.push(accountOf(source));
	}

	/** Restores with the reader, and returns where. */
	function restored(...args: readonly string[]): string {
		const target = bench.path(`target-${targets++}`);
		const { code, stderr } = reader("restore", ...args, target);
		expect(
			stderr.replace(/^.*; its frames are read one by one$/gm, ""),
		).toMatch(/^\n*$/);
		expect(code).toBe(0);
		return target;
	}

	/** What a restore of the first or second snapshot has that it should not have, or the other way round. */
	function wrong(index: 0 | 1, ...args: readonly string[]): string[] {
		const target = restored(...args, ids[index] ?? "");
		const found = accountOf(join(target, source));
		rmSync(target, { recursive: true });
		return differences(accounts[index] ?? new Map(), found);
	}

	/** A copy of the repository to do harm to. */
	function copy(name: string): string {
		const to = bench.path(name);
		cpSync(bench.repository, to, { recursive: true });
		return to;
	}

	describe.each(modes)("with $options", ({ options, losses }) => {
		test("restores both snapshots exactly", () => {
			expect(wrong(0, ...options, bench.repository)).toEqual([]);
			expect(wrong(1, ...options, bench.repository)).toEqual([]);
		});

		test.each(losses)("restores exactly after the loss of %s", (lost) => {
			const hurt = copy(`${lost}${options.join()}`);
			if (lost !== "directories")
				rmSync(join(hurt, "segments"), { recursive: true });
			if (lost !== "segments")
				for (const pack of packsOf(hurt)) destroyDirectory(pack);
			expect(wrong(1, ...options, hurt)).toEqual([]);
		});
	});

	test("keeps holes, written zeros and links between roots and of symlinks", () => {
		const target = restored(bench.repository, ids[1] ?? "");
		const stat = (path: string) => lstatSync(join(target, path));
		expect(stat(`${source}/sparse`).blocks * 512).toBeLessThan(16 * 2 ** 20);
		expect(stat(`${source}/hole`).blocks * 512).toBeLessThan(2 ** 20);
		const written = statSync(join(source, "written zeros")).blocks;
		expect(stat(`${source}/written zeros`).blocks).toBe(written);
		expect(stat(`${other}/noise`).ino).toBe(stat(`${source}/noise`).ino);
		expect(stat(`${source}/links/twin`).ino).toBe(
			stat(`${source}/links/broken`).ino,
		);
	});

	test("restores one directory, and one file", () => {
		const part = restored(
			"--path",
			join(source, "many"),
			bench.repository,
			"latest",
		);
		const expected = accountOf(join(source, "many"));
		expect(differences(expected, accountOf(part))).toEqual([]);
		const file = restored(
			"--path",
			join(source, "text"),
			bench.repository,
			"latest",
		);
		expect(readdirSync(file)).toEqual(["text"]);
		expect(readFileSync(join(file, "text"))).toEqual(
			readFileSync(join(source, "text")),
		);
	});

	test("restores what was taken of single files and of a stream", () => {
		const repository = bench.path("entries");
		const run = (args: readonly string[], input = "") =>
			expect(bench.run(["-r", repository, ...args], { input }).code).toBe(0);
		run(["init"]);
		run([
			"snapshot",
			join(source, "one byte"),
			join(source, "links", "to text"),
		]);
		const files = restored(repository, "latest");
		const expected = accountOf(source);
		const actual = accountOf(join(files, source));
		expect([...actual.keys()]).toEqual([
			"",
			"/links",
			"/links/to text",
			"/one byte",
		]);
		for (const [path, line] of actual) expect(line).toBe(expected.get(path));
		run(["snapshot", "--stdin", "--stdin-filename", "all.sql"], "select 1;\n");
		const stream = restored(repository, "latest");
		expect(readFileSync(join(stream, "all.sql"), "utf8")).toBe("select 1;\n");
	});

	test("lists the same snapshots, labels and entries as the program", () => {
		const labelled = copy("labelled");
		const varve = (...args: string[]) =>
			bench.run(["-r", labelled, "--no-cache", ...args]);
		expect(varve("tag", ids[0] ?? "", "--add", "a,b").code).toBe(0);
		expect(
			varve("tag", ids[0] ?? "", "--remove", "a", "--note", "ü").code,
		).toBe(0);
		expect(varve("pin", ids[0] ?? "").code).toBe(0);
		const listed = reader("list", labelled).stdout.trim().split("\n");
		const [one, two] = listed.map((line) => JSON.parse(line));
		expect([one.id, two.id]).toEqual(ids);
		expect(one).toMatchObject({ tags: ["b"], pin: true, note: "ü" });
		expect(two).toMatchObject({ tags: [], pin: false, note: "" });
		const { stdout } = reader("ls", labelled, ids[1] ?? "");
		const entries = bench.run(["-r", labelled, "ls", "-R", ids[1] ?? ""]);
		expect(stdout).toContain(`- 0777 ${statSync(source).uid}`);
		const lines = entries.lines
			.map((line) => line.replace(/\/$/, ""))
			.filter((line) => line.startsWith(`${source}/`) && !line.includes("\\"));
		expect(lines.length).toBeGreaterThan(4150);
		const listing = new Set(
			stdout.split("\n").map((line) => line.slice(line.indexOf("/"))),
		);
		expect(lines.filter((line) => !listing.has(line))).toEqual([]);
	});

	test("does not list a snapshot that is forgotten", () => {
		const repository = copy("forgotten");
		const mark = {
			host: "h",
			reason: "",
			snapshot: ids[0],
			time: "2026-01-01T00:00:00.000Z",
			user: "u",
		};
		const check = sha256(JSON.stringify(mark));
		mkdirSync(join(repository, "forgotten"), { recursive: true });
		writeFileSync(
			join(repository, "forgotten", ids[0] ?? ""),
			JSON.stringify({ check, ...mark }),
		);
		expect(reader("list", repository).stdout).not.toContain(ids[0]);
		const own = bench.run([
			"-r",
			repository,
			"--no-cache",
			"--json",
			"snapshots",
		]);
		expect(own.stdout).not.toContain(ids[0]);
		expect(own.stdout).toContain(ids[1]);
	});

	test("finds everything in order, and content cut and arranged by the rules of the page", () => {
		const { code, stdout } = reader("check", "--cut", bench.repository);
		const [counts, ...problems] = stdout.trim().split("\n");
		expect(problems).toEqual([]);
		expect(JSON.parse(counts ?? "")).toMatchObject({
			snapshots: 2,
			"groups of hard links": 7,
			"files cut again": expect.any(Number),
			pages: expect.any(Number),
		});
		expect(code).toBe(0);
	});

	test("finds a byte that is not as it was, in each pack", () => {
		const hurt = copy("flipped");
		const packs = packsOf(hurt);
		for (const pack of packs) flipByte(pack, 100);
		const { code, stdout } = reader("check", hurt);
		expect(code).toBe(4);
		for (const pack of packs)
			expect(stdout).toContain(`pack ${pack.slice(-64)}: its SHA-256 is not`);
	});

	test("loses only what lies in a frame whose header is destroyed", () => {
		const hurt = copy("headless");
		rmSync(join(hurt, "segments"), { recursive: true });
		for (const pack of packsOf(hurt)) {
			destroyDirectory(pack);
			const content = readFileSync(pack);
			if (content[9] === 1) flipByte(pack, 48 + 12);
		}
		const target = bench.path("headless-target");
		const { code } = reader("restore", "--salvage", hurt, ids[1] ?? "", target);
		expect(code).toBe(4);
		const found = accountOf(join(target, source));
		const whole = accounts[1] ?? new Map();
		expect(found.size).toBeGreaterThan(100);
		expect(found.size).toBeLessThan(whole.size);
		for (const [path, line] of found) expect(line).toBe(whole.get(path));
	});

	test("reads frames with bases, and so does the program", () => {
		const repository = copy("bases");
		const made = python("with_bases.py", repository);
		expect(made.stderr).toBe("");
		expect(Number(made.stdout)).toBeGreaterThan(2);
		expect(reader("check", repository)).toMatchObject({ code: 0, stderr: "" });
		for (const options of [[], ["--salvage"]])
			expect(wrong(0, ...options, repository)).toEqual([]);
		const target = bench.path("from-bases");
		const run = bench.run([
			"-r",
			repository,
			"--no-cache",
			"restore",
			ids[0] ?? "",
			"-t",
			target,
		]);
		expect(run.stderr).toBe("");
		expect(run.code).toBe(0);
		const found = accountOf(join(target, source));
		expect(differences(accounts[0] ?? new Map(), found)).toEqual([]);
	});

	test("restores what the program has stored as differences, with and without directories", () => {
		const folder = bench.path("changing");
		mkdirSync(folder);
		const words = (file: number) =>
			Array.from({ length: 3000 }, (_, i) => i * 7919 + file * i * i);
		const write = (name: string, text: string) =>
			writeFileSync(join(folder, name), text);
		for (let i = 0; i < 40; i++) write(`f${i}`, `${i} ${words(i)}`);
		const taken = [1, 2, 3].map((version) => {
			for (let i = 0; i < 40; i += version)
				write(`f${i}`, `${i} ${words(i)} in version ${version}`);
			const summary = bench.summary(["snapshot", folder]);
			return { id: String(summary["snapshot_id"]), files: accountOf(folder) };
		});
		const { deltas } = bench.summary(["stats", taken[2]?.id ?? ""]);
		expect(deltas).toMatchObject({ blobs: expect.any(Number) });
		expect((deltas as { blobs: number }).blobs).toBeGreaterThan(20);
		const blind = copy("blind");
		rmSync(join(blind, "segments"), { recursive: true });
		for (const pack of packsOf(blind)) destroyDirectory(pack);
		for (const { id, files } of taken)
			for (const from of [bench.repository, blind]) {
				const target = restored(from, id);
				const found = accountOf(join(target, folder));
				expect(differences(files, found)).toEqual([]);
			}
		rmSync(folder, { recursive: true });
	});

	test("refuses an unknown feature with exit code 14 and its name, as the program does", () => {
		const repository = copy("newer");
		const path = join(repository, "config");
		const { check: _, ...config } = JSON.parse(readFileSync(path, "utf8"));
		config.features = ["x-later.1"];
		const check = sha256(JSON.stringify(config));
		writeFileSync(path, JSON.stringify({ check, ...config }));
		const runs = [
			reader("list", repository),
			reader("check", repository),
			reader("restore", "--salvage", repository, "latest", bench.path("none")),
			bench.run(["-r", repository, "--no-cache", "snapshots"]),
			bench.run(["-r", repository, "--no-cache", "verify"]),
		];
		for (const { code, stderr } of runs) {
			expect(stderr).toContain("x-later.1");
			expect(code).toBe(14);
		}
	});

	test("says that there is no repository, and that a config is damaged", () => {
		expect(reader("list", bench.path("nowhere")).code).toBe(10);
		const repository = copy("config");
		flipByte(join(repository, "config"), 30);
		// There is a second copy of it.
		expect(reader("list", repository).code).toBe(0);
		flipByte(join(repository, "copies", "config"), 30);
		expect(reader("list", repository).code).toBe(4);
	});
});

function sha256(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

function packsOf(repository: string): string[] {
	const folder = join(repository, "packs");
	return readdirSync(folder, { recursive: true, encoding: "utf8" })
		.filter((name) => /[0-9a-f]{64}$/.test(name))
		.map((name) => join(folder, name));
}

/** Overwrites directory frame and trailer with random bytes. */
function destroyDirectory(pack: string): void {
	const fd = openSync(pack, "r+");
	const { size } = fstatSync(fd);
	const footer = Buffer.alloc(8);
	readSync(fd, footer, 0, 8, size - 40);
	const start = Number(footer.readBigUInt64LE());
	writeSync(fd, randomBytes(size - start), 0, size - start, start);
	closeSync(fd);
}

function flipByte(path: string, at: number): void {
	const content = readFileSync(path);
	content[at] = (content[at] ?? 0) ^ 1;
	writeFileSync(path, content, { mode: 0o600 });
}

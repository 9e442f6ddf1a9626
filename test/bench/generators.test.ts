import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	lstatSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const program = fileURLToPath(
	new URL("../../bench/corpora.mjs", import.meta.url),
);
const hasSqlite = spawnSync("python3", ["-c", "import sqlite3"]).status === 0;

/** Runs bench/corpora.mjs; the corpora of `seed` lie in a directory of their own. */
function prepare(directory: string, ...words: string[]) {
	const run = spawnSync(
		process.execPath,
		[program, "--dir", directory, ...words],
		{ encoding: "utf8" },
	);
	return { code: run.status, output: run.stdout, complaint: run.stderr };
}

interface Entry {
	readonly path: string;
	readonly kind: "file" | "directory";
	readonly size: number;
	readonly mtime: number;
	readonly hash: string;
}

/** Every entry below `top`, sorted, with the hash of its content. */
function entriesOf(top: string): Entry[] {
	return readdirSync(top, { recursive: true, encoding: "utf8" })
		.sort()
		.map((path) => {
			const stat = lstatSync(join(top, path));
			const content = stat.isFile() ? readFileSync(join(top, path)) : "";
			return {
				path,
				kind: stat.isFile() ? "file" : "directory",
				size: stat.isFile() ? stat.size : 0,
				mtime: stat.mtimeMs,
				hash: createHash("sha256").update(content).digest("hex"),
			};
		});
}

const filesOf = (top: string) =>
	entriesOf(top).filter((entry) => entry.kind === "file");
const bytesOf = (top: string) =>
	filesOf(top).reduce((sum, file) => sum + file.size, 0);
const contentOf = (top: string) =>
	Buffer.concat(filesOf(top).map(({ path }) => readFileSync(join(top, path))));
/** Compressed length as a share of the length. */
const density = (bytes: Buffer) => deflateSync(bytes).length / bytes.length;

const made: readonly (readonly [string, string])[] = [
	["million-files", "2000"],
	["million-entries", "2000"],
	["mail", "150"],
	["media", "6000000"],
	["huge-file", "3000000"],
	["one-file", "1"],
	...(hasSqlite ? [["database", "400000"] as const] : []),
];

describe("corpora", () => {
	let scratch: string;
	let one: string;
	let again: string;
	let other: string;

	beforeAll(() => {
		scratch = mkdtempSync(join(tmpdir(), "varve-corpora-"));
		one = join(scratch, "one");
		again = join(scratch, "again");
		other = join(scratch, "other");
		for (const [name, size] of made) {
			for (const directory of [one, again])
				expect(prepare(directory, "--size", size, name).complaint).toBe("");
			prepare(other, "--size", size, "--seed", "2", name);
		}
	}, 120_000);

	afterAll(() => rmSync(scratch, { recursive: true, force: true }));

	test.each(made)("%s is the same for the same seed", (name) => {
		const entries = entriesOf(join(one, name));
		expect(entries.length).toBeGreaterThan(0);
		expect(entriesOf(join(again, name))).toEqual(entries);
	});

	test.each(made)("%s differs for another seed", (name) => {
		const hashes = filesOf(join(one, name)).map((file) => file.hash);
		const others = filesOf(join(other, name)).map((file) => file.hash);
		expect(others).not.toEqual(hashes);
	});

	test.each(made)("%s is older than an hour", (name) => {
		const newest = Math.max(
			lstatSync(join(one, name)).mtimeMs,
			...entriesOf(join(one, name)).map((entry) => entry.mtime),
		);
		expect(newest).toBeLessThan(Date.now() - 3_600_000);
	});

	test("million-files has as many files as asked for, a hundred to a directory", () => {
		const top = join(one, "million-files");
		const directories = entriesOf(top).filter(
			(entry) => entry.kind === "directory",
		);
		expect(filesOf(top)).toHaveLength(2000);
		expect(directories).toHaveLength(20);
		for (const { path } of directories) {
			const names = readdirSync(join(top, path), { withFileTypes: true });
			expect(names.filter((entry) => entry.isFile())).toHaveLength(100);
		}
	});

	test("the files of million-files are about 1 KiB on average, none above a page, and compress", () => {
		const top = join(one, "million-files");
		const sizes = filesOf(top).map((file) => file.size);
		const mean = bytesOf(top) / sizes.length;
		expect(mean).toBeGreaterThan(900);
		expect(mean).toBeLessThan(1150);
		expect(Math.max(...sizes)).toBeLessThanOrEqual(4096);
		expect(new Set(sizes).size).toBeGreaterThan(500);
		expect(density(contentOf(top))).toBeLessThan(0.6);
	});

	test("million-entries is one directory, most of its entries empty", () => {
		const entries = entriesOf(join(one, "million-entries"));
		expect(entries).toHaveLength(2000);
		expect(entries.every((entry) => entry.kind === "file")).toBe(true);
		const empty = entries.filter((entry) => entry.size === 0);
		expect(empty.length).toBeGreaterThan(1600);
		expect(empty.length).toBeLessThan(1900);
	});

	test("mail has as many messages as asked for, in folders of cur, new and tmp", () => {
		const top = join(one, "mail");
		expect(filesOf(top)).toHaveLength(150);
		const parts = entriesOf(top).filter((entry) => entry.kind === "directory");
		expect(parts.filter(({ path }) => /(^|\/)cur$/.test(path))).toHaveLength(9);
		for (const { path } of filesOf(top))
			expect(path).toMatch(/(^|\/)(cur|new)\/\d+\.M\d+P\d+\.mail,S=\d+/);
	});

	test("media does not compress, and huge-file does by about a third", () => {
		expect(bytesOf(join(one, "media"))).toBe(6_000_000);
		expect(density(contentOf(join(one, "media")))).toBeGreaterThan(0.99);
		expect(bytesOf(join(one, "huge-file"))).toBe(3_000_000);
		const huge = density(contentOf(join(one, "huge-file")));
		expect(huge).toBeGreaterThan(0.5);
		expect(huge).toBeLessThan(0.8);
	});

	test.skipIf(!hasSqlite)(
		"the next state of database differs in a few pages of the same number",
		() => {
			const [now, next] = ["database", "database.next"].map((name) =>
				readFileSync(join(one, name, "app.sqlite")),
			);
			expect(now?.length).toBeGreaterThanOrEqual(400_000);
			expect(next?.length).toBe(now?.length);
			expect(next?.equals(now ?? Buffer.alloc(0))).toBe(false);
		},
	);

	test("a second call does nothing", () => {
		const marker = join(one, "one-file", "left-alone");
		writeFileSync(marker, "");
		const run = prepare(one, "--size", "1", "one-file");
		expect(run.output).toContain("was there");
		expect(lstatSync(marker).size).toBe(0);
		rmSync(marker);
	});

	test("another size is refused until forced", () => {
		const directory = join(scratch, "sizes");
		prepare(directory, "--size", "100", "million-files");
		const refused = prepare(directory, "--size", "200", "million-files");
		expect(refused.code).toBe(1);
		expect(refused.complaint).toContain("--force");
		expect(filesOf(join(directory, "million-files"))).toHaveLength(100);
		prepare(directory, "--size", "200", "--force", "million-files");
		expect(filesOf(join(directory, "million-files"))).toHaveLength(200);
	});

	test("what somebody put there without a stamp is taken as it is", () => {
		const directory = join(scratch, "adopted");
		prepare(directory, "one-file");
		rmSync(join(directory, "one-file.stamp.json"));
		const run = prepare(directory, "--seed", "9", "one-file");
		expect(run.output).toContain("was there: 1 files");
	});

	test("an unknown corpus is refused with the names there are", () => {
		const run = prepare(scratch, "nonsense");
		expect(run.code).toBe(1);
		expect(run.complaint).toContain("million-files");
	});
});

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { wholeScope } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { walkKept } from "./exclude-walk.ts";

const gitMissing = spawnSync("git", ["--version"]).status !== 0;

const name = fc.constantFrom(
	"a",
	"b",
	"ab",
	"abc",
	"a.o",
	"b.o",
	".a",
	"A",
	"a b",
	"a ",
	"#a",
	"!a",
	"[a]",
	"a*",
	// Git counts bytes where we count letters, so no name is one letter beyond ASCII.
	"äöü",
	"\\a",
);
const piece = fc.oneof(
	{ weight: 3, arbitrary: name },
	fc.constantFrom(
		"*",
		"**",
		"?",
		"a*",
		"*.o",
		"*b*",
		"[ab]",
		"[!a]",
		"[a-c]*",
		"[[:alpha:]]",
		"a\\*",
		"\\#a",
		"\\!a",
		"\\[a\\]",
		"a\\ ",
		"?.o",
		"\\\\a",
	),
);
const pattern = fc
	.record({
		not: fc.constantFrom("", "", "!"),
		lead: fc.constantFrom("", "", "/"),
		pieces: fc.array(piece, { minLength: 1, maxLength: 3 }),
		end: fc.constantFrom("", "", "/", " ", "/**"),
	})
	.map(({ not, lead, pieces, end }) => not + lead + pieces.join("/") + end);
const ignoreFile = fc
	.array(fc.oneof({ weight: 6, arbitrary: pattern }, fc.constant("# a")), {
		minLength: 1,
		maxLength: 6,
	})
	.map((lines) => lines.join("\n"));
const directory = fc.array(name, { maxLength: 3 });

const setting = fc.record({
	files: fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), {
		minLength: 5,
		maxLength: 40,
	}),
	ignores: fc.array(fc.tuple(directory, ignoreFile), {
		minLength: 1,
		maxLength: 4,
	}),
	exclude: fc.option(ignoreFile),
});

describe.skipIf(gitMissing)("exclude against git", () => {
	test("--gitignore keeps the files that git lists as neither tracked nor ignored", () => {
		fc.assert(
			fc.property(setting, (made) => {
				const root = mkdtempSync(join(tmpdir(), "varve-git-"));
				try {
					make(root, made);
					expect(keptByUs(root)).toEqual(keptByGit(root));
				} finally {
					rmSync(root, { recursive: true });
				}
			}),
			{ seed: 4711, numRuns: Number(process.env["VARVE_TEST_RUNS"] ?? 60) },
		);
	});
});

type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

function make(root: string, { files, ignores, exclude }: Setting): void {
	git(root, "init", "-q");
	for (const parts of files) write(join(root, ...parts), "");
	for (const [parts, text] of ignores)
		write(join(root, ...parts, ".gitignore"), text);
	if (exclude !== null) write(join(root, ".git/info/exclude"), exclude);
}

/** Writes a file unless a directory has its name, or a file the name of a directory it needs. */
function write(path: string, text: string): void {
	try {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, text);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "EEXIST" && code !== "ENOTDIR" && code !== "EISDIR")
			throw error;
	}
}

function keptByUs(root: string): string[] {
	const scope = { ...wholeScope, gitignore: true };
	return walkKept(root, scope)
		.filter((path) => !path.endsWith("/") && !path.startsWith(".git/"))
		.sort();
}

function keptByGit(root: string): string[] {
	const listed = git(root, "ls-files", "-oz", "--exclude-standard");
	return listed.split("\0").filter(Boolean).sort();
}

function git(root: string, ...args: string[]): string {
	return execFileSync("git", args, {
		cwd: root,
		encoding: "utf8",
		env: {
			PATH: process.env["PATH"],
			HOME: root,
			XDG_CONFIG_HOME: root,
			GIT_CONFIG_NOSYSTEM: "1",
			GIT_CONFIG_GLOBAL: "/dev/null",
		},
	});
}

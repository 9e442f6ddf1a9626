import { InputError, type Scope, wholeScope } from "@varve/format";
import { describe, expect, test } from "vitest";
import { createFilter } from "../../packages/core/src/snapshot/exclude.ts";
import { NameSieve } from "../../packages/core/src/snapshot/name-sieve.ts";
import { PatternLevel } from "../../packages/core/src/snapshot/pattern-level.ts";
import { filesFs, walkKept } from "./exclude-walk.ts";

const tree = {
	"/home/u/a.c": "c",
	"/home/u/a.o": "object",
	"/home/u/src/a.o": "object",
	"/home/u/src/deep/notes.txt": "text",
	"/home/u/src/deep/A.O": "object",
	"/home/u/build/out": "out",
	"/home/u/src/build": "a file",
};
const all = [
	"a.c",
	"a.o",
	"build/",
	"build/out",
	"src/",
	"src/a.o",
	"src/build",
	"src/deep/",
	"src/deep/A.O",
	"src/deep/notes.txt",
];

function left(scope: Partial<Scope>, files: Record<string, string> = tree) {
	const fs = filesFs(files);
	return walkKept("/home/u", { ...wholeScope, ...scope }, fs);
}

/** What the scope leaves out of the tree; what is below something left out is not named again. */
function out(scope: Partial<Scope>): string[] {
	const kept = left(scope);
	const missing = all.filter((path) => !kept.includes(path));
	return missing.filter(
		(path) =>
			!missing.some((p) => p.endsWith("/") && path.startsWith(p) && p !== path),
	);
}

describe("exclude > patterns of the command line", () => {
	test.each<[string[], string[]]>([
		[[], []],
		[["*.o"], ["a.o", "src/a.o"]],
		[["build"], ["build/", "src/build"]],
		[["build/"], ["build/"]],
		[["src/a.o"], ["src/a.o"]],
		[["u/src/a.o"], ["src/a.o"]],
		[["./src//a.o"], ["src/a.o"]],
		[["c/a.o"], []],
		[["/a.o"], []],
		[["/home/u/a.o"], ["a.o"]],
		[["/home/*/a.o"], ["a.o"]],
		[["/home/*.o"], []],
		[["/home/**/*.o"], ["a.o", "src/a.o"]],
		[["src/**"], ["src/a.o", "src/build", "src/deep/"]],
		[["src/*/notes.*"], ["src/deep/notes.txt"]],
		[["?.[co]"], ["a.c", "a.o", "src/a.o"]],
		[["a.[!c]"], ["a.o", "src/a.o"]],
		[["*.o", "!src/*.o"], ["a.o"]],
		[["src", "!notes.txt"], ["src/"]],
		[["~/a.o"], []],
		[["a.*", "!a.c", "!/home/u/a.o"], ["src/a.o"]],
	])("%j leave out %j", (excludes, expected) => {
		expect(out({ excludes })).toEqual(expected);
	});

	test.each<[string[], string[]]>([
		[["*.O"], ["a.o", "src/a.o", "src/deep/A.O"]],
		[["SRC/deep"], ["src/deep/"]],
		[["NOTES.txt"], ["src/deep/notes.txt"]],
	])("%j in any case leave out %j", (iexcludes, expected) => {
		expect(out({ iexcludes })).toEqual(expected);
	});

	test("a pattern that matches the root or a directory above it does not leave out what is below", () => {
		for (const pattern of ["home", "/home", "/home/u", "u/", "**/u"])
			expect(out({ excludes: [pattern] }), pattern).toEqual([]);
		expect(out({ excludes: ["/home/*"] })).toEqual([]);
		expect(out({ excludes: ["/home/**"] })).toEqual([
			"a.c",
			"a.o",
			"build/",
			"src/",
		]);
	});

	test("names with # and spaces are meant as they stand", () => {
		const files = { "/home/u/#a": "", "/home/u/b ": "", "/home/u/b": "" };
		expect(left({ excludes: ["#a"] }, files)).toEqual(["b", "b "]);
		expect(left({ excludes: ["b "] }, files)).toEqual(["#a", "b"]);
	});

	test.each(["", "/", "!", "[a", "a[!]", "a\\"])("%j is refused", (pattern) => {
		const make = () =>
			createFilter({ ...wholeScope, excludes: [pattern] }, filesFs({}));
		expect(make).toThrow(InputError);
		expect(make).toThrow(expect.objectContaining({ code: "BAD_PATTERN" }));
	});
});

describe("exclude > sizes and tags", () => {
	test("files beyond a size are left out, of that size kept", () => {
		expect(out({ excludeLargerThan: 5 })).toEqual([
			"a.o",
			"src/a.o",
			"src/build",
			"src/deep/A.O",
		]);
		expect(out({ excludeLargerThan: 6 })).toEqual([]);
	});

	test("a directory that holds a tag keeps nothing but the tag", () => {
		expect(out({ excludeIfPresent: ["A.O"] })).toEqual(["src/deep/notes.txt"]);
		expect(out({ excludeIfPresent: ["a.o:obj"] })).toEqual([
			"a.c",
			"build/",
			"src/",
		]);
		expect(out({ excludeIfPresent: ["A.O:text"] })).toEqual([]);
	});

	test("a cache is told by the signature in its tag", () => {
		const signature = "Signature: 8a477f597d28d172789f06886806bc55\n# a cache";
		const files = {
			"/home/u/x/CACHEDIR.TAG": signature,
			"/home/u/x/big": "",
			"/home/u/y/CACHEDIR.TAG": "no signature",
			"/home/u/y/small": "",
		};
		const kept = ["x/", "x/CACHEDIR.TAG", "y/", "y/CACHEDIR.TAG", "y/small"];
		expect(left({ excludeCaches: true }, files)).toEqual(kept);
		expect(left({}, files)).toContain("x/big");
	});
});

describe("exclude > ignore files", () => {
	test(".varveignore counts from its directory downwards, .gitignore only when asked for", () => {
		const files = {
			...tree,
			"/home/u/src/.varveignore": "*.o\n!/a.o\n",
			"/home/u/.gitignore": "/build/\n",
		};
		const dropped = (scope: Partial<Scope>) =>
			all.filter((path) => !left(scope, files).includes(path));
		expect(dropped({})).toEqual([]);
		expect(dropped({ iexcludes: ["A.O"] })).toEqual([
			"a.o",
			"src/a.o",
			"src/deep/A.O",
		]);
		expect(dropped({ gitignore: true })).toEqual(["build/", "build/out"]);
		expect(dropped({ varveignore: false })).toEqual([]);
	});

	test("the command line speaks before .varveignore, and that before .gitignore", () => {
		const files = {
			"/home/u/.gitignore": "x\ny\nz\n",
			"/home/u/.varveignore": "!y\n!z\nw\n",
			...Object.fromEntries(
				["w", "x", "y", "z"].map((n) => [`/home/u/${n}`, ""]),
			),
		};
		const scope = { gitignore: true, excludes: ["z", "!w"] };
		expect(left(scope, files)).toEqual([
			".gitignore",
			".varveignore",
			"w",
			"y",
		]);
	});

	test("what a nearer file takes back in is whole again", () => {
		const files = {
			"/home/u/.gitignore": "c/\n*.o\n",
			"/home/u/x/.gitignore": "!c/\n",
			"/home/u/x/c/d/kept": "",
			"/home/u/x/c/d/a.o": "",
			"/home/u/y/c/gone": "",
		};
		expect(left({ gitignore: true }, files)).toEqual([
			".gitignore",
			"x/",
			"x/.gitignore",
			"x/c/",
			"x/c/d/",
			"x/c/d/kept",
			"y/",
		]);
	});

	test("a repository within another answers for itself, and git's own directory is never left out", () => {
		const files = {
			"/home/u/.git/HEAD": "",
			"/home/u/.gitignore": ".*\n*.o\n",
			"/home/u/a.o": "",
			"/home/u/in/.git/info/exclude": "*.b\n",
			"/home/u/in/a.o": "",
			"/home/u/in/a.b": "",
		};
		expect(left({ gitignore: true }, files)).toEqual([
			".git/",
			".git/HEAD",
			"in/",
			"in/.git/",
			"in/.git/info/",
			"in/.git/info/exclude",
			"in/a.o",
		]);
	});

	test("files of git above a root count up to the root of the work tree and no further", () => {
		const files = {
			"/.gitignore": "a",
			"/home/.git/info/exclude": "b",
			"/home/.gitignore": "c",
			...Object.fromEntries(["a", "b", "c"].map((n) => [`/home/u/${n}`, ""])),
		};
		expect(left({ gitignore: true }, files)).toEqual(["a"]);
		const { "/home/.git/info/exclude": _, ...loose } = files;
		expect(left({ gitignore: true }, loose)).toEqual(["a", "b", "c"]);
	});

	test("an ignore file that cannot be read leaves nothing out", () => {
		const fs = {
			...filesFs({ "/home/u/.varveignore": "a", "/home/u/a": "" }),
			readSmall: () => {
				throw Object.assign(new Error("EACCES"), { errno: -13 });
			},
		};
		expect(walkKept("/home/u", wholeScope, fs)).toEqual([".varveignore", "a"]);
	});
});

describe("exclude > cost", () => {
	test("a directory that nothing speaks of has the same inert rules as the one above", () => {
		const filter = createFilter(wholeScope, filesFs({}));
		const above = filter.above({ path: "/home/u", kind: "directory" });
		expect(above.inert).toBe(true);
		const view = {
			path: "/home/u/",
			names: ["a", "b"],
			readSmallFile: () => undefined,
		};
		expect(filter.enter(above, view)).toBe(above);
	});

	test("entries asked for by name are left out by the command line alone", () => {
		const scope = { ...wholeScope, excludes: ["b"], excludeCaches: true };
		const filter = createFilter(scope, filesFs({}));
		const above = filter.above({ path: "/home/u", kind: "entries" });
		const names = [".varveignore", "a", "b"];
		const readSmallFile = () => new Uint8Array([0x61]);
		const rules = filter.enter(above, {
			path: "/home/u/",
			names,
			readSmallFile,
		});
		expect(names.filter((name) => rules.excludes(name, false, 0))).toEqual([
			"b",
		]);
	});

	test("a sieve of names never holds back a name that the patterns match", () => {
		const patterns = [
			"a",
			"*.o",
			"x*",
			"/d/e",
			"!f/",
			"g/**",
			"[h]",
			"\\i",
			"j ",
		];
		for (const pattern of patterns) {
			const level = new PatternLevel("/", [pattern]);
			const sieve = new NameSieve([pattern], false);
			for (const name of ["a", "b.o", "xy", "e", "f", "g", "h", "i", "j"])
				for (const directory of ["/", "/d/", "/g/"])
					if (level.verdict(directory, name, true) !== undefined)
						expect(sieve.admits(name), `${pattern} ${name}`).toBe(true);
		}
		expect(new NameSieve(["a", "*.o", "x*"], false).admits("b.c")).toBe(false);
		expect(new NameSieve(["A"], true).admits("a")).toBe(true);
	});

	test("verdicts stay the same after more paths than a level remembers", () => {
		const level = new PatternLevel("/", ["*.o", "!keep.o"]);
		for (let i = 0; i < 10_000; i++)
			expect(level.verdict(`/d${i}/`, "a.o", false)).toBe("ignored");
		expect(level.verdict("/d/", "keep.o", false)).toBe("unignored");
	});
});

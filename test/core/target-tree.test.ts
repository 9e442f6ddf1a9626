import { spawnSync } from "node:child_process";
import {
	constants,
	existsSync,
	fstatSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeName } from "@varve/format";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { loadForeignLibrary } from "../../packages/core/src/native/foreign.ts";
import {
	declareOpenAt,
	type OpenAt,
} from "../../packages/core/src/native/open-at.ts";
import {
	closeTarget,
	openTarget,
	sayingOf,
	type TargetRoot,
	TargetTree,
	type TreeOptions,
} from "../../packages/core/src/restore/target-tree.ts";

const top = mkdtempSync(join(tmpdir(), "varve-target-tree-"));
// Node's rm cannot remove what lies deeper than a path may be long.
afterAll(() => void spawnSync("rm", ["-rf", top]));
const opened: { tree: TargetTree; root: TargetRoot }[] = [];
afterEach(() => {
	for (const { tree, root } of opened.splice(0)) {
		tree.close();
		closeTarget(root);
	}
});

const library = loadForeignLibrary();
const openAt = library && declareOpenAt(library);
/** Each as it is chosen by what the platform has. */
const ways: [string, (path: string) => TargetRoot, TreeOptions][] = [
	["native calls", openTarget, { openAt }],
	["/proc", openTarget, {}],
	["plain paths", (path) => ({ path, descriptor: -1 }), {}],
];
const create = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

let count = 0;
function folder(): string {
	const made = join(top, String(++count));
	mkdirSync(made);
	return made;
}

function open(
	path: string,
	options: TreeOptions = { openAt },
	openRoot = openTarget,
): TargetTree {
	const root = openRoot(path);
	const tree = new TargetTree(root, options);
	opened.push({ tree, root });
	return tree;
}

function makeFile(tree: TargetTree, suffix: string): void {
	tree.shut(tree.open(suffix, create, 0o600));
}

const openDescriptors = () => readdirSync("/proc/self/fd").length;

describe.each(ways)("a target reached by %s", (_, openRoot, options) => {
	const at = (path: string) => open(path, options, openRoot);

	test("has its entries made by directory and name", () => {
		const path = folder();
		const tree = at(path);
		mkdirSync(tree.path("/a"));
		mkdirSync(tree.path("/a/b"));
		makeFile(tree, "/a/b/file");
		makeFile(tree, "/file");
		expect(existsSync(join(path, "a/b/file"))).toBe(true);
		expect(lstatSync(tree.path("")).isDirectory()).toBe(true);
		expect(readdirSync(path)).toEqual(["a", "file"]);
	});

	test("has names of any bytes", () => {
		const path = folder();
		const tree = at(path);
		const odd = decodeName(Uint8Array.from([0xff, 0x41, 0xc3, 0x28]));
		mkdirSync(tree.path(`/${odd}`));
		makeFile(tree, `/${odd}/é${odd}`);
		const [name] = readdirSync(path, { encoding: "buffer" });
		expect([...(name as Buffer)]).toEqual([0xff, 0x41, 0xc3, 0x28]);
		expect(lstatSync(tree.path(`/${odd}/é${odd}`)).isFile()).toBe(true);
	});

	test("T80 is not left through a symlink in place of a directory", () => {
		const [path, outside] = [folder(), folder()];
		mkdirSync(join(outside, "deep"));
		symlinkSync(outside, join(path, "link"));
		const tree = at(path);
		for (const suffix of ["/link/x", "/link/deep/x"])
			expect(() => makeFile(tree, suffix)).toThrow("ENOTDIR");
		expect(() => tree.directory("/link")).toThrow("ENOTDIR");
		expect(readdirSync(outside, { recursive: true })).toEqual(["deep"]);
	});

	test("T80 opens no entry that is a symlink", () => {
		const [path, outside] = [folder(), folder()];
		writeFileSync(join(outside, "file"), "theirs");
		symlinkSync(join(outside, "file"), join(path, "file"));
		symlinkSync(join(outside, "new"), join(path, "new"));
		const tree = at(path);
		expect(() => tree.open("/file", constants.O_WRONLY)).toThrow("ELOOP");
		expect(() => tree.open("/new", create, 0o600)).toThrow("EEXIST");
		expect(readdirSync(outside)).toEqual(["file"]);
		expect(readFileSync(join(outside, "file"), "utf8")).toBe("theirs");
	});

	test("is not left through a directory that is gone", () => {
		const tree = at(folder());
		expect(() => tree.directory("/gone/deep")).toThrow("ENOENT");
	});
});

describe.runIf(process.platform === "linux")("open directories", () => {
	test("T80 lead to where they were opened, whatever stands at their path by now", () => {
		const [path, outside] = [folder(), folder()];
		mkdirSync(join(path, "a"));
		const tree = open(path);
		tree.directory("/a");
		renameSync(join(path, "a"), join(path, "moved"));
		symlinkSync(outside, join(path, "a"));
		makeFile(tree, "/a/file");
		expect(readdirSync(outside)).toEqual([]);
		expect(readdirSync(join(path, "moved"))).toEqual(["file"]);
	});

	test("T68 reach what lies 20,000 bytes deep, however few of them are open", () => {
		const tree = open(folder(), { openAt, capacity: 3 });
		const name = "d".repeat(199);
		let suffix = "";
		const before = openDescriptors();
		for (let depth = 0; depth < 100; depth++) {
			suffix += `/${name}`;
			mkdirSync(tree.path(suffix));
		}
		makeFile(tree, `${suffix}/file`);
		expect(suffix.length).toBe(20_000);
		expect(tree.directory(suffix.slice(0, 200)).suffix).toHaveLength(200);
		expect(lstatSync(tree.path(`${suffix}/file`)).isFile()).toBe(true);
		expect(openDescriptors()).toBeLessThanOrEqual(before + 3);
	});

	test("that are held stay open while others come and go", () => {
		const path = folder();
		for (const name of ["a", "b", "c", "d"])
			mkdirSync(join(path, name, "in"), { recursive: true });
		const tree = open(path, { openAt, capacity: 2 });
		const held = tree.hold("/a");
		for (const name of ["b", "c", "d"]) tree.directory(`/${name}/in`);
		expect(fstatSync(held.descriptor).ino).toBe(lstatSync(join(path, "a")).ino);
		expect(() => tree.forget("/a")).toThrow("is held");
		tree.release(held);
	});

	test("make room where no more files may be open", () => {
		const path = folder();
		const names = ["a", "b", "c", "d", "e", "f"];
		for (const name of names)
			mkdirSync(join(path, name, "in"), { recursive: true });
		const most = 5;
		let count = 0;
		const scarce: OpenAt = {
			open(...given) {
				if (count >= most)
					throw Object.assign(new Error("EMFILE: open"), { code: "EMFILE" });
				const fd = (openAt as OpenAt).open(...given);
				count++;
				return fd;
			},
			close(fd) {
				(openAt as OpenAt).close(fd);
				count--;
			},
		};
		const tree = open(path, { openAt: scarce, capacity: 100 });
		const held = tree.hold("/a/in");
		for (const name of names) makeFile(tree, `/${name}/in/file`);
		expect(tree.directory("/a/in")).toBe(held);
		for (const name of names)
			expect(existsSync(join(path, name, "in/file"))).toBe(true);
		tree.release(held);
		expect(count).toBeLessThan(most);
	});

	test("are forgotten together with those below", () => {
		const path = folder();
		mkdirSync(join(path, "a/in"), { recursive: true });
		const tree = open(path);
		const before = openDescriptors();
		tree.directory("/a/in");
		renameSync(join(path, "a"), join(path, "moved"));
		tree.forget("/a");
		expect(openDescriptors()).toBe(before);
		mkdirSync(join(path, "a/in"), { recursive: true });
		makeFile(tree, "/a/in/file");
		expect(existsSync(join(path, "a/in/file"))).toBe(true);
	});

	test("give errors that do not show how they were reached", () => {
		const tree = open(folder());
		try {
			mkdirSync(tree.path("/file"));
			mkdirSync(tree.path("/file"));
			expect.unreachable();
		} catch (error) {
			expect(sayingOf(error as Error)).toBe(
				"EEXIST: file already exists, mkdir",
			);
		}
	});
});

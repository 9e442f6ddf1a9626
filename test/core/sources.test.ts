import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	realpathSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeName, utf8 } from "@varve/format";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	parseLines,
	parseRawPaths,
} from "../../packages/core/src/snapshot/source-lists.ts";
import { resolveSources } from "../../packages/core/src/snapshot/sources.ts";

const cwd = realpathSync(mkdtempSync(join(tmpdir(), "varve-sources-")));
const oddBytes = Buffer.from([0x6f, 0xff, 0x2e, 0x6f]); // "o\xff.o"
const odd = decodeName(oddBytes);

beforeAll(() => {
	for (const file of [
		"a.c",
		"b.c",
		"*.c",
		".h.c",
		"d/x.c",
		"d/e/y.c",
		"f/z.c",
	]) {
		mkdirSync(join(cwd, file, ".."), { recursive: true });
		writeFileSync(join(cwd, file), "");
	}
	symlinkSync("d", join(cwd, "link"));
	symlinkSync("nowhere", join(cwd, "dangling"));
	writeFileSync(Buffer.concat([Buffer.from(`${cwd}/f/`), oddBytes]), "");
});
afterAll(() => rmSync(cwd, { recursive: true }));

/** Roots below the folder of the test, as "path" or "path:names". */
async function roots(words: string[], literal: string[] = []) {
	const found = await resolveSources({ words, literal, cwd });
	const short = found.roots.map(({ path, kind, names }) => {
		const below = path.slice(cwd.length + 1) || ".";
		return kind === "directory" ? below : `${below}:${names.join(",")}`;
	});
	const missing = found.missing.map(({ path, reason }) => {
		return `${path.replace(`${cwd}/`, "")} ${reason}`;
	});
	return missing.length === 0 ? short : { roots: short, missing };
}

describe("sources", () => {
	test.each<[string[], string[]]>([
		[["."], ["."]],
		[
			["d", "f"],
			["d", "f"],
		],
		[
			["f", "./d/"],
			["d", "f"],
		],
		[
			["a.c", "d"],
			[".:a.c", "d"],
		],
		[["b.c", "a.c", "a.c"], [".:a.c,b.c"]],
		[
			["d/x.c", "a.c"],
			[".:a.c", "d:x.c"],
		],
		[["d/e", "d", "d/x.c"], ["d"]],
		[
			["d/e", "d/../d/x.c"],
			["d:x.c", "d/e"],
		],
		[["link"], [".:link"]],
		[["dangling"], [".:dangling"]],
		[["link/"], ["d"]],
		[["*.c"], [".:*.c"]],
		[["?.c"], [".:*.c,a.c,b.c"]],
		[["[ab].c"], [".:a.c,b.c"]],
		[["*.[c]"], [".:*.c,.h.c,a.c,b.c"]],
		[["*/[xz].c"], ["d:x.c", "f:z.c"]],
		[["d/**"], ["d:x.c", "d/e"]],
		[["{d,f}"], ["d", "f"]],
		[["f/*.o"], [`f:${odd}`]],
	])("%j are taken as %j", async (words, expected) => {
		expect(await roots(words)).toEqual(expected);
	});

	test("absolute patterns match as relative ones do", async () => {
		expect(await roots([`${cwd}/[ab].c`])).toEqual([".:a.c,b.c"]);
	});

	test("a list that is literal holds no patterns", async () => {
		expect(await roots([], ["*.c"])).toEqual([".:*.c"]);
		expect(await roots([], [`f/${odd}`])).toEqual([`f:${odd}`]);
		expect(await roots(["d"], ["?.c"])).toEqual({
			roots: ["d"],
			missing: ["?.c ENOENT"],
		});
	});

	test("what is missing among what is there is reported", async () => {
		expect(await roots(["d", "gone", "g*", "a.c/x"])).toEqual({
			roots: ["d"],
			missing: ["gone ENOENT", "g* ENOENT", "a.c/x ENOTDIR"],
		});
	});

	test("nothing there at all is an error that names it", async () => {
		const code = (code: string) => expect.objectContaining({ code });
		const gone = roots(["gone"]);
		await expect(gone).rejects.toThrow(code("NO_SUCH_PATH"));
		await expect(gone).rejects.toThrow(`there is nothing at ${cwd}/gone`);
		await expect(roots(["x?", "y"])).rejects.toThrow("(and 1 more)");
		await expect(roots([])).rejects.toThrow(code("NO_SOURCE"));
	});

	const linux = existsSync("/proc/sys");
	test.runIf(linux)(
		"the root of the file system swallows all else, but not other file systems where those stay apart",
		async () => {
			const words = ["/proc/sys", "/", "/proc"];
			const all = await resolveSources({ words, cwd });
			expect(all.roots.map(({ path }) => path)).toEqual(["/"]);
			const apart = await resolveSources({ words, cwd, oneFileSystem: true });
			expect(apart.roots.map(({ path }) => path)).toEqual(["/", "/proc"]);
		},
	);
});

describe("sources > lists", () => {
	test("lines are trimmed; empty ones and comments do not count", () => {
		const text = "\ufeff# all\n a b \r\n\n\t#c\n*.c\nlast";
		expect(parseLines(utf8(text))).toEqual(["a b", "*.c", "last"]);
	});

	test("raw paths are any bytes between zero bytes", () => {
		expect(parseRawPaths(utf8(""))).toEqual([]);
		expect(parseRawPaths(utf8("a\n b\0#c\0"))).toEqual(["a\n b", "#c"]);
		expect(parseRawPaths(utf8("a\0b"))).toEqual(["a", "b"]);
		expect(parseRawPaths(new Uint8Array([0xff, 0]))).toEqual(["\udcff"]);
		expect(() => parseRawPaths(utf8("a\0\0b\0"))).toThrow(
			expect.objectContaining({ code: "BAD_LIST" }),
		);
	});
});

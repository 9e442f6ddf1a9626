import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { commandTable } from "../../packages/cli/src/command-table.ts";
import { createProgram } from "../../packages/cli/src/create-program.ts";
import { anchorsOf, linksOf } from "./markdown.ts";
import { commandsIn, shownCalls } from "./shell-lines.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const notOurs = new Set(["node_modules", "dist", ".git"]);

function pagesBelow(directory: string): string[] {
	return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
		const path = join(directory, entry.name);
		if (entry.isDirectory())
			return notOurs.has(entry.name) ? [] : pagesBelow(path);
		return entry.name.endsWith(".md") ? [path] : [];
	});
}

/** One sentence for each link of a page that leads nowhere. */
function brokenLinks(page: string): string[] {
	return linksOf(readFileSync(page, "utf8")).flatMap(
		({ line, path, anchor }) => {
			const where = `${relative(root, page)}:${line}`;
			const target = path === "" ? page : join(dirname(page), path);
			if (!existsSync(target)) return [`${where}: there is no ${path}`];
			if (anchor === undefined || !target.endsWith(".md")) return [];
			return anchorsOf(readFileSync(target, "utf8")).has(anchor)
				? []
				: [`${where}: ${path} has no heading #${anchor}`];
		},
	);
}

/** Sources that a page names in inline code, from the root or from src/ of a package, and that are not there. */
function missingSources(markdown: string): string[] {
	const places = readdirSync(join(root, "packages")).map((name) =>
		join(root, "packages", name, "src"),
	);
	return [...markdown.matchAll(/`([\w./-]+\.ts)`/g)]
		.map(([, name = ""]) => name)
		.filter(
			(name) =>
				![root, ...places].some((place) => existsSync(join(place, name))),
		);
}

/** What the program says to these words, before it does anything; undefined if it takes them. */
async function complaint(
	words: readonly string[],
): Promise<string | undefined> {
	const silent = { writeOut: () => undefined, writeErr: () => undefined };
	const program = createProgram(commandTable, {
		output: silent,
		choose: () => undefined,
	});
	return await program.parseAsync([...words], { from: "user" }).then(
		() => undefined,
		(error: Error & { exitCode?: number }) =>
			error.exitCode === 0 ? undefined : error.message,
	);
}

describe("pages", () => {
	const pages = pagesBelow(root);

	test.each(pages.map((page) => relative(root, page)))(
		"every link of %s leads to a file and a heading that exist",
		(page) => {
			expect(brokenLinks(join(root, page))).toEqual([]);
		},
	);

	test.each(["CONTRIBUTING.md", "docs/design.md", "docs/format-v1.md"])(
		"every source that %s names exists",
		(page) => {
			const text = readFileSync(join(root, page), "utf8");
			expect(missingSources(text)).toEqual([]);
		},
	);

	test("every page of docs/ can be reached from docs/README.md", () => {
		const index = readFileSync(join(root, "docs/README.md"), "utf8");
		const linked = new Set(linksOf(index).map(({ path }) => path));
		const missing = readdirSync(join(root, "docs"))
			.filter((name) => name.endsWith(".md") && name !== "README.md")
			.filter((name) => !linked.has(name));
		expect(missing).toEqual([]);
	});

	test.each(["README.md", "docs/quickstart.md", "docs/troubleshooting.md"])(
		"the program takes every command line that %s shows",
		async (page) => {
			const calls = shownCalls(readFileSync(join(root, page), "utf8"));
			expect(calls.length).toBeGreaterThan(0);
			const refused: string[] = [];
			for (const { line, words } of calls) {
				const said = await complaint(words);
				if (said !== undefined)
					refused.push(`${page}:${line}: varve ${words.join(" ")}: ${said}`);
			}
			expect(refused).toEqual([]);
		},
	);
});

describe("links and headings", () => {
	test("links to the web and in code are left alone", () => {
		const text =
			"[a](https://example.org) `[b](c.md)`\n```\n[d](e.md)\n```\n[f](g.md#h)";
		expect(linksOf(text)).toEqual([{ line: 5, path: "g.md", anchor: "h" }]);
	});

	test("headings become anchors as forges make them", () => {
		const text =
			"# Exit codes, and `why`\n## A/B: c_d\n## Twice\n## Twice\n```\n# not\n```";
		expect([...anchorsOf(text)]).toEqual([
			"exit-codes-and-why",
			"ab-c_d",
			"twice",
			"twice-1",
		]);
	});
});

describe("sources named by pages", () => {
	test("are looked for from the root and in each package", () => {
		const text =
			"`core.ts`, `packages/core/src/compose.ts`, `compose.ts`, `gear.ts`";
		expect(missingSources(text)).toEqual(["core.ts"]);
	});
});

describe("command lines of pages", () => {
	test("are found in fences and in inline code, without output and comments", () => {
		const text = [
			"Run `varve init` or `git status`.",
			"```console",
			"$ varve snapshot --tag a \\",
			"    --tag b .",
			"varve is not run here",
			"```",
			"```sh",
			"pg_dump x | LANG=C varve snapshot --stdin > log 2>&1 && npm start -- snapshots  # list",
			"if ! varve verify -r '/a b'; then echo bad; fi",
			"```",
			"```json",
			"varve snapshot",
			"```",
		].join("\n");
		expect(shownCalls(text).map(({ words }) => words.join(" "))).toEqual([
			"init",
			"snapshot --tag a --tag b .",
			"snapshot --stdin",
			"snapshots",
			"verify -r /a b",
		]);
	});

	test("are split as a shell does", () => {
		expect(commandsIn(`a "b c" 'd"e' f\\ g; h|i&&j # k`)).toEqual([
			["a", "b c", 'd"e', "f g"],
			["h"],
			["i"],
			["j"],
		]);
	});

	test("that the program does not take are complained of", async () => {
		expect(await complaint(["no-such-command"])).toContain("no-such-command");
		expect(await complaint(["snapshot", "--no-such-option"])).toContain(
			"--no-such-option",
		);
		expect(await complaint(["snapshot", "-n", "a"])).toBeUndefined();
		expect(await complaint(["--version"])).toBeUndefined();
	});
});

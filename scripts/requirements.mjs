// `node scripts/requirements.mjs` writes the last column of docs/requirements.md: for each requirement the tests whose titles
// carry its number. test/project/requirements.test.ts holds that this was done.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs/requirements.md");
const number = /\bT\d{2,3}\b/g;
/** A text that is the first argument of a call, as titles of tests are. */
const firstArgument =
	/\(\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/g;
const notYet = "not yet";

/** Tests by number: `{ path, title }` each, in the order of paths and lines. Suites in packages/testkit run for several implementations. */
export function testsByNumber(sources = readSources()) {
	const found = new Map();
	for (const { path, text } of sources)
		for (const title of titlesIn(text))
			for (const [key] of title.matchAll(number)) {
				const tests = found.get(key) ?? [];
				found.set(key, tests);
				if (!tests.some((test) => test.path === path && test.title === title))
					tests.push({ path, title });
			}
	return found;
}

/** The page with the last column of each requirement's row made anew. */
export function withTests(text, tests) {
	return text
		.split("\n")
		.map((line) => {
			const row = rowOf(line);
			return row === undefined
				? line
				: `| ${row.key} | ${row.area} | ${row.requirement} | ${testCell(tests.get(row.key))} |`;
		})
		.join("\n");
}

/** One sentence for each number that tests carry and the page does not have, or has twice. */
export function complaints(text, tests) {
	const keys = text.split("\n").flatMap((line) => rowOf(line)?.key ?? []);
	const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
	const unknown = [...tests].filter(([key]) => !keys.includes(key));
	return [
		...twice.map((key) => `${key} has two rows`),
		...unknown.map(
			([key, [first]]) =>
				`${first.path} names ${key}, which is no requirement: ${first.title}`,
		),
	];
}

export function readPage() {
	return readFileSync(page, "utf8");
}

function rowOf(line) {
	const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
	const [before, key = "", area, requirement] = cells;
	return before === "" && /^T\d{2,3}$/.test(key) && requirement !== undefined
		? { key, area, requirement }
		: undefined;
}

function testCell(tests) {
	if (tests === undefined) return notYet;
	return tests
		.map(({ path, title }) => `\`${path}\`: ${escapeCell(title)}`)
		.join("<br>");
}

function escapeCell(title) {
	return title.replace(/[\\|<>*_`[\]]/g, (sign) => `\\${sign}`);
}

function titlesIn(text) {
	return [...text.matchAll(firstArgument)]
		.map(([, double, single, template]) => double ?? single ?? template)
		.map((title) => title.replace(/\s+/g, " ").replace(/\\(.)/g, "$1"));
}

function readSources() {
	const tests = filesBelow("test").filter((file) => file.endsWith(".test.ts"));
	const suites = filesBelow("packages/testkit/src");
	return [...tests, ...suites]
		.sort()
		.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function filesBelow(directory) {
	return readdirSync(join(root, directory), {
		recursive: true,
		withFileTypes: true,
	})
		.filter((entry) => entry.isFile())
		.map((entry) =>
			join(entry.parentPath ?? entry.path, entry.name)
				.slice(root.length)
				.replaceAll("\\", "/"),
		);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
	writeFileSync(page, withTests(readPage(), testsByNumber()));

import { describe, expect, test } from "vitest";
import {
	complaints,
	readPage,
	testsByNumber,
	withTests,
} from "../../scripts/requirements.mjs";

describe("docs/requirements.md", () => {
	test("has a row for every requirement that a test's title names", () => {
		expect(complaints(readPage(), testsByNumber())).toEqual([]);
	});

	test("names the tests there are; if not, run: node scripts/requirements.mjs", () => {
		const before = readPage().split("\n");
		const after = withTests(readPage(), testsByNumber()).split("\n");
		const stale = after.filter((line, index) => line !== before[index]);
		expect(stale.map((line) => line.slice(0, 80))).toEqual([]);
	});

	test("has a row for each known failure", () => {
		const rows = [...readPage().matchAll(/^\| (T\d+) \|/gm)];
		expect(rows).toHaveLength(64);
	});
});

// Split, so that what stands here is not taken for a title.
const key = (digits: string) => `T${digits}`;
const page = [
	"| number | area | requirement | test |",
	"|---|---|---|---|",
	`| ${key("01")} | crash | holds | old |`,
	`| ${key("02")} | crash | a \\| b | \`gone.test.ts\`: title |`,
].join("\n");
const source = (text: string) => [{ path: "test/a.test.ts", text }];

describe("the table of requirements", () => {
	test("takes titles in any quotes and over several lines, and says each once", () => {
		const text = `test("one (${key("01")})", f);\ntest.each(rows)(\n\t'two | ${key("01")}',\n\tf);test("one (${key("01")})", g);`;
		const lines = withTests(page, testsByNumber(source(text))).split("\n");
		expect(lines[2]).toBe(
			`| ${key("01")} | crash | holds | \`test/a.test.ts\`: one (${key("01")})<br>\`test/a.test.ts\`: two \\| ${key("01")} |`,
		);
	});

	test("says of a requirement without a test that there is none yet", () => {
		const lines = withTests(page, testsByNumber(source(""))).split("\n");
		expect(lines[3]).toBe(`| ${key("02")} | crash | a \\| b | not yet |`);
	});

	test("complains of numbers without a row and of rows that come twice", () => {
		const tests = testsByNumber(source(`test("new (${key("77")})", f)`));
		expect(complaints(`${page}\n${page}`, tests)).toEqual([
			`${key("01")} has two rows`,
			`${key("02")} has two rows`,
			`test/a.test.ts names ${key("77")}, which is no requirement: new (${key("77")})`,
		]);
	});
});

import { expect, test } from "vitest";
import { pairLines, tableLines } from "../../packages/cli/src/table.ts";

test("a table is as wide as what stands in it, and its last column is not filled up", () => {
	const columns = [
		{ title: "id" },
		{ title: "size", align: "right" as const },
		{ title: "path" },
	];
	const rows = [
		["1a2b", "9 B", "/a"],
		["3c", "100 KiB", "/日\n本"],
	];
	expect(tableLines(columns, rows)).toEqual([
		"id       size  path",
		"1a2b      9 B  /a",
		"3c    100 KiB  /日\\n本",
	]);
});

test("pairs stand below each other", () => {
	const pairs = [
		["time", "now"],
		["host", ""],
		["username", "anna"],
	] as const;
	expect(pairLines(pairs)).toEqual(["time      now", "host", "username  anna"]);
});

import { describe, expect, test } from "vitest";
import { violations } from "./rules.ts";

/** The file, what stands in it, what is said of it. */
const broken: readonly (readonly [string, string, string])[] = [
	[
		"store/a.ts",
		'import { cut } from "@varve/kernel";',
		"store imports @varve/kernel",
	],
	[
		"kernel/a.ts",
		'export * from "@varve/store";',
		"kernel imports @varve/store",
	],
	[
		"cli/a.ts",
		'const k = await import("@varve/kernel");',
		"cli imports @varve/kernel",
	],
	[
		"core/a.ts",
		'import type { A } from "@varve/kernel/a";',
		"goes past the index",
	],
	[
		"core/b/a.ts",
		'import { a } from "../../../store/src/a.ts";',
		"leaves the package",
	],
	["format/a.ts", 'import { readFileSync } from "node:fs";', "imports node:fs"],
	["format/a.ts", 'import fs from "fs";', "imports fs"],
	[
		"core/a.ts",
		'import { type A, open } from "@varve/store";',
		"takes open from",
	],
	[
		"core/a.ts",
		'import {\n\ttype A,\n\topen,\n} from "@varve/store";',
		"takes open from",
	],
	[
		"core/a.ts",
		'import { type A } from "@varve/store";',
		"without import type",
	],
	[
		"store/a.ts",
		'createRequire(import.meta.url)("@varve/kernel")',
		"store imports @varve/kernel",
	],
	["core/a.ts", 'import "@varve/store";', "only compose.ts and worker.ts may"],
	["core/b/worker.ts", 'import * as s from "@varve/store";', "takes * from"],
	[
		"kernel/b/a.ts",
		'new URL("../dist/g.wasm", import.meta.url)',
		"from below src/",
	],
	["kernel/a.ts", 'new URL("./g.wasm", import.meta.url)', "not in ../dist/"],
	["kernel/a.ts", "new URL(name, import.meta.url)", "not a literal path"],
	["core/string-utils.ts", "", "says nothing"],
	["core/data/a.ts", "", "says nothing"],
	["core/aFile.ts", "", "not in kebab case"],
];

/** A source by "core/a.ts" for packages/core/src/a.ts. */
function sourceAt(file: string, text: string) {
	const slash = file.indexOf("/");
	return { owner: file.slice(0, slash), path: file.slice(slash + 1), text };
}

describe("rules", () => {
	test.each(broken)("%s with %j is complained of", (file, text, complaint) => {
		const found = violations(sourceAt(file, text));
		expect(found.join("\n")).toContain(complaint);
	});

	test("a source of 400 lines is fine, and one of 401 is not", () => {
		expect(violations(sourceAt("core/a.ts", "\n".repeat(399)))).toEqual([]);
		expect(violations(sourceAt("core/a.ts", "\n".repeat(400)))).toHaveLength(1);
	});

	test("types and comments break nothing", () => {
		const text = [
			'import type { Spool } from "@varve/store";',
			'export type { Toolbox } from "@varve/kernel";',
			'let later: import("@varve/store").Spool;',
			'// import { openStore } from "@varve/store";',
		].join("\n");
		expect(violations(sourceAt("core/a.ts", text))).toEqual([]);
	});

	test.each(["core/compose.ts", "core/worker.ts"])(
		"%s may construct",
		(file) => {
			const text = 'import { openStore } from "@varve/store";';
			expect(violations(sourceAt(file, text))).toEqual([]);
		},
	);
});

import { spawnSync } from "node:child_process";
import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { importsOf, packageOf } from "./imports.ts";
import { arrows, type Source, violations } from "./rules.ts";

interface Manifest {
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly devDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const owners = Object.keys(arrows);
const bundled = ["format", "kernel", "store", "core"];

function readSources(owner: string): Source[] {
	const home = join(root, "packages", owner, "src");
	return readdirSync(home, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
		.map((entry) => join(entry.parentPath, entry.name))
		.map((file) => ({
			owner,
			path: relative(home, file).split(sep).join("/"),
			text: readFileSync(file, "utf8"),
		}));
}

function readManifest(owner: string): Manifest {
	const file = join(root, "packages", owner, "package.json");
	return JSON.parse(readFileSync(file, "utf8"));
}

function packagesImported(owner: string): string[] {
	const names = readSources(owner).flatMap(({ text }) =>
		importsOf(text).map(({ from }) => packageOf(from)),
	);
	return [...new Set(names.filter((name) => name !== undefined))].sort();
}

describe("arrows", () => {
	test("every directory below packages/ has its arrows stated", () => {
		expect(readdirSync(join(root, "packages")).sort()).toEqual(
			[...owners].sort(),
		);
	});

	test.each(owners)("packages/%s keeps the rules of the design", (owner) => {
		const sources = readSources(owner);
		expect(sources.length).toBeGreaterThan(0);
		expect(sources.flatMap(violations)).toEqual([]);
	});

	test.each(owners.filter((owner) => owner !== "cli"))(
		"packages/%s depends on exactly what it imports",
		(owner) => {
			const { dependencies = {} } = readManifest(owner);
			expect(Object.keys(dependencies).sort()).toEqual(packagesImported(owner));
		},
	);

	test("the published package depends on what it and the packages bundled in it import, in the same versions", () => {
		const expected = Object.fromEntries(
			bundled
				.flatMap((owner) =>
					Object.entries(readManifest(owner).dependencies ?? {}),
				)
				.filter(([name]) => !name.startsWith("@varve/")),
		);
		const { dependencies = {}, devDependencies = {} } = readManifest("cli");
		const own = packagesImported("cli");
		const outside = own.filter((name) => !name.startsWith("@varve/"));
		expect(dependencies).toMatchObject(expected);
		expect(Object.keys(dependencies).sort()).toEqual(
			[...new Set([...Object.keys(expected), ...outside])].sort(),
		);
		expect(Object.keys(devDependencies).sort()).toEqual(
			own.filter((name) => name.startsWith("@varve/")),
		);
	});

	test.each(owners)("packages/%s pins exact versions", (owner) => {
		const { dependencies, devDependencies } = readManifest(owner);
		for (const version of Object.values({
			...dependencies,
			...devDependencies,
		}))
			expect(version).toMatch(/^(workspace:\*|\d+\.\d+\.\d+)$/);
	});
});

describe("format", () => {
	test("compiles with no types of Node, so that I/O in it is a compile error", () => {
		const compile = (source: string) => compileAsFormat(source);
		expect(compile("export const one: number = 1;")).toBe("");
		expect(compile("export const all = process.env;")).toContain("'process'");
		expect(compile('export { readFileSync } from "node:fs";')).toContain(
			"node:fs",
		);
	});
});

/** What the compiler says of one file under the settings of packages/format. */
function compileAsFormat(source: string): string {
	const directory = mkdtempSync(join(tmpdir(), "varve-format-"));
	try {
		writeFileSync(join(directory, "sample.mts"), source);
		writeFileSync(
			join(directory, "tsconfig.json"),
			JSON.stringify({
				extends: join(root, "packages/format/tsconfig.json"),
				compilerOptions: {
					rootDir: ".",
					outDir: "out",
					tsBuildInfoFile: "out/i",
				},
				include: ["sample.mts"],
				references: [],
			}),
		);
		const tsc = join(root, "node_modules/typescript/bin/tsc");
		const { stdout } = spawnSync(process.execPath, [tsc, "-p", directory], {
			encoding: "utf8",
		});
		return stdout;
	} finally {
		rmSync(directory, { recursive: true });
	}
}

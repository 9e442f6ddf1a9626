import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();
const standard = bench.path("home/.local/share/varve/default");

beforeAll(() => {
	bench.write("project/src/a.txt", "one\n");
});
afterAll(() => bench.remove());

describe("the repository is found", () => {
	test("nowhere, before the first snapshot: 10, and what to do", () => {
		const { code, stderr } = bench.run(["snapshots"]);
		expect(code).toBe(10);
		expect(stderr).toMatch(/no default repository at .*varve\/default yet/);
		expect(stderr).toMatch(/^hint: .*varve snapshot DIR/m);
		expect(existsSync(standard)).toBe(false);
	});

	test("by a dry run neither, which makes none", () => {
		expect(bench.run(["snapshot", "-n", "project"]).code).toBe(10);
		expect(existsSync(standard)).toBe(false);
	});

	test("as the default one, made by the first snapshot and named by it", () => {
		const first = bench.run(["snapshot", "project"]);
		expect(first.lines[0]).toBe(`made the repository ${standard}`);
		expect(first.stdout).not.toMatch(/restore it: .* -r /);
		const second = bench.run(["snapshot", "project"]);
		expect(second.lines[0]).toBe(`repository ${standard}`);
		expect(bench.run(["snapshots"]).lines.at(-1)).toBe("2 snapshots");
		const said = bench.run(["--json", "config"]).stdout;
		expect(said).toContain('"origin":"default"');
	});

	test("below XDG_DATA_HOME where that is set, the cache below XDG_CACHE_HOME", () => {
		const env = {
			XDG_DATA_HOME: bench.path("data"),
			XDG_CACHE_HOME: bench.path("cache"),
		};
		expect(bench.run(["snapshot", "project"], { env }).code).toBe(0);
		expect(existsSync(bench.path("data/varve/default/config"))).toBe(true);
		expect(readdirSync(bench.path("cache/varve"))).toHaveLength(1);
	});

	test("in .varve upwards, which init makes here, and which is not in its own snapshots", () => {
		const cwd = bench.path("project");
		expect(bench.run(["init"], { cwd }).code).toBe(0);
		const below = bench.path("project/src");
		const { lines } = bench.run(["snapshot", ".."], { cwd: below });
		expect(lines[0]).toBe(`repository ${bench.path("project/.varve")}`);
		const listed = bench.run(["ls", "-R", "latest"], { cwd: below });
		expect(listed.lines).toEqual([
			bench.path("project"),
			bench.path("project/src"),
			bench.path("project/src/a.txt"),
		]);
	});

	test("by VARVE_REPOSITORY before that, by -r before all", () => {
		const cwd = bench.path("project");
		const named = bench.path("named");
		const env = { VARVE_REPOSITORY: named };
		expect(bench.run(["init"], { cwd, env }).stdout).toContain(named);
		expect(bench.run(["snapshots"], { cwd, env }).stdout).toBe(
			"no snapshots\n",
		);
		const both = bench.run(["-r", ".varve", "snapshots"], { cwd, env });
		expect(both.lines.at(-1)).toBe("1 snapshot");
	});
});

describe("the cache", () => {
	test("is kept where it is told, or not at all", () => {
		const repository = bench.path("named");
		const own = bench.path("own-cache");
		bench.run(["-r", repository, "--cache-dir", own, "snapshot", "project"]);
		expect(readdirSync(own)).toHaveLength(1);
		const elsewhere = { XDG_CACHE_HOME: bench.path("none") };
		const args = ["-r", repository, "--no-cache"];
		for (const more of [["snapshot", "project"], ["snapshots"], ["verify"]])
			expect(bench.run([...args, ...more], { env: elsewhere }).code).toBe(0);
		expect(existsSync(bench.path("none"))).toBe(false);
		const { stdout } = bench.run([...args, "cache"], { env: elsewhere });
		expect(stdout).toBe("nothing is kept\n");
		const env = { VARVE_CACHE_DIR: bench.path("variable") };
		bench.run(["-r", repository, "snapshot", "project"], { env });
		expect(readdirSync(bench.path("variable"))).toHaveLength(1);
	});
});

test("a restore goes where it is told, from wherever it is called", () => {
	mkdirSync(bench.path("place"));
	bench.run(["-r", "../named", "restore", "latest:src", "-t", "there"], {
		cwd: bench.path("place"),
	});
	expect(readFileSync(bench.path("place/there/a.txt"), "utf8")).toBe("one\n");
});

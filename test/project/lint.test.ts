import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function run(script: string, ...args: string[]) {
	const { status, stdout, stderr } = spawnSync(
		process.execPath,
		[join(root, "node_modules", script), ...args],
		{ cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
	);
	return status === 0 ? "" : stdout + stderr;
}

test("the linter and formatter find nothing", () => {
	expect(run("@biomejs/biome/bin/biome", "ci", "--colors=off")).toBe("");
});

test("the tests compile", () => {
	expect(run("typescript/bin/tsc", "-p", "test")).toBe("");
});

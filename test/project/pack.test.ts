import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cannotTry = 75;

test("the packed program installs into an empty folder and HOME, and runs there", (context) => {
	const script = join(root, "scripts/try-package.mjs");
	const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
		encoding: "utf8",
	});
	context.skip(status === cannotTry, "no package registry answers");
	expect(status, stderr).toBe(0);
	const report = JSON.parse(stdout);
	const manifest = readFileSync(
		join(root, "packages/cli/package.json"),
		"utf8",
	);
	expect(report.version).toContain(JSON.parse(manifest).version);
	expect(report.installedBytes).toBeLessThan(60e6);
});

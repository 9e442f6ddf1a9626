import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "packages/cli/bin/varve.js");
const elsewhere = mkdtempSync(join(tmpdir(), "varve-start-"));
afterAll(() => rmSync(elsewhere, { recursive: true }));

function run(command: string, ...args: string[]) {
	const { status, stdout, stderr } = spawnSync(command, args, {
		cwd: elsewhere,
		encoding: "utf8",
		env: { ...process.env, HOME: elsewhere, NO_COLOR: "1" },
		shell: process.platform === "win32",
	});
	return { status, stdout, stderr };
}

function npmStart(...args: string[]) {
	return run("npm", "--prefix", root, "start", "--", ...args);
}

// What is out of date is built before, and with the HOME of this machine: an installation belongs to the store in it.
beforeAll(() => {
	const script = join(root, "scripts/build.mjs");
	const { status, stderr } = spawnSync(process.execPath, [script], {
		encoding: "utf8",
	});
	expect(status, stderr).toBe(0);
});

test("npm start prints what the program prints and nothing else, and ends with its exit code", () => {
	expect(npmStart("--version")).toEqual(
		run(process.execPath, program, "--version"),
	);
	const wrong = npmStart("no-such-command", "--json");
	expect(wrong).toEqual(
		run(process.execPath, program, "no-such-command", "--json"),
	);
	expect(wrong.status).toBe(2);
});

test("npm start reads relative paths as the caller means them", () => {
	const first = npmStart("-r", "repository", "init");
	expect(first.stderr).toBe("");
	const second = run(
		process.execPath,
		program,
		"-r",
		join(elsewhere, "repository"),
		"snapshots",
	);
	expect(second.status).toBe(0);
});

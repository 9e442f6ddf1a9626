import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import { setXattrs } from "@varve/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isRoot, type Outcome, Workbench } from "./workbench.ts";

const nobody = 65534;
const value = new Uint8Array([1]);

describe.runIf(isRoot)("restore by an ordinary user of what root has", () => {
	let bench: Workbench;
	let outcome: Outcome;
	const summary = () => JSON.parse(outcome.lines.at(-1) as string);

	beforeAll(() => {
		bench = new Workbench();
		const plain = bench.write("source/plain", "mine");
		const tagged = bench.write("source/tagged", "1");
		const setuid = bench.write("source/setuid", "2");
		chownSync(setuid, 0, 0);
		chmodSync(setuid, 0o4755);
		chownSync(plain, nobody, nobody);
		const obstacle = setXattrs([
			{ path: tagged, name: "user.u", value },
			{ path: tagged, name: "trusted.t", value },
			{ path: plain, name: "trusted.t", value },
		]);
		if (obstacle !== undefined) throw new Error(obstacle);
		const made = spawnSync("mknod", [bench.path("source/null"), "c", "1", "3"]);
		if (made.status !== 0) throw new Error(String(made.stderr));
		bench.done("init");
		bench.done("snapshot source");
		mkdirSync(bench.path("out"));
		for (const path of [bench.path("out"), bench.repository, bench.home])
			spawnSync("chown", ["-R", `${nobody}:${nobody}`, path]);
		const line = `--json restore latest:${bench.path("source")} -t out/there`;
		outcome = bench.varve(line, { asNobody: true });
	});
	afterAll(() => bench.remove());

	test("T82 counts by kind what only root may give back, which is no failure", () => {
		expect(summary().not_restored).toEqual({
			owner: 3,
			"set-id bits": 1,
			"extended attributes trusted.*": 2,
		});
	});

	test("T82 names what could not be made, with exit code 6", () => {
		expect(outcome.code).toBe(6);
		expect(summary()).toMatchObject({ error_count: 1, files_restored: 3 });
		expect(outcome.stdout).toContain('"EPERM"');
		expect(outcome.stdout).toContain("source/null");
	});

	test("T81 leaves no set-id bit to somebody it was not meant for, and gives back all else", () => {
		const setuid = lstatSync(bench.path("out/there/setuid"));
		expect([setuid.mode & 0o7777, setuid.uid]).toEqual([0o755, nobody]);
		const names = spawnSync(
			"python3",
			[
				"-c",
				"import os, sys; print(os.listxattr(sys.argv[1]))",
				bench.path("out/there/tagged"),
			],
			{ encoding: "utf8" },
		);
		expect(names.stdout).toBe("['user.u']\n");
	});
});

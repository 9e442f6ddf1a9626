import { chmodSync } from "node:fs";
import { setXattrs } from "@varve/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { isRoot, Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
const closed = bench.write("source/closed", "");
bench.write("source/plain", "has nothing\n");
chmodSync(closed, 0o200);
const reason =
	process.platform === "linux"
		? setXattrs([
				{ path: closed, name: "user.varve", value: new Uint8Array([1]) },
			])
		: "kept on Linux only";
const skipped =
	reason === undefined ? "" : ` (left out: no extended attributes: ${reason})`;
afterAll(() => bench.remove());

describe.skipIf(reason !== undefined || !isRoot)(
	`what is not kept${skipped}`,
	() => {
		const words = "extended attributes, ACLs or capabilities";

		test("T71 is said in one line, in JSON and by show, and is no failure", () => {
			const options = {
				asNobody: true,
				env: { HOME: "/nonexistent", VARVE_CACHE_DIR: bench.path("nobody/c") },
			};
			const own = bench.path("nobody");
			bench.write("nobody/here", "");
			chmodSync(own, 0o777);
			const repository = `${own}/repository`;
			const run = (...args: string[]) =>
				bench.run(["-r", repository, ...args], options);
			run("init");
			const first = run("snapshot", source);
			expect(first.stdout).toContain(
				`  1 entry has ${words}, which could not be read: not kept, see docs/platforms.md\n`,
			);
			expect([first.code, first.stderr]).toEqual([0, ""]);
			expect(run("show", "latest").stdout).toMatch(
				new RegExp(`not kept +${words} \\(1\\)`),
			);
			const forced = run("--json", "snapshot", "--force", source);
			expect(JSON.parse(forced.lines.at(-1) as string)).toMatchObject({
				not_kept: { xattrs: 1 },
			});
		});

		test("is nothing for who may read all", () => {
			bench.done("init");
			expect(bench.summary(["snapshot", source])).toMatchObject({
				not_kept: {},
			});
		});
	},
);

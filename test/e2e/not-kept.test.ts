import { sampleAcl, setXattrs } from "@varve/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
const listed = bench.write("source/listed", "has an ACL\n");
bench.write("source/plain", "has nothing\n");
const reason =
	process.platform === "linux"
		? setXattrs([
				{
					path: listed,
					name: "system.posix_acl_access",
					value: sampleAcl,
				},
			])
		: "counted on Linux only";
const skipped =
	reason === undefined ? "" : ` (left out: no extended attributes: ${reason})`;
afterAll(() => bench.remove());

describe.skipIf(reason !== undefined)(`what is not kept yet${skipped}`, () => {
	const words = "extended attributes, ACLs or capabilities";

	test("is said in one line, in JSON and by show, and is no failure", () => {
		bench.done("init");
		const first = bench.done(["snapshot", source]);
		expect(first.stdout).toContain(
			`  1 entry has ${words}, which Varve does not keep yet: see docs/platforms.md\n`,
		);
		expect(first.stderr).toBe("");
		expect(bench.done("show latest").stdout).toMatch(
			new RegExp(`not kept +${words} \\(1\\)`),
		);
		expect(bench.summary(["snapshot", "--force", source])).toMatchObject({
			not_kept: { xattrs: 1 },
		});
	});
});

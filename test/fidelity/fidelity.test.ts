import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isRoot, Workbench } from "../e2e/workbench.ts";
import { externalDifferences, featureDifferences } from "./differences.mjs";

const script = fileURLToPath(new URL("torture-tree.mjs", import.meta.url));
const missing = ["rsync", "getfattr", "setfattr", "getfacl", "getcap"].filter(
	(tool) => spawnSync(tool, ["--version"]).error !== undefined,
);
const nobody = 65534;
const patience = { timeout: 120_000 };

/** The names of the features that could be made. */
function grow(folder: string, owner: { uid?: number; gid?: number }): string[] {
	const { status, stderr } = spawnSync(process.execPath, [script, folder], {
		...owner,
		env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
	});
	if (status !== 0) throw new Error(stderr.toString());
	return readdirSync(folder).sort();
}

const skips =
	missing.length > 0 ? ` (skipped: ${missing.join(", ")} missing)` : "";

describe.skipIf(missing.length > 0)(
	`a tree of everything${skips}`,
	patience,
	() => {
		const bench = new Workbench();
		const source = bench.path("source");
		let features: string[];
		/** Later ones are of other directories. */
		const place = ["--path", source, `latest:${source}`];

		beforeAll(() => {
			features = grow(source, {});
			bench.done("init");
			bench.done(["snapshot", source]);
		}, 120_000);
		afterAll(() => bench.remove(), 120_000);

		test("comes back with all that rsync, getfattr, getfacl and getcap see (T66, T70, T71, T73, T81)", () => {
			const target = bench.path("target");
			bench.done(["restore", ...place, "-t", target]);
			expect(externalDifferences(source, target)).toEqual([]);
			const differences = featureDifferences(source, target, features);
			expect([...differences].filter(([, aspects]) => aspects.length)).toEqual(
				[],
			);
		});

		test("gives the same tree when a snapshot of the restored one is taken", () => {
			const again = bench.path("again");
			bench.done(["restore", ...place, "-t", again]);
			bench.done(["snapshot", again]);
			const trees = bench
				.messages("snapshots")
				.filter(({ message_type }) => message_type === "snapshot")
				.map((message) => message["tree"]);
			expect(trees).toHaveLength(2);
			expect(trees[0]).toBe(trees[1]);
		});

		test.skipIf(!isRoot)(
			"comes back to a user without rights with a report of all that only root can give (T81, T82)",
			() => {
				const target = bench.path("of nobody");
				mkdirSync(target);
				chownSync(target, nobody, nobody);
				for (const shared of [bench.home, bench.repository])
					spawnSync("chown", ["-R", `${nobody}:${nobody}`, shared]);
				const { code, stdout, stderr } = bench.varve(
					["restore", ...place, "-t", target],
					{ asNobody: true },
				);
				const report = stdout + stderr;
				const differing = [...featureDifferences(source, target, features)]
					.filter(([, aspects]) => aspects.length > 0)
					.flatMap(([, aspects]) => aspects);
				expect(report).toContain("restored ");
				// Content, names, links, times and holes need no rights.
				expect(new Set(differing)).toEqual(
					new Set(["attributes", "missing", "mode", "owner"]),
				);
				expect(report).toMatch(/owner/);
				expect(report).toMatch(/set-id|setuid/);
				expect(report).toMatch(/extended attributes|capabilities/);
				expect(report).toMatch(/devices/);
				expect(code).toBe(6);
			},
		);
	},
);

describe.skipIf(missing.length > 0 || !isRoot)(
	"a tree of everything that a user without rights can make",
	() => {
		const bench = new Workbench();
		afterAll(() => bench.remove(), 120_000);

		test("comes back whole to that user, and nothing is reported", () => {
			chmodSync(bench.folder, 0o777);
			const source = bench.path("source");
			const features = grow(source, { uid: nobody, gid: nobody });
			spawnSync("chown", ["-R", `${nobody}:${nobody}`, bench.home]);
			const as = { asNobody: true };
			bench.done("init", as);
			const taken = bench.varve(["snapshot", source], as);
			// A file without permissions cannot be read by its owner either.
			expect(taken.code).toBe(3);
			expect(taken.stderr).toMatch(/modes\/0:.*EACCES|modes\/0/);
			const target = bench.path("target");
			const restored = bench.done(
				["restore", `latest:${source}`, "-t", target],
				as,
			);
			expect(restored.stderr).toMatch(
				/^warning: the snapshot lacks 1 entry that could not be read.*\n$/,
			);
			const differences = featureDifferences(source, target, features);
			differences.delete("modes");
			expect(
				[...differences].filter(([, aspects]) => aspects.length > 0),
			).toEqual([]);
		}, 120_000);
	},
);

import {
	mkdirSync,
	readdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { wholeScope } from "@varve/format";
import { describe, expect, test } from "vitest";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";
import { workplace } from "./snapshot-workplace.ts";

const place = workplace("escape");

describe("restore", () => {
	test("T80 of a root that lies behind a symlink of another root makes nothing outside the target", async () => {
		const folder = place.fresh("source");
		const outside = place.fresh("outside");
		for (const path of [folder, outside]) mkdirSync(path);
		mkdirSync(join(outside, "deep"));
		writeFileSync(join(outside, "deep", "evil"), "evil");
		symlinkSync(outside, join(folder, "x"));
		const repository = await place.repository();
		const roots = [folder, join(folder, "x")];
		const { id, record } = await snapshot(repository, {
			roots: roots.map((path) => ({ path, kind: "directory", names: [] })),
			scope: wholeScope,
		});
		rmSync(join(outside, "deep"), { recursive: true });
		const taken = {
			id: id as NonNullable<typeof id>,
			record,
			tags: [],
			pin: false,
			note: "",
			expires: undefined,
			forgotten: false,
		};
		const report = await restore(repository, {
			snapshot: taken,
			target: place.fresh("target"),
		});
		expect(readdirSync(outside)).toEqual([]);
		expect(report.problems.map(({ reason }) => reason)).toContain("ENOTDIR");
	});
});

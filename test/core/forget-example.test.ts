import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { thinOut } from "../../packages/core/examples/forget.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { take, workplace } from "./snapshot-workplace.ts";

const place = workplace("forget-example");

test("the example forget prints a plan, carries it out, and takes a part of it back", async () => {
	const print = vi.spyOn(console, "log").mockReturnValue(undefined);
	const repository = await place.repository();
	const folder = place.fresh("source");
	mkdirSync(folder);
	writeFileSync(join(folder, "a"), "a");
	const tags = ["templates"];
	const time = Date.parse("2026-03-01T12:00:00Z");
	const ids: unknown[] = [];
	for (let i = 0; i < 4; i++) {
		const at = time + i * 1000;
		ids.push((await take(repository, folder, { tags, time: at })).id);
	}
	const { groups } = await thinOut(repository.location);
	expect(groups.map(({ remove }) => remove.map(({ id }) => id))).toEqual([
		[ids[1], ids[0]],
	]);
	expect(print).toHaveBeenCalledWith("2 forgotten, 0 spared");
	const left = await listSnapshots(repository);
	expect(left.map(({ id }) => id)).toEqual(ids.slice(1));
});

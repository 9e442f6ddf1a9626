import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { keepNewest } from "../../packages/core/examples/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { take, workplace } from "./snapshot-workplace.ts";

const place = workplace("examples");

test("the example gc keeps the newest snapshots and frees the rest", async () => {
	const print = vi.spyOn(console, "log").mockReturnValue(undefined);
	const repository = await place.repository();
	const folder = place.fresh("source");
	mkdirSync(folder);
	const ids: unknown[] = [];
	for (let i = 0; i < 4; i++) {
		writeFileSync(join(folder, "a"), String(i).repeat(10_000));
		ids.push((await take(repository, folder)).id);
	}
	const result = await keepNewest(repository.location, 3);
	expect(result).toMatchObject({ state: "swept", snapshots: [ids[0]] });
	expect(print).toHaveBeenCalledWith("1 snapshots forgotten");
	const left = await listSnapshots(repository);
	expect(left.map(({ id }) => id).sort()).toEqual(ids.slice(1).sort());
});

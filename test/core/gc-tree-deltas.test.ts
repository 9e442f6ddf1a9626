import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { framesOf, idsIn } from "./delta-workplace.ts";
import { readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";

const place = readingPlace("gc-tree-deltas");

function write(path: string, content: string): void {
	writeFileSync(path, content);
	utimesSync(path, 1_700_000_000, 1_700_000_000 + content.length);
}

function fill(folder: string): void {
	mkdirSync(folder, { recursive: true });
	for (let i = 0; i < 60; i++) write(join(folder, `file-${i}-of-many`), folder);
}

// Which of two places comes first is by chance.
test.each([1, 2, 3, 4, 5, 6, 7, 8])(
	"gc reads a tree that is a difference once more, beside another base, since an earlier gc has freed that of the first (%i)",
	async () => {
		const opened = await place.repository();
		const repository = Object.assign(opened, { clock: lateClock });
		const source = place.fresh("source");
		const changed = join(source, "file-7-of-many");
		fill(source);
		await take(repository, source);
		fill(join(source, "sub"));
		write(changed, "second");
		const second = await take(repository, source);
		write(changed, "the third");
		const third = await take(repository, source, { delta: false });
		const former = (await listSnapshots(repository)).filter(
			({ id }) => id !== third.id,
		);
		await forget(repository, planByHand(former));
		const options = { grace: 0, maxUnused: { share: 1 } } as const;
		expect(await gc(repository, options)).toMatchObject({ state: "swept" });
		write(changed, "second");
		const { record } = await take(repository, source);
		const tree = record.roots[0]?.tree as string;
		expect(tree).toBe(second.record.roots[0]?.tree);
		const places = (await framesOf(repository)).filter(({ ids }) =>
			idsIn(ids).includes(tree),
		);
		expect(places.map(({ bases }) => bases.length > 0)).toEqual([true, true]);
		await gc(repository, options);
		await gc(repository, { grace: 0, maxUnused: { share: 0 } });
		const { findings } = await verify(repository, { level: "data" });
		expect(findings).toEqual([]);
		expect([...repository.objects.nodes(tree as never)]).toHaveLength(61);
	},
);

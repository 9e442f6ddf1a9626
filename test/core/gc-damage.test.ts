import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { framesOf } from "./delta-workplace.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("gc-damage");

test("a pack with damage in its last frame stays, however often a gc tries to move it, and nothing of it is written twice", async () => {
	const disk = tamperedBackend();
	const opened = await place.repository({ location: disk });
	const repository = Object.assign(opened, { clock: lateClock });
	const source = place.fresh("source");
	mkdirSync(source, { recursive: true });
	for (let i = 0; i < 10; i++)
		writeFileSync(join(source, `f${i}`), noise(2000, i + 1));
	const { id } = await take(repository, source);
	for (let i = 0; i < 9; i += 2) rmSync(join(source, `f${i}`));
	await take(repository, source);
	const all = await listSnapshots(repository);
	await forget(repository, planByHand(all.filter((one) => one.id === id)));
	const last = (await framesOf(repository))
		.filter(({ rawLength }) => rawLength > 3000)
		.reduce((a, b) => (b.offset > a.offset ? b : a));
	disk.tamper("packs", last.pack, flip(last.offset + last.storedLength - 500));
	const options = { grace: 0, maxUnused: { share: 0 } };
	const packs = async () =>
		(await disk.files("packs")).map(({ name }) => name).sort();
	await gc(repository, options);
	const before = await packs();
	expect(before).toContain(last.pack);
	expect(await gc(repository, options)).toMatchObject({ bytesRepacked: 0 });
	expect(await packs()).toEqual(before);
	expect(repository.events).toContainEqual(
		expect.objectContaining({
			type: "warning",
			message: expect.stringContaining("a pack is left where it is"),
		}),
	);
	disk.heal();
	expect(await gc(repository, options)).toMatchObject({ packsRepacked: 1 });
	expect(await packs()).not.toContain(last.pack);
	const { findings } = await verify(repository, { level: "data" });
	expect(findings).toEqual([]);
});

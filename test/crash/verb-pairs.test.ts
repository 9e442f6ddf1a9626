import { afterAll, beforeAll, expect, test } from "vitest";
import { pairActs, pairDisks, syncsOf, tryPair } from "./faults/pairs.ts";
import { makeWorld, removeWorld, type World } from "./faults/world.ts";
import { share } from "./workshop.ts";

/** A prime, so that what is left out of one pair is tried of another. */
const step = share || 29;

let world: World;
beforeAll(async () => {
	world = await makeWorld();
});
afterAll(() => removeWorld(world));

test("whatever dies at any of its syncs, what is done after it is durable when it has ended, and all that it relies on", async () => {
	const wrong: string[] = [];
	let points = 0;
	let tried = 0;
	for (const [name, begin] of await pairDisks(world))
		for (const first of pairActs.filter(({ mends }) => mends !== true)) {
			const syncs = await syncsOf(first, begin, world);
			for (let at = 1; at <= syncs; at++)
				for (const second of pairActs) {
					if (points++ % step !== 0) continue;
					tried++;
					const complaints = await tryPair(begin, world, { first, at, second });
					const when = `${name}: ${first.name}, dead at sync ${at}, then ${second.name}`;
					wrong.push(...complaints.map((text) => `${when}: ${text}`));
				}
		}
	if (share > 0) console.log(`${tried} pairs of ${points}`);
	expect(wrong.map((text) => text.slice(0, 600))).toEqual([]);
	expect(tried).toBeGreaterThan(100);
}, 7_200_000);

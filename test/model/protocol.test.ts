import { describe, expect, test } from "vitest";
import { deltasOf } from "../core/delta-workplace.ts";
import { makeDeltaShapes } from "./delta-shapes.ts";
import {
	type Explored,
	explore,
	type Found,
	type Shape,
	wander,
} from "./explore.ts";
import { guards } from "./guards.ts";
import { openModelRepository } from "./repository.ts";
import { makeShapes } from "./shapes.ts";
import { World } from "./world.ts";

/** By hand: so many times as many executions, of some shapes only, by another seed (docs/reliability.md). */
const size = Number(process.env["VARVE_MODEL"] ?? 1);
const seed = Number(process.env["VARVE_MODEL_SEED"] ?? 1);
const wanted = process.env["VARVE_MODEL_SHAPES"]?.split(",");
const minutes = 60_000;

const shapes = { ...(await makeShapes()), ...(await makeDeltaShapes()) };
type ShapeName = keyof typeof shapes;
const names = (Object.keys(shapes) as ShapeName[]).filter(
	(name) => wanted?.includes(name) ?? true,
);

function report(what: string, { found: _, ...numbers }: Explored): void {
	if (size > 1) console.log(what, JSON.stringify(numbers));
}

/** As text, so that what failed is read where it failed. */
const story = (found: Found | undefined) =>
	found === undefined
		? ""
		: [...found.faults, found.schedule.join(" "), ...found.log].join("\n");

const isLarge = (name: ShapeName) => name.startsWith("crowd");
/** Executions of each shape. */
const depthFirst = 20;
const byChance = 10;

describe("the protocol of snapshot, forget, unforget and gc, step by step", () => {
	test.for(names.filter((name) => !isLarge(name)))(
		"T27 %s: whatever happens in between, nothing that is not forgotten is lost and nothing is left",
		{ timeout: 2 * minutes * size },
		async (name) => {
			const limits = {
				executions: depthFirst * size,
				powerEvery: 40,
			};
			const explored = await explore(shapes[name], limits);
			report(`${name}, depth first`, explored);
			expect(story(explored.found)).toBe("");
			const chance = await wander(shapes[name], {
				...limits,
				executions: byChance * size,
				seed,
			});
			report(`${name}, by chance`, chance);
			expect(story(chance.found)).toBe("");
		},
	);

	test.for(names.filter(isLarge))(
		"%s: nor with three writers and all others at once, two of them killed or taken for dead",
		{ timeout: 2 * minutes * size },
		async (name) => {
			const explored = await wander(shapes[name], {
				executions: 20 * size,
				powerEvery: 50,
				seed,
			});
			report(name, explored);
			expect(story(explored.found)).toBe("");
		},
	);

	test("T24 a reader that begins while gc sweeps finds where gc has moved what it reads", {
		timeout: 2 * minutes,
	}, async () => {
		const { found } = await wander(shapes.read, {
			executions: 300 * size,
			seed: 3,
		});
		expect(story(found)).toBe("");
	});
});

/** Who goes, one after the other, and how many frames with bases there are then. */
const alone: [ShapeName, string, number][] = [
	["delta", "", 0],
	["delta", "W", 1],
	["delta", "GW", 0],
	["deltaAgain", "", 1],
	["deltaAgain", "W", 2],
	["deltaAgain", "G", 0],
	["deltaAgain", "GW", 1],
	["deltaAgain", "WG", 1],
	["deltaKept", "W", 2],
	["deltaKept", "GW", 2],
	["deltaInherit", "", 1],
	["deltaInherit", "WG", 0],
	["deltaBack", "W", 1],
	["deltaBack", "GW", 1],
	["cold", "W", 1],
	["cold", "GW", 1],
	["crowdOfDeltas", "", 1],
	["crowdOfDeltas", "WV", 2],
];

describe("differences in the model", () => {
	test.for(alone)("%s: after %s there are %i", async ([name, who, count]) => {
		const world = await World.start(shapes[name]);
		for (const one of who) {
			const process = world.find(one);
			while (process.canGo) await world.go(process);
			expect(process.outcome?.error).toBeUndefined();
		}
		const { inner: backend } = world;
		const repository = await openModelRepository({ name: "count", backend });
		expect((await deltasOf(repository)).length).toBe(count);
	});
});

type Row = readonly [
	keyof typeof guards,
	ShapeName,
	{ readonly finds: RegExp; readonly depthFirst?: boolean },
];
const lost = /[0-9a-f] lost|PACK_LOST/;
const gone = /is gone|is deleted and not forgotten/;

const rows: Row[] = [
	["condemnedIsPresent", "dedup", { finds: lost }],
	["writerWithoutLease", "dedup", { finds: lost }],
	["gcDoesNotWait", "dedup", { finds: lost }],
	["laterGcDoesNotWait", "relay", { finds: /lost|MISSING_CHUNK/ }],
	["leasesListedTooEarly", "dedup", { finds: lost }],
	["noSecondMark", "dedup", { finds: lost }],
	["noSecondMark", "inherit", { finds: lost }],
	["fenceDoesNothing", "crash", { finds: /LOST/, depthFirst: true }],
	["recordsLast", "crashCollectors", { finds: lost }],
	["listFirst", "crashCollectors", { finds: /left after the last gc/ }],
	["unforgetSeesNoLists", "unforget", { finds: gone }],
	["unforgetWithoutLease", "unforget", { finds: gone }],
	["marksNotReadAgain", "unforget", { finds: gone }],
	["basesNotKept", "deltaKept", { finds: lost }],
	["basesNotKept", "delta", { finds: lost }],
	["condemnedBases", "deltaPending", { finds: lost }],
	["gcDoesNotWait", "deltaAgain", { finds: lost }],
	["noSecondMark", "deltaInherit", { finds: lost }],
	["basesOfBases", "deltaAgain", { finds: lost }],
	["nothingSettled", "late", { finds: lost }],
	["nothingSettled", "lateRepack", { finds: /lost/ }],
];

describe("the model finds what goes wrong without a guard", () => {
	test.for(rows)(
		"%s, in %s",
		{ timeout: 2 * minutes },
		async ([guard, name, { finds, depthFirst }]) => {
			const shape: Shape = shapes[name];
			const limits = { executions: 400, off: guards[guard] };
			const explored =
				depthFirst === true
					? await explore(shape, {
							...limits,
							executions: 2000,
							preemptions: 2,
						})
					: await wander(shape, { ...limits, seed: 1 });
			report(`without ${guard}`, explored);
			expect(explored.found?.faults.join("\n")).toMatch(finds);
		},
	);
});

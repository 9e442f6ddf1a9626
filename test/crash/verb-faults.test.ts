import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acts } from "./faults/acts.ts";
import { type FaultKind, faultKinds, lyingSync } from "./faults/kinds.ts";
import { pointsOf, runWithout, tryFault } from "./faults/trial.ts";
import { makeWorld, removeWorld, type World } from "./faults/world.ts";
import { share } from "./workshop.ts";

/** A prime, so that what is left out of one act is tried of another. */
const step = share || 31;

/** Trials in which a fault struck, by its kind. */
const faults = new Map<string, number>();
let world: World;
let points = 0;

beforeAll(async () => {
	world = await makeWorld();
});
afterAll(() => removeWorld(world));

/** By hand it is told what was done: such a run takes long. */
function tell(text: string): void {
	if (share > 0) console.log(text);
}

describe.each(acts.map((act) => [act.name, act] as const))("%s", (_, act) => {
	test("costs nothing while the storage fails anywhere, once or from then on, ends as the storage did, and done again succeeds (T12)", async () => {
		const course = await runWithout(act, world);
		const wrong: string[] = [];
		let count = 0;
		for (const kind of faultKinds)
			for (const at of pointsOf(course, kind)) {
				if (points++ % step !== 0) continue;
				const { struck, complaints } = await tryFault(course, kind, at);
				wrong.push(...complaints);
				if (struck === 0) continue;
				count++;
				faults.set(kind.name, (faults.get(kind.name) ?? 0) + 1);
			}
		tell(`${count} faults, ${wrong.length} complaints: ${act.name}`);
		expect(wrong).toEqual([]);
		expect(course.calls.length).toBeGreaterThan(20);
	}, 7_200_000);
});

test("all of it together meets thousands of faults", () => {
	const sum = [...faults.values()].reduce((all, count) => all + count, 0);
	for (const [kind, count] of faults) tell(`${count} of ${kind}`);
	tell(`${sum} faults in all, one of ${step}`);
	if (share === 0) expect(sum).toBeGreaterThan(2000);
});

test("what goes on with the reserve after a sync failed, or is done again, tells of nothing as done that a loss of power undoes, and deletes nothing that is needed by what comes back", async () => {
	const wrong: string[] = [];
	let went = 0;
	let syncs = 0;
	for (const act of acts.filter(({ reads }) => !reads)) {
		const course = await runWithout(act, world);
		for (const kind of faultKinds.filter(isFailedSync))
			for (const at of pointsOf(course, kind)) {
				if (syncs++ % (share > 0 ? 1 : 4) !== 0) continue;
				wrong.push(...(await tryFault(course, kind, at)).complaints);
				went++;
			}
	}
	expect(wrong).toEqual([]);
	expect(went).toBeGreaterThan(50);
}, 7_200_000);

/** Only where there is no room there is a reserve to go on with. */
const isFailedSync = ({ name, code, powerLoss }: FaultKind) =>
	// To the program a quota is a full disk.
	(share > 0 || !name.startsWith("EDQUOT")) &&
	(powerLoss === "when done again" ||
		(powerLoss === "at once" && code === "NO_SPACE"));

test("an fsync that is left out is found by what is missing then", async () => {
	const [first] = acts;
	if (first === undefined) throw new Error("no act");
	const course = await runWithout(first, world);
	const found: number[] = [];
	for (const at of pointsOf(course, lyingSync)) {
		const { complaints } = await tryFault(course, lyingSync, at);
		if (complaints.length > 0) found.push(at);
	}
	// Those of packs, of a segment, of the record, and of the directories that they are in.
	expect(found.length).toBeGreaterThan(5);
});

// Shows which snapshots a policy keeps and why, then forgets the others, and brings the newest of them back. With Node 22.18 or
// later, after a build:
//
//   node packages/core/examples/forget.ts REPOSITORY

import { pathToFileURL } from "node:url";
import {
	describeKey,
	type ForgetPlan,
	forget,
	listSnapshots,
	openRepository,
	planForget,
	removedBy,
	unforget,
} from "@varve/core";

/** A plan is made of a list of snapshots, rules and a moment, and changes nothing: print it, test it, or carry it out. */
export async function thinOut(location: string): Promise<ForgetPlan> {
	await using repository = await openRepository({ location });
	const plan = planForget(await listSnapshots(repository), {
		policy: { keepLast: 10, keepDaily: 7, keepWithinMonthly: "1y" },
		// Snapshots with this tag are judged apart, by rules of their own.
		exceptions: [{ tags: ["templates"], policy: { keepLast: 2 } }],
		now: Date.now(),
	});
	for (const { key, keep, remove } of plan.groups) {
		console.log(`${describeKey(key)}:`);
		for (const { snapshot, reasons } of keep)
			console.log(`  keep ${snapshot.record.time}: ${reasons.join(", ")}`);
		for (const { record } of remove) console.log(`  forget ${record.time}`);
	}
	const { forgotten, spared } = await forget(repository, plan);
	console.log(`${forgotten.length} forgotten, ${spared.length} spared`);
	await unforget(repository, removedBy(plan).slice(0, 1));
	return plan;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
	await thinOut(process.argv[2] ?? ".");

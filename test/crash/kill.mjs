// `kill -9` at random moments of a snapshot, of a restore and of an init.
//
//   node test/crash/kill.mjs --seed 1 --kills 20 --tree /path/to/a/big/tree
//
// --kills      moments of a snapshot, spread over the time that an undisturbed one takes
// --restores   the same of a restore
// --inits      the same of an init
// --files      of the seeded tree of which the earlier snapshots are, and the killed one without --tree
// --large      files of 1 to 5 MiB in what the killed snapshot adds to that
// --tree       what the killed snapshot is taken of, instead
// --pack-mib   size of packs, for small trees: what a killed run leaves behind are whole packs

import { rmSync } from "node:fs";
import { join } from "node:path";
import { campaign } from "./campaign.mjs";
import {
	copyPlace,
	leftovers,
	listIds,
	must,
	mustBeClear,
	mustRestore,
	mustSnapshot,
	mustVerify,
	removePlace,
} from "./checks.mjs";
import { describeEnd, run, start } from "./program.mjs";
import { seeded } from "./random.mjs";
import { growTree } from "./seeded-tree.mjs";
import {
	moments,
	mustComplete,
	newPacks,
	placeIn,
	prepare,
	stopAfter,
	undisturbed,
} from "./stopped-runs.mjs";
import { accountOf } from "./tree-account.mjs";

const defaults = {
	kills: 20,
	restores: 5,
	inits: 10,
	files: 3000,
	large: 8,
	tree: "",
	"pack-mib": 32,
};

await campaign("kill", defaults, async ({ options, folder, log }) => {
	const random = seeded(options.seed);
	const base = await prepare({ options, folder, log });
	const whole = await undisturbed(base, log);
	for (const delay of moments(random, options.kills, whole.milliseconds))
		await killSnapshot({ base, whole, delay, log });
	for (const delay of moments(random, options.restores, whole.restoring))
		await killRestore({ base, delay, log });
	await killInits({ folder, random, count: options.inits, log });
});

async function killSnapshot({ base, whole, delay, log }) {
	const { folder, tree, wanted } = base;
	const place = copyPlace(base.place, placeIn(folder, "killed"));
	const when = `killed after ${Math.round(delay)} ms`;
	const started = start(place, ["snapshot", tree]);
	const { hit, end } = await stopAfter(started, delay, "SIGKILL");
	if (!hit) log.expect(end.code === 0, () => `${when}: ${describeEnd(end)}`);
	const packs = newPacks(base, place);
	const leftBytes = packs.reduce((sum, [, size]) => sum + size, 0);
	const stale = leftovers(place);
	await mustVerify(log, place, when);
	const ids = await listIds(log, place, when);
	for (const { id } of wanted)
		log.expect(ids.includes(id), `${when}: ${id} is not listed`);
	await mustRestore(log, place, wanted, when);
	const committed = ids.length > wanted.length;
	const stored = await mustComplete({
		base,
		whole,
		place,
		stopped: { leftBytes, committed },
		when: `${when}, next run`,
		log,
	});
	log.count(hit ? "killed" : "finished");
	if (committed) log.count("committed");
	if (packs.length > 0) log.count("leftPacks");
	if (stale.length > 0) log.count("leftStages");
	log.tell(
		`${when}: ${hit ? "hit" : "had ended"}, ${packs.length} new packs of ${leftBytes} bytes, ${stale.length} stages and leases left; next run stored ${stored}`,
	);
	removePlace(place);
}

/** A killed restore leaves the repository as it is, and what it was reading can be restored elsewhere. */
async function killRestore({ base, delay, log }) {
	const { folder, wanted } = base;
	const place = copyPlace(base.place, placeIn(folder, "killed"));
	const when = `restore killed after ${Math.round(delay)} ms`;
	const target = join(folder, "half-restored");
	const started = start(place, ["restore", wanted[1].id, "-t", target]);
	const { hit } = await stopAfter(started, delay, "SIGKILL");
	await mustVerify(log, place, when);
	await mustRestore(log, place, wanted, when);
	const before = leftovers(place);
	await mustSnapshot(log, place, wanted[1].source, when);
	mustBeClear(log, place, before, when);
	log.count(hit ? "restoresKilled" : "restoresFinished");
	rmSync(target, { recursive: true, force: true });
	removePlace(place);
}

/** After a killed init there is a repository, or there is none and init makes one. */
async function killInits({ folder, random, count, log }) {
	const source = join(folder, "tiny");
	growTree(source, { seed: 7, files: 5, large: 0 });
	const account = accountOf(source);
	const measured = placeIn(folder, "init");
	const end = await must(log, measured, ["init"], { when: "init" });
	removePlace(measured);
	// Before anything is made there is nothing to interrupt.
	const delays = moments(random, count, end.milliseconds * 0.5);
	for (const delay of delays) {
		const at = end.milliseconds * 0.5 + delay;
		await killInit({ folder, delay: at, source, account, log });
	}
}

async function killInit({ folder, delay, source, account, log }) {
	const place = placeIn(folder, "init");
	const when = `init killed after ${Math.round(delay)} ms`;
	const started = start(place, ["init"]);
	const { hit, end } = await stopAfter(started, delay, "SIGKILL");
	if (!hit) log.expect(end.code === 0, () => `${when}: ${describeEnd(end)}`);
	const looked = await run(place, ["snapshots"]);
	log.expect(
		looked.code === 0 || looked.code === 10,
		() => `${when}: ${describeEnd(looked)}`,
	);
	log.count(hit ? "initsKilled" : "initsFinished");
	log.count(looked.code === 0 ? "initsMade" : "initsNotMade");
	if (looked.code !== 0) await must(log, place, ["init"], { when });
	const before = leftovers(place);
	const next = await mustSnapshot(log, place, source, when);
	mustBeClear(log, place, before, when);
	if (next !== undefined)
		await mustRestore(
			log,
			place,
			[{ id: next.snapshot_id, source, account }],
			when,
		);
	await mustVerify(log, place, when);
	removePlace(place);
}

// SIGINT and SIGTERM at random moments of a snapshot.
//
//   node test/crash/interrupt.mjs --seed 1 --signals 20 --tree /path/to/a/big/tree
//
// --signals  moments, spread over the time that an undisturbed snapshot takes; every fourth one is followed by a second signal
// --files, --large, --tree, --pack-mib  as in kill.mjs

import { setTimeout as wait } from "node:timers/promises";
import { campaign } from "./campaign.mjs";
import { copyPlace, leftovers, listIds, removePlace } from "./checks.mjs";
import { describeEnd, start } from "./program.mjs";
import { seeded } from "./random.mjs";
import {
	moments,
	mustComplete,
	newPacks,
	placeIn,
	prepare,
	stopAfter,
	undisturbed,
} from "./stopped-runs.mjs";

const defaults = {
	signals: 20,
	files: 3000,
	large: 8,
	tree: "",
	"pack-mib": 32,
};

await campaign("interrupt", defaults, async ({ options, folder, log }) => {
	const random = seeded(options.seed);
	const base = await prepare({ options, folder, log });
	const whole = await undisturbed(base, log);
	const delays = moments(random, options.signals, whole.milliseconds);
	for (const [i, delay] of delays.entries())
		await interrupt({
			base,
			whole,
			delay,
			signal: i % 2 === 0 ? "SIGINT" : "SIGTERM",
			twice: i % 4 === 3,
			log,
		});
});

async function interrupt({ base, whole, delay, signal, twice, log }) {
	const place = copyPlace(base.place, placeIn(base.folder, "stopped"));
	const when = `${twice ? "two " : ""}${signal} after ${Math.round(delay)} ms`;
	const end = await send({ base, place, delay, signal, twice });
	const ids = await listIds(log, place, when);
	const committed = ids.length > base.wanted.length;
	const left = leftovers(place);
	checkEnd({ end, signal, committed, left, twice, when, log });
	const packs = newPacks(base, place);
	const leftBytes = packs.reduce((sum, [, size]) => sum + size, 0);
	const stopped = { leftBytes, committed };
	const next = `${when}, next run`;
	const stored = await mustComplete({
		base,
		whole,
		place,
		stopped,
		when: next,
		log,
	});
	log.count(committed ? "committed" : "stopped");
	if (packs.length > 0) log.count("leftPacks");
	log.tell(
		`${when}: ${end.signal ?? end.code} after ${Math.round(end.milliseconds)} ms, ${packs.length} new packs of ${leftBytes} bytes; next run stored ${stored}`,
	);
	removePlace(place);
}

async function send({ base, place, delay, signal, twice }) {
	const started = start(place, ["snapshot", base.tree]);
	if (!twice) return (await stopAfter(started, delay, signal)).end;
	await Promise.race([wait(delay), started.ended]);
	started.kill(signal);
	await wait(2);
	return (await stopAfter(started, 0, signal)).end;
}

/** 130 or 143 and no snapshot, or done and a snapshot. Before the program listens, the system ends it, and nothing is there yet. */
function checkEnd({ end, signal, committed, left, twice, when, log }) {
	const code = signal === "SIGINT" ? 130 : 143;
	const isStopped = end.code === code || end.signal === signal;
	log.expect(
		committed ? end.code === 0 || twice : isStopped,
		() =>
			`${when}: ${committed ? "a" : "no"} snapshot, and ${describeEnd(end)}`,
	);
	log.expect(left.length === 0 || twice, `${when}: it left ${left.join(", ")}`);
}

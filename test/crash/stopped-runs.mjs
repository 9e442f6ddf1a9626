// What campaigns share that stop a snapshot before its end: the repository, the tree, what an undisturbed run does, and what the
// next one must do.

import { realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { initRepository } from "@varve/core";
import {
	copyPlace,
	leftovers,
	must,
	mustBeClear,
	mustRestore,
	mustSnapshot,
	mustVerify,
	packsOf,
	removePlace,
} from "./checks.mjs";
import { summaryOf } from "./program.mjs";
import { changeTree, growTree } from "./seeded-tree.mjs";
import { accountOf } from "./tree-account.mjs";

/** One random moment in each of `count` equal parts of the time, the later ones first: they leave most. */
export function moments(random, count, milliseconds) {
	return Array.from(
		{ length: count },
		(_, i) => ((count - 1 - i + random.fraction()) / count) * milliseconds,
	);
}

/** A repository with two snapshots, and the tree of which a third is to be taken. */
export async function prepare({ options, folder, log }) {
	const { seed, files, large } = options;
	const place = placeIn(folder, "base");
	const packBytes = options["pack-mib"] * 2 ** 20;
	const frameBytes = Math.min(2 ** 20, packBytes / 2);
	const repository = await initRepository({
		location: place.repository,
		parameters: { packBytes, frameBytes },
	});
	await repository.close();
	const source = join(folder, "source");
	growTree(source, { seed, files });
	const wanted = [await take(log, place, source)];
	changeTree(source, { seed: seed + 1, share: 0.1 });
	wanted.push(await take(log, place, source));
	if (options.tree !== "")
		return { folder, place, wanted, tree: realpathSync(options.tree) };
	growTree(join(source, "added"), { seed: seed + 2, files, large });
	changeTree(source, { seed: seed + 3, share: 0.05 });
	return { folder, place, wanted, tree: source };
}

export function placeIn(folder, name) {
	return {
		repository: join(folder, `${name}.repository`),
		cache: join(folder, `${name}.cache`),
		scratch: folder,
	};
}

async function take(log, place, source) {
	const summary = await mustSnapshot(log, place, source, "at first");
	return { id: summary.snapshot_id, source, account: accountOf(source) };
}

/** The snapshot that is going to be killed, once to its end. */
export async function undisturbed({ folder, place, tree }, log) {
	const copy = copyPlace(place, placeIn(folder, "whole"));
	const end = await must(log, copy, ["snapshot", tree], {
		when: "undisturbed",
	});
	const target = join(folder, "whole.restored");
	const id = summaryOf(end).snapshot_id;
	const restored = await must(log, copy, ["restore", id, "-t", target], {
		when: "undisturbed",
	});
	rmSync(target, { recursive: true });
	const whole = {
		milliseconds: end.milliseconds,
		restoring: restored.milliseconds,
		stored: summaryOf(end).data_added_packed,
		account: accountOf(tree),
	};
	removePlace(copy);
	log.tell(
		`undisturbed: ${Math.round(whole.milliseconds)} ms, ${whole.stored} bytes stored`,
	);
	return whole;
}

/** Sends the signal after so many milliseconds, unless it has ended; `hit` tells. */
export async function stopAfter(started, delay, signal) {
	await Promise.race([wait(delay), started.ended]);
	const hit = started.kill(signal);
	return { hit, end: await started.ended };
}

/** Names and sizes of packs that a stopped run left. */
export function newPacks(base, place) {
	const earlier = packsOf(base.place);
	return [...packsOf(place)].filter(([name]) => !earlier.has(name));
}

/** The next run succeeds, stores no more than what is not there, restores exactly, and leaves nothing of the stopped one. */
export async function mustComplete({ base, whole, place, stopped, when, log }) {
	const before = leftovers(place);
	const next = await mustSnapshot(log, place, base.tree, when);
	if (next === undefined) return undefined;
	checkStored({ next, whole, stopped, when, log });
	const { account } = whole;
	const wanted = { id: next.snapshot_id, source: base.tree, account };
	await mustRestore(log, place, [wanted], when);
	mustBeClear(log, place, before, when);
	await mustVerify(log, place, when);
	return next.data_added_packed;
}

/** What the stopped run had stored is not stored again: all in all little more than what an undisturbed run stores. */
function checkStored({ next, whole, stopped, when, log }) {
	const { leftBytes, committed } = stopped;
	const stored = next.data_added_packed;
	const most = whole.stored * 1.02 + 65_536;
	log.expect(
		stored + leftBytes <= most,
		`${when}: it stored ${stored} bytes beside ${leftBytes} that were there, an undisturbed one ${whole.stored}`,
	);
	if (committed)
		log.expect(
			stored < whole.stored / 10 + 65_536,
			`${when}: the stopped run was committed, and it stored ${stored} bytes`,
		);
}

// Two snapshots with content in common and a restore of an older one, at the same time in one repository.
//
//   node test/crash/concurrent.mjs --seed 1 --rounds 20 --files 5000
//
// --rounds    times all of that is done, half of them with one cache for all and half with a cache for each
// --files     of each of the trees
// --pack-mib  size of packs

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { initRepository } from "@varve/core";
import { campaign } from "./campaign.mjs";
import {
	copyPlace,
	leftovers,
	listIds,
	mustRestore,
	mustSnapshot,
	mustVerify,
	removePlace,
} from "./checks.mjs";
import { mostCopies } from "./chunk-copies.mjs";
import { describeEnd, start, summaryOf } from "./program.mjs";
import { growTree } from "./seeded-tree.mjs";
import { accountOf, differences } from "./tree-account.mjs";

const defaults = { rounds: 20, files: 3000, "pack-mib": 4 };

await campaign("concurrent", defaults, async ({ options, folder, log }) => {
	const base = await prepare({ options, folder, log });
	for (let round = 0; round < options.rounds; round++)
		await runRound(base, { round, log });
});

/** A repository with one old snapshot, and two trees that share most of what is in them. */
async function prepare({ options, folder, log }) {
	const { seed, files } = options;
	const place = {
		repository: join(folder, "base.repository"),
		cache: join(folder, "base.cache"),
		scratch: folder,
	};
	const packBytes = options["pack-mib"] * 2 ** 20;
	const repository = await initRepository({
		location: place.repository,
		parameters: { packBytes },
	});
	await repository.close();
	const old = join(folder, "old");
	growTree(old, { seed, files });
	const summary = await mustSnapshot(log, place, old, "at first");
	const sources = ["left", "right"].map((name, i) => {
		const source = join(folder, name);
		growTree(join(source, "common"), { seed: seed + 1, files, large: 6 });
		growTree(join(source, "own"), { seed: seed + 2 + i, files: files >> 2 });
		return { source, account: accountOf(source) };
	});
	const wanted = {
		id: summary.snapshot_id,
		source: old,
		account: accountOf(old),
	};
	const alone = await storedAlone({ folder, place, sources, log });
	return { folder, place, wanted, sources, alone };
}

/** Bytes that each of the snapshots stores when nobody else is there. */
async function storedAlone({ folder, place, sources, log }) {
	const stored = [];
	for (const { source } of sources) {
		const copy = copyPlace(place, placeIn(folder, "alone"));
		const summary = await mustSnapshot(log, copy, source, "alone");
		stored.push(summary.data_added_packed);
		removePlace(copy);
	}
	return stored;
}

function placeIn(folder, name) {
	return {
		repository: join(folder, `${name}.repository`),
		cache: join(folder, `${name}.cache`),
		scratch: folder,
	};
}

async function runRound(
	{ folder, place, wanted, sources, alone },
	{ round, log },
) {
	const shared = copyPlace(place, placeIn(folder, "shared"));
	const oneCache = round % 2 === 0;
	const when = `round ${round}, ${oneCache ? "one cache" : "a cache for each"}`;
	const cacheOf = (i) =>
		oneCache ? shared.cache : join(folder, `own-${i}.cache`);
	const target = join(folder, "meanwhile");
	const runs = [
		...sources.map(({ source }) => ["snapshot", source]),
		["restore", wanted.id, "-t", target],
	].map((args, i) => start({ ...shared, cache: cacheOf(i) }, args).ended);
	const ends = await Promise.all(runs);
	for (const end of ends)
		log.expect(end.code === 0, () => `${when}: ${describeEnd(end)}`);
	const found = differences(
		wanted.account,
		accountOf(join(target, wanted.source)),
	);
	log.expect(
		found.length === 0,
		() => `${when}: the restore differs: ${found.join("; ")}`,
	);
	await checkTogether({ shared, ends, sources, wanted, alone, when, log });
	for (let i = 0; i < 3; i++)
		rmSync(cacheOf(i), { recursive: true, force: true });
	rmSync(target, { recursive: true, force: true });
	mkdirSync(shared.cache, { recursive: true });
	removePlace(shared);
	log.count(oneCache ? "roundsWithOneCache" : "roundsWithOwnCaches");
}

async function checkTogether({
	shared,
	ends,
	sources,
	wanted,
	alone,
	when,
	log,
}) {
	await mustVerify(log, shared, when);
	const ids = await listIds(log, shared, when);
	log.expect(ids.length === 3, `${when}: ${ids.length} snapshots are listed`);
	const taken = sources.map((source, i) => ({
		...source,
		id: summaryOf(ends[i])?.snapshot_id,
	}));
	const made = taken.filter(({ id }) => id !== undefined);
	await mustRestore(log, shared, [wanted, ...made], when);
	const copies = await mostCopies(shared.repository);
	log.expect(copies <= 2, `${when}: a chunk is stored ${copies} times`);
	log.count(copies > 1 ? "roundsWithChunksTwice" : "roundsWithoutChunksTwice");
	for (const [i, end] of ends.slice(0, 2).entries()) {
		const stored = summaryOf(end)?.data_added_packed;
		log.expect(
			stored <= alone[i] * 1.02 + 65_536,
			`${when}: a snapshot stored ${stored} bytes, alone ${alone[i]}`,
		);
	}
	const remaining = leftovers(shared);
	log.expect(remaining.length === 0, `${when}: left: ${remaining.join(", ")}`);
}

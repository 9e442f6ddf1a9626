// What two machines do every day, all at once and without a pause: each takes snapshots, restores and verifies, forgets and collects; meanwhile a
// first snapshot is on its way that takes longer than ten gcs. Nobody is killed, and nothing may go wrong.
//
//   node test/crash/two-machines.mjs --seed 1 --seconds 600 --work /dev/shm
//
// --seconds   in which they work
// --writers   of each machine
// --mib       size of the snapshot that is slow
// --gcs       that must have ended while it was on its way

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initRepository, listSnapshots, restore } from "@varve/core";
import { campaign } from "./campaign.mjs";
import { seeded } from "./random.mjs";
import {
	mustBecomeClear,
	mustHold,
	withRepository,
} from "./storm/aftermath.mjs";
import { cacheOf, Driver, Ledger, machine, pause } from "./storm/crew.mjs";
import { accountOf, differences } from "./tree-account.mjs";

const defaults = { seconds: 600, writers: 2, mib: 12, gcs: 10 };

await campaign("two-machines", defaults, async ({ options, folder, log }) => {
	const location = join(folder, "repository");
	const parameters = { packBytes: 2 ** 20 };
	await (await initRepository({ location, parameters })).close();
	const ledger = new Ledger(log);
	growSlow(folder, options);
	const drivers = startAll({ options, folder, ledger });
	await Promise.all(drivers.map(({ ready }) => ready));
	await overtake({ options, folder, ledger, log });
	const when = "at the end";
	await Promise.all(
		drivers.map(async (driver) => {
			const code = await driver.finish();
			log.expect(code === 0, `${driver.name} ended with ${code}`);
		}),
	);
	const known = new Set();
	await mustBecomeClear(folder, { known, killed: 0, log, when });
	await withRepository(folder, 0, async (repository) => {
		await mustHold(repository, { folder, ledger, log, when });
		await mustHaveSlow(repository, { folder, log });
	});
});

function growSlow(folder, { seed, mib }) {
	const random = seeded(seed);
	const source = join(folder, "source-slow");
	mkdirSync(source);
	for (let i = 0; i < mib; i++)
		writeFileSync(join(source, `file-${i}`), random.bytes(2 ** 20));
}

function startAll({ options, folder, ledger }) {
	const roles = [
		...Array.from({ length: options.writers }, () => "writer"),
		"reader",
		"collector",
	];
	const drivers = [];
	for (const number of [0, 1])
		for (const [i, role] of roles.entries())
			drivers.push(
				new Driver(
					ordersFor({ options, folder, role, number, at: drivers.length + i }),
					ledger,
				),
			);
	return drivers;
}

function ordersFor({ options, folder, role, number, at }) {
	return {
		role,
		folder,
		name: `${role}-${number}-${at}`,
		location: join(folder, "repository"),
		cache: cacheOf(folder, number),
		seed: options.seed * 100 + at,
		identity: machine(number),
		pause: 200,
	};
}

/** The slow one begins, and ends when the others have worked for as long as they should; then they work on for a while. */
async function overtake({ options, folder, ledger, log }) {
	const gcs = () => log.counts.gcs ?? 0;
	const started = performance.now();
	const before = gcs();
	// Two thirds of the time, and the rest for what it held up to go on.
	const readRate = (options.mib * 2 ** 20) / ((options.seconds * 2) / 3);
	const orders = ordersFor({
		options,
		folder,
		role: "slow",
		number: 0,
		at: 99,
	});
	const slow = new Driver({ ...orders, readRate }, ledger);
	const code = await slow.finish();
	const passed = gcs() - before;
	log.counts.slowSeconds = Math.round((performance.now() - started) / 1000);
	log.counts.gcsMeanwhile = passed;
	log.expect(code === 0, `the slow snapshot ended with ${code}`);
	log.expect(
		passed >= options.gcs,
		`only ${passed} gcs ended while the slow snapshot was on its way`,
	);
	log.tell(`the slow snapshot is done: ${JSON.stringify(log.counts)}`);
	const left = options.seconds * 1000 - (performance.now() - started);
	await pause(Math.max((options.seconds * 1000) / 3, left));
	log.expect(
		log.counts["gcs-swept"] > 0,
		"no gc could free anything in all that time",
	);
}

async function mustHaveSlow(repository, { folder, log }) {
	const all = await listSnapshots(repository);
	const slow = all.find(({ note }) => note === "slow");
	if (!log.expect(slow !== undefined, "the slow snapshot is not there")) return;
	const target = join(folder, "target-slow");
	const source = join(folder, "source-slow");
	await restore(repository, { snapshot: slow, subpath: source, target });
	const found = differences(accountOf(source), accountOf(target));
	log.expect(found.length === 0, `the slow snapshot differs: ${found}`);
}

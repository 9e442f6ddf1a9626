// One of many that take leases and drop them again: node lease-holder.mjs REPOSITORY CACHE SEED ROUNDS. Each fourth lease is one of a gc, of
// which there may be one at a time: who has it holds REPOSITORY.holder, and finds out whether it is alone. Prints what it did as JSON.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { openRepository, withLease } from "@varve/core";
import { fenceDeadLeases } from "../../packages/core/dist/lease-table.js";
import { seeded } from "./random.mjs";

const [location, cacheFolder, seed, rounds] = process.argv.slice(2);
const random = seeded(Number(seed));
const marker = `${location}.holder`;
const account = { leases: 0, alone: 0, busy: 0, together: [] };

function isThere(pid) {
	try {
		return process.kill(pid, 0);
	} catch (error) {
		if (error.code === "ESRCH") return false;
		throw error;
	}
}

/** False if one is there whose process lives: then two hold what one may. */
function takeMarker() {
	try {
		writeFileSync(marker, String(process.pid), { flag: "wx" });
		return true;
	} catch (error) {
		if (error.code !== "EEXIST") throw error;
	}
	const holder = Number(readFileSync(marker, "utf8"));
	if (isThere(holder)) {
		account.together.push(`${process.pid} and ${holder} hold a gc's lease`);
		return false;
	}
	writeFileSync(marker, String(process.pid));
	return true;
}

async function alone(repository, stage) {
	const others = await fenceDeadLeases(repository, stage);
	// One whose file cannot be read may be anybody's.
	if (others.some(({ record }) => record?.kind === "gc" || !record)) {
		account.busy++;
		return;
	}
	if (!takeMarker()) return;
	account.alone++;
	await pause(random.below(5));
	rmSync(marker);
}

const repository = await openRepository({ location, cacheFolder, workers: 0 });
for (let round = 0; round < Number(rounds); round++) {
	const kind = random.pick(["writer", "reader", "writer", "gc"]);
	const options = { kind, snapshots: [], command: `round ${round}` };
	await withLease(repository, options, async (stage) => {
		if (kind === "gc") await alone(repository, stage);
		else await pause(random.below(3));
	});
	account.leases++;
}
await repository.close();
process.stdout.write(`${JSON.stringify(account)}\n`);

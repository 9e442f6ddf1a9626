// What must hold once the processes of a storm are gone.

import { rmSync } from "node:fs";
import { join } from "node:path";
import {
	gc,
	listSnapshots,
	openRepository,
	restore,
	verify,
} from "@varve/core";
import { leftovers } from "../checks.mjs";
import { cacheOf, machine, machines } from "./crew.mjs";
import { stateIn, wrongPath } from "./pool-tree.mjs";

/** Opens the repository as one who sits at this machine. */
export function openAt(folder, number) {
	return openRepository({
		location: join(folder, "repository"),
		cacheFolder: cacheOf(folder, number),
		workers: 0,
		clock: { now: () => Date.now() + 3_600_000, offsetMinutes: () => 0 },
		identity: machine(number),
	});
}

/** All that was printed and not forgotten is listed and restores, all that is listed is whole, and nothing is there that was refused. */
export async function mustHold(repository, { folder, ledger, log, when }) {
	const all = await listSnapshots(repository, { forgotten: true });
	const ids = new Set(all.map(({ id }) => id));
	for (const id of ledger.taken.keys())
		if (!ledger.forgotten.has(id))
			log.expect(ids.has(id), `${when}: the snapshot ${id} is gone`);
	for (const { id, note } of all) {
		log.expect(
			!ledger.refused.has(note),
			`${when}: ${id} is there, though who took it was told that it is not`,
		);
		if (!ledger.taken.has(id)) log.count("takenAndNotTold");
	}
	const { findings } = await verify(repository, { level: "data" });
	log.expect(
		findings.length === 0,
		() => `${when}: ${JSON.stringify(findings).slice(0, 800)}`,
	);
	for (const one of all)
		await mustRestore(repository, one, { folder, log, when });
	log.count("restoredAfterwards", all.length);
}

async function mustRestore(repository, snapshot, { folder, log, when }) {
	const target = join(folder, "target-after");
	if (snapshot.note === "slow") return;
	try {
		const { problems } = await restore(repository, {
			snapshot,
			subpath: snapshot.record.roots[0].path,
			target,
		});
		const wrong = wrongPath(target, stateIn(snapshot.note));
		log.expect(
			wrong === undefined && problems.length === 0,
			`${when}: ${snapshot.id} differs in ${wrong}: ${JSON.stringify(problems.slice(0, 2))}`,
		);
	} catch (error) {
		log.fail(`${when}: ${snapshot.id} does not restore: ${error.stack}`);
	}
	rmSync(target, { recursive: true, force: true });
}

/** Before: no more new leases and stages than processes that were killed. After a gc of each machine: none, and no list. */
export async function mustBecomeClear(folder, { known, killed, log, when }) {
	const place = { repository: join(folder, "repository") };
	const before = leftovers(place);
	const leases = new Set(before.map((name) => name.split(".")[0]));
	const left = [...leases].filter((name) => !known.has(name)).length;
	for (const name of leases) known.add(name);
	log.expect(
		left <= killed,
		`${when}: ${left} leases and stages of ${killed} killed processes`,
	);
	log.count("leftBehind", left);
	for (let number = 0; number < machines; number++)
		await withRepository(folder, number, tidy);
	await withRepository(folder, 0, async (repository) => {
		const { state } = await gc(repository, { grace: 0 });
		log.expect(
			state === "nothing" || state === "swept",
			`${when}: with nobody there a gc is ${state}`,
		);
		const lists = await repository.backend.list("gc");
		// Of one who died before it had its lease, or after it gave it back: gc cannot judge it, doctor can after a while.
		const stages = before.filter(
			(name) => !name.includes(".") && !before.includes(`${name}.0`),
		);
		const after = [
			...leftovers(place).filter((name) => !stages.includes(name)),
			...lists.map(({ name }) => name),
		];
		log.expect(
			after.length === 0,
			`${when}: left for good: ${after.join(", ")}`,
		);
	});
}

/** Each machine knows only which of its own processes are dead: another's gc may seem to work still. */
async function tidy(repository) {
	try {
		await gc(repository, { grace: 0 });
	} catch (error) {
		if (error.code !== "LOCKED") throw error;
	}
}

export async function withRepository(folder, number, work) {
	const repository = await openAt(folder, number);
	try {
		return await work(repository);
	} finally {
		await repository.close();
	}
}

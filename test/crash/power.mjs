// Power lost at every operation of everything that is done to a repository, on simulated disks: see power/campaign.ts.
//
//   node test/crash/power.mjs --seed 1 --rounds 4 --variants 20
//
// --rounds     recordings of each scenario, each with a seed of its own
// --variants   ways in which power is lost after each operation
// --scenario   only those whose names begin so
// --brief 1    looks at one state of four further than verify and restores go
// --jobs       processes at work at the same time

import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { campaign } from "./campaign.mjs";
import { answerOf, compileWorker } from "./worker-program.mjs";

const defaults = {
	rounds: 1,
	variants: 20,
	scenario: "",
	brief: 0,
	jobs: availableParallelism(),
};

await campaign("power", defaults, async ({ options, log }) => {
	const program = await compileWorker("power", "power/worker.ts");
	const tasks = await tasksOf(program, options);
	const lane = async () => {
		for (let task = tasks.shift(); task; task = tasks.shift())
			account(await answerOf(program, task), log);
	};
	await Promise.all(Array.from({ length: options.jobs }, lane));
	rmSync(program, { force: true });
});

/** One for each scenario and round. */
async function tasksOf(program, { seed, rounds, variants, scenario, brief }) {
	const { names } = await answerOf(program, { list: true });
	const chosen = names.filter((name) => name.startsWith(scenario));
	// The long ones first, so that no process is left alone with one at the end.
	chosen.reverse();
	return Array.from({ length: rounds }, (_, round) => seed + round).flatMap(
		(each) =>
			chosen.map((name) => ({
				name,
				extent: { seed: each, variants, brief: brief === 1 },
			})),
	);
}

function account({ scenario, operations, losses, states, failures }, log) {
	log.count("recordings");
	log.count("operations", operations);
	log.count("losses", losses);
	log.count("states", states);
	for (const failure of failures) log.fail(failure);
	log.tell(
		`${scenario}: ${operations} operations, ${losses} losses, ${states} different disks, ${failures.length} failures`,
	);
}

// Every bit of a small repository flipped in turn, every file cut at every length, every file deleted; then repaired by all means.
//
//   node test/crash/wounds.mjs --seed 1 --every 1 --jobs 2
//
// --every    one wound of so many is tried, drawn by the seed: 1 tries all
// --from     passes over so many wounds of each repository, as a run that was cut off tells how far it came
// --copies   0 makes the repository without second copies; 1 with them; 2 tries both
// --jobs     processes at work at the same time
//
// After each: nothing restores another byte than was stored, and no command ends in a way that it should not; verify names the file and
// what is hurt; the repairs give back whatever the wound has not hit, cost nothing that could be read, and leave nothing to find.

import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { campaign } from "./campaign.mjs";
import { answerOf, compileWorker } from "./worker-program.mjs";

const defaults = { every: 1, from: 0, copies: 2, jobs: availableParallelism() };

await campaign("wounds", defaults, async ({ options, log }) => {
	const program = await compileWorker("wounds", "repair/wounds-worker.ts");
	try {
		for (const copies of [false, true])
			if (options.copies === 2 || copies === (options.copies === 1))
				await tryAll(program, { ...options, copies }, log);
	} finally {
		rmSync(program, { force: true });
	}
});

async function tryAll(program, { seed, every, from, copies, jobs }, log) {
	const which = `${copies ? "with" : "without"} copies`;
	const parts = Array.from({ length: jobs }, (_, part) => part);
	const answers = await Promise.all(
		parts.map((part) =>
			answerOf(
				program,
				{ seed, copies, part, parts: jobs, every, from },
				(soFar) => log.tell(`${which}, part ${part}: ${describe(soFar)}`),
			),
		),
	);
	const [{ bytes, files }] = answers;
	log.tell(`${which}: ${files} files, ${bytes} bytes`);
	log.count(copies ? "bytesWithCopies" : "bytesWithout", bytes);
	for (const answer of answers) {
		log.tell(`${which}: ${describe(answer)}`);
		for (const [what, count] of Object.entries(answer.counts))
			log.count(what, count);
		log.count("processorSeconds", Math.round(answer.cpu));
		for (const failure of answer.failures) log.fail(`${which}: ${failure}`);
	}
}

function describe({ at, wounds, counts, cpu, failures }) {
	const said = Object.entries(counts).map(
		([what, count]) => `${count} ${what}`,
	);
	const failed =
		failures.length === 0
			? "no failure"
			: `${failures.length} failures, the last: ${failures.at(-1)}`;
	return `at ${at} of ${wounds} wounds, ${said.join(", ")}; ${Math.round(cpu)} seconds of processor time; ${failed}`;
}

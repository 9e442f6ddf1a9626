// Every bit of a small repository flipped in turn, every file cut at every length, every file deleted; then repaired by all means.
//
//   node test/crash/wounds.mjs --seed 1 --every 1 --jobs 2
//
// --every    one wound of so many is tried, drawn by the seed: 1 tries all
// --copies   0 makes the repository without second copies; 1 with them; 2 tries both
// --jobs     processes at work at the same time
//
// After each: nothing restores another byte than was stored, and no command ends in a way that it should not; verify names the file and
// what is hurt; the repairs give back whatever the wound has not hit, cost nothing that could be read, and leave nothing to find.

import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { campaign } from "./campaign.mjs";
import { answerOf, compileWorker } from "./worker-program.mjs";

const defaults = { every: 1, copies: 2, jobs: availableParallelism() };

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

async function tryAll(program, { seed, every, copies, jobs }, log) {
	const parts = Array.from({ length: jobs }, (_, part) => part);
	const answers = await Promise.all(
		parts.map((part) =>
			answerOf(program, { seed, copies, part, parts: jobs, every }),
		),
	);
	const [{ bytes, files }] = answers;
	log.tell(
		`${files} files, ${bytes} bytes ${copies ? "with" : "without"} copies`,
	);
	log.count(copies ? "bytesWithCopies" : "bytesWithout", bytes);
	for (const { counts, failures } of answers) {
		for (const [what, count] of Object.entries(counts)) log.count(what, count);
		for (const failure of failures)
			log.fail(`${copies ? "with" : "without"} copies: ${failure}`);
	}
}

// Several writers, readers and collectors on one repository, on two machines by what they say of themselves; killed, suspended and continued at
// random; and now and then the lease of one who is suspended is taken away, as if it had expired, and a gc runs before it goes on.
//
//   node test/crash/storm.mjs --seed 1 --rounds 20 --seconds 30 --work /dev/shm
//
// --rounds      after each of them everybody ends, and everything must hold
// --seconds     of a round
// --writers, --readers, --collectors   processes
// --between     milliseconds on average between two blows
// --suspend     one of so many blows suspends, the others kill
//
// VARVE_STORM_SABOTAGE=blind or unfenced breaks something (storm/sabotage.mjs): then it must fail.

import { join } from "node:path";
import { initRepository } from "@varve/core";
import { campaign } from "./campaign.mjs";
import { seeded } from "./random.mjs";
import {
	mustBecomeClear,
	mustHold,
	withRepository,
} from "./storm/aftermath.mjs";
import { Ledger } from "./storm/crew.mjs";
import { Round } from "./storm/round.mjs";

const defaults = {
	rounds: 20,
	seconds: 30,
	writers: 3,
	readers: 2,
	collectors: 2,
	between: 250,
	suspend: 3,
};

/** So that little content fills packs, and frames in which old content lies together. */
const chunker = { algorithm: "gear1", min: 2048, average: 8192, max: 32_768 };

await campaign("storm", defaults, async ({ options, folder, log }) => {
	const location = join(folder, "repository");
	const parameters = { packBytes: 2 ** 20, frameBytes: 2 ** 14, chunker };
	await (await initRepository({ location, parameters })).close();
	const random = seeded(options.seed);
	const known = new Set();
	const ledger = new Ledger(log);
	for (let round = 0; round < options.rounds; round++) {
		const when = `round ${round}`;
		const storm = new Round({ options, folder, log, ledger, random });
		const killed = await storm.rage();
		await mustBecomeClear(folder, { known, killed, log, when });
		await withRepository(folder, 0, (repository) =>
			mustHold(repository, { folder, ledger, log, when }),
		);
		log.tell(`${when}: ${JSON.stringify(log.counts)}`);
	}
});

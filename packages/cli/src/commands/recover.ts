import { recover, retryLocked } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { retryLockOption } from "../durations.ts";
import { withRepository } from "../open-repository.ts";
import { recoverAccount, recoverSummary } from "../repair-account.ts";

interface Flags {
	readonly dryRun?: boolean;
	readonly retryLock?: number;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Find directories that no snapshot holds any more, because its record is lost, and make a snapshot of them: each is a directory recovered-… in it. What runs have left that were interrupted shows up too. A damaged record is set right if that can be done, else it goes to quarantine/.",
			)
			.option("-n, --dry-run", "only say what there is")
			.addOption(retryLockOption());
	},
	examples: [
		[
			"varve recover -n",
			"see whether anything is there that no snapshot holds",
		],
		["varve recover", "make a snapshot of it"],
	],
	async run(session, command) {
		const { dryRun, retryLock: retryFor } = command.opts<Flags>();
		const { signal, report } = session;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const result = await retryLocked(
				() => recover(repository, { dryRun, signal }),
				{ repository, retryFor, signal },
			);
			for (const { path, files, bytes, lost } of result.trees)
				report.message("recovered_tree", { path, files, bytes, lost });
			report.message("summary", recoverSummary(result));
			report.account(recoverAccount(result));
			return 0;
		});
	},
};

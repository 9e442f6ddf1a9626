import { pin } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { reportLabels } from "../label-account.ts";
import { withRepository } from "../open-repository.ts";
import { namedSnapshots } from "../selected-snapshots.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description("Exempt snapshots from retention, until they are unpinned.")
			.argument("<snapshot...>", "which ones");
	},
	examples: [["varve pin latest", "keep the newest snapshot for good"]],
	async run(session, command) {
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots = await namedSnapshots(repository, command.args);
			const ids = snapshots.map(({ id }) => id);
			reportLabels(session.report, await pin(repository, ids));
			return 0;
		});
	},
};

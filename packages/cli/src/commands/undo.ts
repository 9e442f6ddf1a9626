import { forgetRestore, undoRestore } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { lastRestore } from "../last-restore.ts";
import { tellFinished } from "../run-onto.ts";

interface Flags {
	readonly forget?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Take back the last restore onto what was there: in place, or into a directory with something in it. What it replaced or deleted comes back as it was; what was changed since is left as it is, and said. It can be taken back until the next such restore.",
			)
			.argument(
				"[dir]",
				"the directory restored into; the last one if not said",
			)
			.option(
				"--forget",
				"give up what is kept to take it back, to free its room",
			);
	},
	examples: [
		["varve undo", "take the last restore in place back"],
		["varve undo --forget /srv/site", "keep what was restored, for good"],
	],
	async run(session, command) {
		const { forget } = command.opts<Flags>();
		const path = lastRestore(session, command.args[0]);
		const here = { observer: session.watcher };
		const report =
			forget === true ? forgetRestore({ path }) : undoRestore(here, { path });
		return tellFinished(session, report);
	},
};

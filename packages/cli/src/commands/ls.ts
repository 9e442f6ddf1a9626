import { listTree, selectPath } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { entryFields, entryLine } from "../entry-lines.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { snapshotFields } from "../snapshot-fields.ts";

interface Flags extends FilterFlags {
	readonly long?: boolean;
	readonly recursive?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"List what is in a snapshot: its paths and what lies directly in them, or what lies in one directory of it.",
			)
			.argument("<snapshot>", "which one, and with :path where in it")
			.option("-l, --long", "with permissions, owner, size and time")
			.option("-R, --recursive", "and all that lies below");
		addFilterFlags(command);
	},
	examples: [
		["varve ls latest", "list the newest snapshot"],
		[
			"varve ls -lR 3f2a91bc:/etc",
			"list a directory of one, with all below it",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const { report, screen, surroundings, signal } = session;
		const long = flags.long ? surroundings : undefined;
		const { recursive } = flags;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const [name = ""] = command.args;
			const filter = filterOf(flags);
			const { snapshot, path } = await selectPath(repository, name, filter);
			report.message("snapshot", snapshotFields(snapshot));
			const request = { path, recursive };
			let entries = 0;
			for await (const entry of listTree(repository, snapshot, request)) {
				report.message("node", () => entryFields(entry));
				report.line(() => entryLine(entry, long));
				if (++entries % 256 === 0) await screen.room(signal);
			}
			report.message("summary", { entries });
			return 0;
		});
	},
};

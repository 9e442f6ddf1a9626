import { listSnapshots } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { escapeText } from "../escape-text.ts";
import { withRepository } from "../open-repository.ts";
import { shortId } from "../short-id.ts";
import { formatTime } from "../times.ts";

/** What completion scripts ask for while someone types: ids and what they stand for, the newest first. */
export const command: CommandFile = {
	define(command) {
		command.argument("<what>", "snapshots");
	},
	examples: [],
	async run(session) {
		const { screen, surroundings } = session;
		const all = await withRepository(session, { workers: 0 }, (repository) =>
			listSnapshots(repository),
		);
		for (const { id, record } of all.reverse()) {
			const time = formatTime(
				Date.parse(record.time),
				surroundings.offsetAt,
			).slice(0, 16);
			const paths = record.roots.map(({ path }) => path).join(", ");
			const words = escapeText(`${time} ${record.host} ${paths}`);
			screen.printVerbatim(`${shortId(id)}\t${words}\n`);
		}
		return 0;
	},
};

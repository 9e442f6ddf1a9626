import { checksumLine, checksums, pathFields, selectPath } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Print the SHA-256 of every file of a snapshot, or below one of its directories, as sha256sum -c reads it.",
			)
			.argument("<snapshot>", "which one, and with :path where in it");
		addFilterFlags(command);
	},
	examples: [
		[
			"varve checksums latest | sha256sum -c --quiet",
			"compare a snapshot with the files as they are",
		],
		[
			"varve checksums latest:/srv/www > www.sha256",
			"with paths relative to a directory",
		],
	],
	async run(session, command) {
		const { report, screen, signal } = session;
		const filter = filterOf(command.opts<FilterFlags>());
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const [name = ""] = command.args;
			const { snapshot, path } = await selectPath(repository, name, filter);
			let files = 0;
			for await (const sum of checksums(repository, snapshot, path)) {
				const { sha256, size } = sum;
				report.message("checksum", () => ({
					...pathFields(sum.path),
					sha256,
					size,
				}));
				if (!report.json) screen.printBytes(checksumLine(sum));
				if (++files % 256 === 0) await screen.room(signal);
			}
			report.message("summary", { files });
			return 0;
		});
	},
};

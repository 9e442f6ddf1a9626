import { InputError, readFile, selectPath } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { doubted } from "../exit-code.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description("Print files of snapshots, byte for byte.")
			.argument("<snapshot:path...>", "which files");
		addFilterFlags(command);
	},
	examples: [
		["varve cat latest:/etc/fstab", "print a file of the newest snapshot"],
		["varve cat yesterday:notes.txt > notes.txt", "get one file back"],
	],
	async run(session, command) {
		const { report, screen, signal } = session;
		if (report.json)
			throw new InputError(
				"NO_JSON",
				"cat prints bytes, which --json has no place for",
			);
		const filter = filterOf(command.opts<FilterFlags>());
		return await withRepository(session, { workers: 0 }, async (repository) => {
			let code: number = 0;
			for (const name of command.args) {
				const selected = await selectPath(repository, name, filter);
				code = doubted(selected, code);
				const { snapshot, path } = selected;
				if (path === undefined)
					throw new InputError("NO_PATH", `name a file in it: ${name}:PATH`);
				for await (const bytes of readFile(repository, snapshot, path)) {
					signal.throwIfAborted();
					await screen.write(bytes);
				}
			}
			return code;
		});
	},
};

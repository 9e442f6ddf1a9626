import { resolve } from "node:path";
import { initRepository } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { quoteForShell } from "../escape-text.ts";
import { programWords } from "../invocation.ts";
import { repositoryOptions } from "../open-repository.ts";
import type { Session } from "../session.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Make a repository. Without a directory, -r or VARVE_REPOSITORY it is .varve here: commands find it from here and from every directory below.",
			)
			.argument("[dir]", "where; must not exist or be empty")
			.option(
				"--no-copies",
				"keep no second copies of config, records and trees",
			);
	},
	examples: [
		["varve init", "make .varve in this directory"],
		["varve init /mnt/backup/varve", "make a repository on another disk"],
	],
	async run(session, command) {
		const location = chooseLocation(session, command.args[0]);
		const found = { location, origin: "flag" as const };
		const { copies } = command.opts<{ readonly copies: boolean }>();
		const repository = await initRepository({
			...repositoryOptions(session, found, { workers: 0 }),
			parameters: copies ? {} : { copies: false },
		});
		const { id } = repository.config;
		await repository.close();
		const { report, surroundings } = session;
		report.message("initialized", { id, repository: location });
		const program = programWords(surroundings);
		report.account([
			`made the repository ${location}`,
			`take a snapshot: ${program} snapshot -r ${quoteForShell(location)} DIR`,
		]);
		return 0;
	},
};

function chooseLocation(
	{ surroundings, options }: Session,
	argument: string | undefined,
): string {
	const { cwd, env } = surroundings;
	const named = argument ?? options.repo ?? (env.VARVE_REPOSITORY || undefined);
	return resolve(cwd, named ?? ".varve");
}

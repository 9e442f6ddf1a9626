import { resolve } from "node:path";
import { InputError, restore, selectPath } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { gather, workersOption } from "../option-values.ts";
import {
	restoreAccount,
	restoreExitCode,
	restoreSummary,
} from "../restore-account.ts";
import type { Session } from "../session.ts";

interface Flags extends FilterFlags {
	readonly target?: string;
	readonly include?: readonly string[];
	readonly exclude?: readonly string[];
	readonly numericIds?: boolean;
	readonly verify?: boolean;
	readonly dryRun?: boolean;
	readonly workers?: number;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Restore a snapshot, or a part of one, into a new or an empty directory. A whole snapshot is restored with its paths (DIR/usr/share/doc), SNAPSHOT:PATH without (what is in PATH lies in DIR).",
			)
			.argument("<snapshot>", "which one, and with :path what of it")
			.option(
				"-t, --target <dir>",
				"where to, which must be said; new or empty",
			)
			.option("-i, --include <pattern>", "only what matches", gather)
			.option("-e, --exclude <pattern>", "leave out what matches", gather)
			.option(
				"--numeric-ids",
				"give files to the numbers of their users and groups, not to who has their names here",
			)
			.option("--verify", "read back what was written and compare it")
			.option("-n, --dry-run", "only tell what would be restored")
			.addOption(workersOption());
		addFilterFlags(command);
	},
	examples: [
		["varve restore latest -t restored", "restore the newest snapshot"],
		[
			"varve restore 3f2a91bc:/etc/nginx -t /tmp/nginx",
			"restore one directory of one",
		],
		[
			"varve restore yesterday -t restored -i '*.conf' --verify",
			"restore some files as they were, and prove it",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const { workers, include, exclude, verify, dryRun, numericIds } = flags;
		const target = targetOf(session, flags);
		return await withRepository(session, { workers }, async (repository) => {
			const { snapshot, path } = await selectPath(
				repository,
				command.args[0] as string,
				filterOf(flags),
			);
			const report = await restore(repository, {
				snapshot,
				subpath: path,
				target,
				include,
				exclude,
				numericIds,
				verify,
				dryRun,
				signal: session.signal,
			});
			session.report.message("summary", restoreSummary(report));
			session.report.account(restoreAccount(report));
			return restoreExitCode(report);
		});
	},
};

function targetOf({ surroundings }: Session, { target }: Flags): string {
	if (target === undefined || target === "")
		throw new InputError("NO_TARGET", "say where to restore: -t DIR");
	return resolve(surroundings.cwd, target);
}

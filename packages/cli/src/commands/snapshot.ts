import { constants, setPriority } from "node:os";
import { initRepository, type Repository, snapshot } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { ExitCode } from "../exit-code.ts";
import type { FoundRepository } from "../find-repository.ts";
import { forgetAfter, requirePolicyAfter } from "../forget-after.ts";
import { openFound, repositoryOptions } from "../open-repository.ts";
import { isDirectory, locateRepository, type Session } from "../session.ts";
import { snapshotAccount, snapshotSummary } from "../snapshot-account.ts";
import { addSnapshotFlags, type SnapshotFlags } from "../snapshot-flags.ts";
import {
	parentOf,
	type SnapshotRequest,
	snapshotRequest,
} from "../snapshot-request.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Take a snapshot of files and directories. Only what the repository does not hold yet is stored. Without a repository the user's default one is taken, and made if it is not there.",
			)
			.argument("[path...]", "what to take; patterns as *.log are understood");
		addSnapshotFlags(command);
	},
	examples: [
		["varve snapshot ~/project", "take a snapshot of a directory"],
		[
			"varve snapshot -e node_modules -e '*.log' --tag before-upgrade .",
			"leave things out, and label it",
		],
		[
			"varve snapshot --stdin-from-command --stdin-filename all.sql -- pg_dumpall",
			"keep what a command prints",
		],
	],
	async run(session, command) {
		const flags = command.opts<SnapshotFlags>();
		const { dryRun = false } = flags;
		if (flags.lowPriority) setPriority(constants.priority.PRIORITY_LOW);
		const request = await snapshotRequest(session, {
			words: command.args,
			flags,
		});
		tellMissing(session, request);
		const found = locateRepository(session);
		const made = isMissingDefault(found) && !dryRun;
		const repository = await (made ? makeFound : openFound)(
			session,
			found,
			flags,
		);
		try {
			await requirePolicyAfter(repository, flags);
			const parent = await parentOf(repository, flags);
			const { signal } = session;
			const result = await snapshot(repository, { ...request, parent, signal });
			const taking = { result, found, made, dryRun };
			session.report.account(snapshotAccount(taking, session.surroundings));
			const after = await forgetAfter(session, repository, result, flags);
			session.report.message("summary", {
				...snapshotSummary(taking),
				...after.message,
			});
			session.report.account(after.lines);
			return result.record.unread.length > 0
				? ExitCode.incomplete
				: ExitCode.done;
		} finally {
			await repository.close();
		}
	},
};

/** What was asked for and is not there is told before all else, as entries that cannot be read are. */
function tellMissing({ watcher }: Session, request: SnapshotRequest): void {
	for (const { path, reason } of request.missing ?? [])
		watcher.on({
			type: "entry-error",
			verb: "snapshot",
			path,
			reason,
			message:
				reason === "ENOENT"
					? "is not there"
					: `cannot be looked at (${reason})`,
		});
}

function isMissingDefault({ origin, location }: FoundRepository): boolean {
	return origin === "default" && !isDirectory(location);
}

async function makeFound(
	session: Session,
	found: FoundRepository,
	choices: SnapshotFlags,
): Promise<Repository> {
	session.log.line(`makes the repository ${found.location}`);
	return await initRepository(repositoryOptions(session, found, choices));
}

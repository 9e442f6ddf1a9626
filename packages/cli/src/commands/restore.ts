import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import {
	abortRestore,
	type BeginAnew,
	InputError,
	type Repository,
	restore,
	resumeRestore,
	type Selected,
	selectPath,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { doubted } from "../exit-code.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { lastRestore } from "../last-restore.ts";
import {
	addOntoFlags,
	isOnto,
	type OntoFlags,
	requireSense,
} from "../onto-flags.ts";
import { withRepository } from "../open-repository.ts";
import { gather, workersOption } from "../option-values.ts";
import {
	restoreAccount,
	restoreExitCode,
	restoreSummary,
} from "../restore-account.ts";
import { runOnto, tellFinished } from "../run-onto.ts";
import { isDirectory, type Session } from "../session.ts";

interface Flags extends FilterFlags, OntoFlags {
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
				"Restore a snapshot, or a part of one, into a new or an empty directory, or onto what is there. A whole snapshot is restored with its paths (DIR/usr/share/doc), SNAPSHOT:PATH without (what is in PATH lies in DIR). Onto what is there, only what differs is changed, and `varve undo` takes it back.",
			)
			.argument("[snapshot]", "which one, and with :path what of it")
			.option(
				"-t, --target <dir>",
				"where to; new or empty, unless --overwrite, --on-conflict or --delete is said",
			)
			.option("-i, --include <pattern>", "only what matches", gather)
			.option("-e, --exclude <pattern>", "leave out what matches", gather)
			.option(
				"--numeric-ids",
				"give files to the numbers of their users and groups, not to who has their names here",
			)
			.option(
				"--verify",
				"read back what was written and compare it; onto what is there, change nothing unless all that is needed can be read",
			)
			.option("-n, --dry-run", "only tell what would be restored")
			.addOption(workersOption());
		addOntoFlags(command);
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
		[
			"varve restore latest:/etc/nginx --in-place --delete -n",
			"what it would take to have a directory again as it was",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const [name] = command.args;
		requireSense(flags, name);
		const ending = await finishEarlier(session, flags);
		if (typeof ending === "number") return ending;
		const { workers } = flags;
		return await withRepository(session, { workers }, async (repository) => {
			if (ending !== undefined) return resumeAnew(session, repository, ending);
			const selected = await selectPath(
				repository,
				name as string,
				filterOf(flags),
			);
			const target = targetOf(session, flags);
			if (target === undefined) requireOwnHost(repository, selected, flags);
			const request = requestOf(selected, { flags, session });
			if (target === undefined || (isOnto(flags) && isFilled(target)))
				return doubted(
					selected,
					await runOnto(session, repository, { ...request, target }),
				);
			const report = await restore(repository, { ...request, target });
			session.report.message("summary", restoreSummary(report));
			session.report.account(restoreAccount(report));
			return doubted(selected, restoreExitCode(report));
		});
	},
};

/** In place of another machine's files is nowhere, unless that is said. InputError "OTHER_HOST". */
function requireOwnHost(
	{ identity }: Repository,
	{ snapshot }: Selected,
	flags: Flags,
): void {
	const { host } = snapshot.record;
	if (host === identity.host || flags.host !== undefined) return;
	throw new InputError(
		"OTHER_HOST",
		`the snapshot is of ${host}, and this is ${identity.host}: say --host ${host} if it is to be restored in place here`,
		{ host },
	);
}

/** What both ways of restoring take. */
function requestOf(
	{ snapshot, path }: Selected,
	{ flags, session }: { readonly flags: Flags; readonly session: Session },
) {
	const { include, exclude, verify, dryRun, numericIds } = flags;
	const { overwrite, onConflict, undo } = flags;
	return {
		...{ snapshot, subpath: path, include, exclude, verify, dryRun },
		...{ numericIds, overwrite, onConflict, undo, delete: flags.delete },
		signal: session.signal,
	};
}

/** The exit code of a restore that was finished or taken back; what is to be begun anew; undefined if neither was asked for. */
async function finishEarlier(
	session: Session,
	{ resume, abort, target }: Flags,
): Promise<number | BeginAnew | undefined> {
	if (resume !== true && abort !== true) return undefined;
	const path = lastRestore(session, target);
	const here = { observer: session.watcher };
	const report =
		resume === true
			? resumeRestore(here, { path })
			: abortRestore(here, { path });
	return report.outcome === "begin-anew"
		? report
		: tellFinished(session, report);
}

async function resumeAnew(
	session: Session,
	repository: Repository,
	{ snapshot: id, request }: BeginAnew,
): Promise<number> {
	const { snapshot } = await selectPath(repository, id, {});
	const { signal } = session;
	return runOnto(session, repository, { ...request, snapshot, signal });
}

/** undefined: in place. That one is named has been seen to. */
function targetOf(
	{ surroundings }: Session,
	{ target, inPlace }: Flags,
): string | undefined {
	if (inPlace === true) return undefined;
	return resolve(surroundings.cwd, target as string);
}

/** One that cannot be read is not known to be empty. */
function isFilled(target: string): boolean {
	if (!isDirectory(target)) return false;
	try {
		return readdirSync(target).length > 0;
	} catch {
		return true;
	}
}

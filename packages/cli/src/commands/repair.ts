import {
	InputError,
	type PacksRepaired,
	type Repository,
	repairIndex,
	repairPacks,
	repairSnapshots,
	retryLocked,
	selectPack,
} from "@varve/core";
import { Argument } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { retryLockOption, waitValue } from "../durations.ts";
import { ExitCode } from "../exit-code.ts";
import { withRepository } from "../open-repository.ts";
import {
	indexAccount,
	indexSummary,
	mendedPackFields,
	mendedSnapshotFields,
	packsAccount,
	packsSummary,
	snapshotsAccount,
	snapshotsSummary,
	tellLosses,
} from "../repair-account.ts";
import { namedSnapshots } from "../selected-snapshots.ts";
import type { Session } from "../session.ts";

interface Flags {
	readonly dryRun?: boolean;
	readonly readData?: boolean;
	readonly forget?: boolean;
	readonly wait?: number;
	readonly retryLock?: number;
}

type Work = (repository: Repository, call: Call) => Promise<number>;

interface Call {
	readonly session: Session;
	readonly names: readonly string[];
	readonly flags: Flags;
}

const works: Readonly<Record<string, Work>> = { index, packs, snapshots };
/** What each of them takes beside --dry-run and --retry-lock. */
const takes: Readonly<Record<string, readonly (keyof Flags)[]>> = {
	index: ["wait"],
	packs: ["wait", "readData"],
	snapshots: ["forget"],
};

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Mend a damaged repository, and delete nothing: what is damaged goes to quarantine/. `index` makes segments and the index of this machine anew; `packs` moves all that is intact in damaged packs to new ones and says which files are lost; `snapshots` makes another snapshot, without what is lost, in the place of each damaged one. In this order, with a snapshot before the last: it stores again what the sources still have.",
			)
			.addArgument(
				new Argument("<what>", "what is to be mended").choices(
					Object.keys(works),
				),
			)
			.argument(
				"[id...]",
				"only these packs or snapshots; else all that are damaged",
			)
			.option(
				"-n, --dry-run",
				"only say what is damaged and what would be done",
			)
			.option(
				"--read-data",
				"packs: decode all to find damaged ones; else their bytes are compared with the checksums in them",
			)
			.option(
				"--forget",
				"snapshots: forget damaged ones once others are in their place",
			)
			.option(
				"--wait <duration>",
				"index, packs: wait so long for those who read here, and only then move damaged packs away",
				waitValue,
			)
			.addOption(retryLockOption());
	},
	examples: [
		["varve repair packs -n", "learn what is damaged and lost"],
		["varve repair packs", "save what is intact"],
		["varve repair index", "make segments and the index anew"],
		["varve repair snapshots --forget", "go on without what is lost"],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const [what = "", ...names] = command.args;
		requireTaken(what, names, flags);
		return await withRepository(session, {}, async (repository) => {
			const work = works[what] as Work;
			const { signal } = session;
			return await retryLocked(
				() => work(repository, { session, names, flags }),
				{ repository, retryFor: flags.retryLock, signal },
			);
		});
	},
};

function requireTaken(
	what: string,
	names: readonly string[],
	flags: Flags,
): void {
	const special = Object.values(takes).flat();
	const wrong = special.find(
		(flag) => flags[flag] !== undefined && !takes[what]?.includes(flag),
	);
	if (wrong !== undefined)
		throw new InputError(
			"WRONG_MIXTURE",
			`repair ${what} takes no --${wrong === "readData" ? "read-data" : wrong}`,
		);
	if (what === "index" && names.length > 0)
		throw new InputError("WRONG_MIXTURE", "repair index takes no ids");
	if (flags.readData === true && names.length > 0)
		throw new InputError(
			"WRONG_MIXTURE",
			"packs that are named are read whole: --read-data is for finding damaged ones",
		);
}

async function index(
	repository: Repository,
	{ session: { report, signal, screen }, flags: { dryRun, wait } }: Call,
): Promise<number> {
	const result = await repairIndex(repository, { dryRun, wait, signal });
	for (const pack of result.mended)
		report.message("mended_pack", mendedPackFields(pack));
	tellLosses(report, screen, result.losses);
	report.message("summary", indexSummary(result));
	report.account(indexAccount(result));
	return endOf(result);
}

async function packs(
	repository: Repository,
	{
		session: { report, signal, screen },
		names,
		flags: { dryRun, readData, wait },
	}: Call,
): Promise<number> {
	const ids = [];
	for (const name of names) ids.push(await selectPack(repository, name));
	const result = await repairPacks(repository, {
		...{ dryRun, readData, wait, signal },
		packs: ids.length > 0 ? ids : undefined,
	});
	for (const pack of result.packs)
		report.message("mended_pack", mendedPackFields(pack));
	tellLosses(report, screen, result.losses);
	report.message("summary", packsSummary(result));
	report.account(packsAccount(result));
	return endOf(result);
}

/** Damage that is left counts for more than who is in the way. */
function endOf({
	losses,
	missing,
	waitingFor,
}: Pick<PacksRepaired, "losses" | "missing" | "waitingFor">): ExitCode {
	if (losses.hurt.length + missing.length > 0) return ExitCode.damaged;
	return waitingFor.length > 0 ? ExitCode.locked : ExitCode.done;
}

async function snapshots(
	repository: Repository,
	{ session: { report, signal }, names, flags: { dryRun, forget } }: Call,
): Promise<number> {
	const chosen =
		names.length > 0 ? await namedSnapshots(repository, names) : undefined;
	const result = await repairSnapshots(repository, {
		...{ dryRun, forget, signal },
		snapshots: chosen,
	});
	for (const snapshot of result.snapshots)
		report.message("mended_snapshot", mendedSnapshotFields(snapshot));
	report.message("summary", snapshotsSummary(result));
	report.account(snapshotsAccount(result));
	const left = result.unreadable + result.policies.lost.length;
	return left > 0 ? ExitCode.damaged : ExitCode.done;
}

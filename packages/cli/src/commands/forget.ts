import {
	type ForgetPlan,
	forget,
	freedBy,
	InputError,
	isEmptyPolicy,
	isVarveError,
	listSnapshots,
	planByHand,
	planForget,
	type Repository,
	removedBy,
	requireStoredPolicy,
	tellStoredLate,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import {
	addFilterFlags,
	type FilterFlags,
	filterOf,
	isNarrowed,
} from "../filter-flags.ts";
import {
	closingLines,
	type ForgetAccount,
	forgetSummary,
	groupLines,
	groupMessage,
} from "../forget-account.ts";
import { withRepository } from "../open-repository.ts";
import {
	addPolicyFlags,
	type PolicyFlags,
	retentionOf,
	saysPolicy,
} from "../policy-flags.ts";
import { namedSnapshots } from "../selected-snapshots.ts";
import type { Session } from "../session.ts";
import { parseTime } from "../times.ts";

interface Flags extends FilterFlags, PolicyFlags {
	/** Name of a policy of the repository. */
	readonly policy?: string;
	readonly dryRun?: boolean;
	readonly explain?: boolean;
	readonly at?: string;
	readonly unsafeAllowRemoveAll?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Forget snapshots: those that are named, or those that no rule keeps. A snapshot stays if any rule keeps it; pinned ones always stay. Forgotten ones can be brought back by unforget, until a gc deletes them.",
			)
			.argument("[snapshot...]", "forget these, whatever rules would say");
		addPolicyFlags(command);
		command.option("--policy <name>", "go by a policy of the repository");
		addFilterFlags(command)
			.option("-n, --dry-run", "only tell what would be forgotten")
			.option("--explain", "say of each snapshot why it stays or goes")
			.option("--at <time>", "a dry run, as if it were this time")
			.option(
				"--unsafe-allow-remove-all",
				"allow that nothing is left of a host and its paths, or whatever is judged together",
			);
	},
	examples: [
		[
			"varve forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 -n --explain",
			"look at what a policy would do",
		],
		[
			"varve forget --keep-last 10 --for 'tag=templates keep-last=2'",
			"keep 2 of the templates, and 10 of everything else",
		],
		["varve forget --policy default", "go by a policy of the repository"],
		["varve forget 1a2b3c4d", "forget one snapshot"],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const now = timeOf(session, flags);
		requireOneWay(flags, command.args);
		const { report, surroundings, signal } = session;
		const { dryRun = flags.at !== undefined, explain = false } = flags;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const call = { names: command.args, flags, now };
			const plan = await planOf(repository, call);
			for (const warning of plan.warnings) report.warning(warning);
			for (const group of plan.groups)
				report.message("group", () => groupMessage(group));
			const { offsetAt } = surroundings;
			const all = dryRun || explain;
			report.account(
				plan.groups.flatMap((group) => groupLines(group, { all, offsetAt })),
			);
			const freed = await freedByPlan(session, repository, plan);
			const result = dryRun
				? undefined
				: await forget(repository, plan, { signal });
			const account: ForgetAccount = { plan, result, freed };
			report.message("summary", forgetSummary(account));
			report.account(closingLines(account));
			return 0;
		});
	},
};

interface Call {
	readonly names: readonly string[];
	readonly flags: Flags;
	readonly now: number;
}

async function planOf(
	repository: Repository,
	{ names, flags, now }: Call,
): Promise<ForgetPlan> {
	if (names.length > 0) {
		const snapshots = await namedSnapshots(repository, names, flags);
		return planByHand(snapshots.filter(({ forgotten }) => !forgotten));
	}
	const retention =
		flags.policy === undefined
			? retentionOf(flags)
			: await requireStoredPolicy(repository, flags.policy);
	const listed = await listSnapshots(repository, filterOf(flags));
	const snapshots = await tellStoredLate(repository, listed);
	const { unsafeAllowRemoveAll: allowRemoveAll } = flags;
	return planForget(snapshots, { ...retention, now, allowRemoveAll });
}

/** What a gc could free is good to know, and no reason to fail. */
async function freedByPlan(
	{ report, signal }: Session,
	repository: Repository,
	plan: ForgetPlan,
): Promise<number | undefined> {
	const ids = removedBy(plan);
	if (ids.length === 0) return 0;
	try {
		return await freedBy(repository, ids, signal);
	} catch (error) {
		if (!isVarveError(error)) throw error;
		report.warning(`cannot tell what a gc could free: ${error.message}`);
		return undefined;
	}
}

/** Names, rules or a stored policy: what two of them would mean together nobody could say. */
function requireOneWay(flags: Flags, names: readonly string[]): void {
	const ways = [
		...(names.length > 0 ? ["named snapshots"] : []),
		...(flags.policy !== undefined ? ["--policy"] : []),
		...(saysPolicy(flags) ? ["--keep-… and --for"] : []),
	];
	if (ways.length > 1)
		throw new InputError(
			"WRONG_MIXTURE",
			`${ways[0]} cannot be combined with ${ways[1]}`,
		);
	const isEmpty = isEmptyPolicy(retentionOf(flags).policy);
	if (
		flags.unsafeAllowRemoveAll === true &&
		ways.length === 0 &&
		isEmpty &&
		!isNarrowed(flags)
	)
		throw new InputError(
			"NO_SNAPSHOT_NAMED",
			"--unsafe-allow-remove-all without a rule wants --host, --path or --tag",
		);
}

function timeOf({ surroundings }: Session, { at }: Flags): number {
	if (at === undefined) return surroundings.now();
	const parsed = parseTime(at, surroundings.offsetAt);
	if (parsed !== undefined) return parsed;
	throw new InputError(
		"BAD_TIME",
		`${at} is not a time; write 2026-11-19, "2026-11-19 14:00" or 2026-11-19T14:00:00+01:00`,
		{ time: at },
	);
}

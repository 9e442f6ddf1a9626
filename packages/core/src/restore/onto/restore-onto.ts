import { contentLength, InputError } from "@varve/format";
import { either } from "../../lease.ts";
import { loadEntryMoves } from "../../native/move-entry.ts";
import { Progress } from "../../progress.ts";
import { withReaderLease } from "../../reader-lease.ts";
import type { Repository } from "../../repository.ts";
import { toldAs } from "../../told-as.ts";
import type { EntryProblem } from "../report.ts";
import { loadTargetCalls } from "../target-calls.ts";
import { Changes } from "./changes.ts";
import { EarlierJournals } from "./claim.ts";
import {
	collectPlan,
	type OntoPlan,
	resolveConflicts,
} from "./collect-plan.ts";
import {
	type Executed,
	type ExecuteParts,
	executePlan,
} from "./execute-plan.ts";
import { restoredPaths } from "./homes.ts";
import type { Item } from "./items.ts";
import { madeEntries } from "./made-entries.ts";
import { neededDamaged } from "./needed-damaged.ts";
import {
	emptySums,
	type OntoReport,
	type PlanLine,
	type PlanSums,
	problemOfConflict,
} from "./onto-report.ts";
import type { OntoOptions } from "./options.ts";
import { type Prepared, prepareOnto } from "./prepare-onto.ts";
import { requireNoJournal } from "./unfinished.ts";

/**
 * Restores onto what is there: in place, or into a directory with something in it. Plans first, changes only what differs, and keeps what
 * it replaces or deletes, so that it can be finished or taken back whenever it ends. Entries that cannot be restored are in the report.
 * Throws what `restore` throws; a ConflictError "RESTORE_UNFINISHED", or "LOCKED" if another one is at work there; with `verify`, a CorruptError "NEEDED_DAMAGED" if something that is
 * needed cannot be read, and then nothing was changed.
 */
export async function restoreOnto(
	repository: Repository,
	options: OntoOptions,
): Promise<OntoReport> {
	const { id } = options.snapshot;
	const lease = { snapshots: [id], command: "restore" };
	return await toldAs(repository, { verb: "restore", subject: id }, () =>
		withReaderLease(repository, lease, (lost) =>
			run(repository, { ...options, signal: either(lost, options.signal) }),
		),
	);
}

async function run(
	repository: Repository,
	options: OntoOptions,
): Promise<OntoReport> {
	const started = repository.clock.now();
	options.signal?.throwIfAborted();
	const calls = loadTargetCalls();
	const prepared = await prepareOnto(repository, options, calls);
	try {
		for (const message of prepared.notes)
			repository.observer.on({ type: "warning", message });
		const paths = restoredPaths(prepared.homes);
		const earlier = new EarlierJournals(paths, started);
		requireNoJournal(prepared.homes);
		const plan = await makePlan(repository, options, prepared);
		const sums = await tellPlan(plan, options, repository, prepared);
		const executed =
			options.dryRun === true
				? undefined
				: await execute(repository, options, {
						...{ prepared, plan, calls, earlier },
					});
		return reportOf(repository, options, {
			...{ prepared, plan, sums, executed },
			duration: repository.clock.now() - started,
		});
	} finally {
		prepared.close();
	}
}

async function makePlan(
	repository: Repository,
	options: OntoOptions,
	{ placed, survey, judge, selection }: Prepared,
): Promise<OntoPlan> {
	const { ask, signal } = options;
	const { objects } = repository;
	const progress = new Progress(repository.observer, "restore");
	const { files } = options.snapshot.record.statistics;
	progress.begin("compare", { files, bytes: undefined });
	const plan = await collectPlan(placed, {
		...{ survey, judge, selection, objects, signal },
		tell: (count) => progress.add(count, 0, undefined),
	});
	if (options.onConflict !== "ask" || options.dryRun === true) return plan;
	if (ask === undefined)
		throw new InputError(
			"CANNOT_ASK",
			"there is nobody to ask about conflicts",
		);
	return resolveConflicts(plan, ask, (item) => judge.besideOf(item));
}

/** Counts what the plan does, and tells it to whoever wants to know. */
async function tellPlan(
	{ items, unchanged }: OntoPlan,
	{ onPlan, dryRun }: OntoOptions,
	{ objects }: Repository,
	{ selection }: Prepared,
): Promise<PlanSums> {
	const sums = emptySums();
	sums.unchanged = unchanged;
	const isDetailed = onPlan !== undefined || dryRun === true;
	for (const item of items) {
		sums[item.action] += item.action === "delete" ? item.removes : 1;
		await onPlan?.(lineOf(item));
		const makesMore =
			item.action === "create" ||
			item.action === "keep-both" ||
			item.action === "replace";
		if (!makesMore || !isDetailed) continue;
		for (const entry of madeEntries(item, { objects, selection })) {
			if (entry.suffix === "" || entry.type === "damaged") continue;
			sums.create++;
			const below = {
				...item,
				suffix: (item.beside ?? item.suffix) + entry.suffix,
			};
			const bytes =
				entry.type === "node" ? contentLength(entry.node.content) : 0;
			await onPlan?.({ ...lineOf(below), ...madeLine, bytes });
		}
	}
	return sums;
}

const madeLine = {
	action: "create",
	conflict: undefined,
	changes: [],
	removes: 0,
	beside: undefined,
} as const;

function lineOf(item: Item): PlanLine {
	const { top, suffix, action, conflict, changes, removes, parts, wanted } =
		item;
	const whole = contentLength(
		wanted?.node.content ?? ({ lengths: [] } as never),
	);
	const partly = parts?.reduce((sum, { length }) => sum + length, 0);
	const isWritten = ["create", "update", "replace", "keep-both"].includes(
		action,
	);
	return {
		path: top.display(suffix),
		action,
		conflict,
		changes,
		bytes: isWritten ? (partly ?? whole) : 0,
		removes,
		beside: item.beside === undefined ? undefined : top.display(item.beside),
	};
}

async function execute(
	repository: Repository,
	options: OntoOptions,
	parts: Omit<ExecuteParts, "changes">,
): Promise<Executed> {
	const { plan } = parts;
	const damaged = plan.obstacles.find(({ kind }) => kind === "damaged");
	if (options.verify === true && damaged !== undefined)
		throw neededDamaged(damaged.path, damaged.message);
	const changes = options.changes ?? new Changes(loadEntryMoves());
	return executePlan(repository, options, { ...parts, changes });
}

function reportOf(
	repository: Repository,
	{ snapshot, dryRun, onConflict }: OntoOptions,
	{
		prepared,
		plan,
		sums,
		executed,
		duration,
	}: {
		readonly prepared: Prepared;
		readonly plan: OntoPlan;
		readonly sums: PlanSums;
		readonly executed: Executed | undefined;
		readonly duration: number;
	},
): OntoReport {
	const { observer } = repository;
	const [first] = prepared.restored;
	const own: EntryProblem[] = plan.obstacles.map(
		({ path, kind, reason, message }) => ({ path, kind, reason, message }),
	);
	for (const item of plan.items)
		if (
			item.action === "conflict" &&
			(item.isBarred || onConflict === undefined)
		)
			own.push(problemOfConflict(item));
	for (const { path, reason, message } of own)
		observer.on({
			type: "entry-error",
			verb: "restore",
			path,
			reason,
			message,
		});
	const { log } = executed ?? {};
	const planned = { sums, failed: plan.obstacles.length };
	return {
		snapshot: snapshot.id,
		target: first === undefined ? "/" : first.top.display(first.suffix),
		dryRun: dryRun ?? false,
		directories: log?.directories ?? 0,
		files: log?.files ?? 0,
		symlinks: log?.symlinks ?? 0,
		hardLinks: log?.hardLinks ?? 0,
		others: log?.others ?? 0,
		bytes: log?.bytes ?? 0,
		verified: executed?.verified,
		problems: [...own, ...(executed?.problems ?? [])],
		notRestored: log?.notRestored ?? {},
		notes: [...prepared.notes, ...(log?.notes ?? [])],
		duration,
		...(executed?.done ?? planned),
		journal: executed?.journal,
	};
}

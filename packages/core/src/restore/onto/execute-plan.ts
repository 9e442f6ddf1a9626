import { randomBytes } from "node:crypto";
import { type BigIntStats, lstatSync } from "node:fs";
import { TargetError } from "@varve/format";
import type { Observer } from "../../events.ts";
import { holderOf } from "../../judge-holder.ts";
import type { Repository } from "../../repository.ts";
import { codeOf, systemPath } from "../../system.ts";
import { Owners } from "../owners.ts";
import type { EntryProblem, RestoreReport } from "../report.ts";
import { needOf, requireSpace } from "../space.ts";
import type { TargetCalls } from "../target-calls.ts";
import { buildSteps, isMade, methodOf, type Task } from "./build-steps.ts";
import type { Changes } from "./changes.ts";
import type { EarlierJournals } from "./claim.ts";
import type { OntoPlan } from "./collect-plan.ts";
import { type DoneSums, doneBy, sumDone } from "./done-sums.ts";
import type { StepProblem } from "./execute.ts";
import { keepingTime } from "./home-time.ts";
import { type HomeSpot, Homes, restoredPaths } from "./homes.ts";
import type { Spot } from "./items.ts";
import type { Journal, JournalHeader, Place, Slot } from "./journal.ts";
import { JournalFolder } from "./journal-folder.ts";
import { liveAttributes } from "./keep-attributes.ts";
import { lookFor } from "./live-directory.ts";
import { madeEntries } from "./made-entries.ts";
import { neededDamaged } from "./needed-damaged.ts";
import type { OntoOptions } from "./options.ts";
import type { Prepared } from "./prepare-onto.ts";
import { StageLog, stageItems } from "./stage-items.ts";
import { syncMade } from "./sync-made.ts";
import {
	homesOf,
	type OpenJournal,
	removeFolders,
	takeSteps,
} from "./take-steps.ts";
import type { Top } from "./tops.ts";
import { leftAsItIs, verifyOnto } from "./verify-onto.ts";

export interface Executed {
	readonly log: StageLog;
	readonly problems: readonly EntryProblem[];
	readonly verified: RestoreReport["verified"];
	readonly journal: string | undefined;
	readonly done: DoneSums;
}

export interface ExecuteParts {
	readonly prepared: Prepared;
	readonly plan: OntoPlan;
	readonly calls: TargetCalls;
	readonly changes: Changes;
	/** From before the plan. */
	readonly earlier: EarlierJournals;
}

/** Carries a plan out: first all that is new is made aside, then the journal is written, then its steps are taken. */
export async function executePlan(
	repository: Repository,
	options: OntoOptions,
	parts: ExecuteParts,
): Promise<Executed> {
	const homes = new Homes(parts.prepared.homes);
	const tasks = tasksOf(parts, homes);
	const log = new StageLog(
		repository.observer,
		(slot) => tasks[slot]?.item.path ?? "",
	);
	const work = { ...parts, tasks, log };
	if (tasks.length === 0) {
		const taken = { problems: [], isDone: () => true, journal: undefined };
		return finish(repository, options, { ...work, taken });
	}
	requireRoom(repository, options, { ...parts, homes, tasks });
	const folders = openFolders(repository, options, { ...parts, homes });
	const open = await stage(repository, options, { ...work, ...folders });
	const { problems, left } = takeSteps(open);
	for (const folder of open.folders) if (options.undo !== false) folder.close();
	const taken = {
		problems: told(problems, open.tops, repository),
		isDone: doneBy(open.journal, left, (spot) => placeIn(open.tops, spot)),
		journal: options.undo === false ? undefined : open.folders[0]?.path,
	};
	return finish(repository, options, { ...work, taken });
}

interface Work extends ExecuteParts {
	readonly tasks: readonly Task[];
	readonly log: StageLog;
}

/** What came of the steps. */
interface Taken {
	readonly problems: readonly EntryProblem[];
	readonly isDone: (task: Task) => boolean;
	readonly journal: string | undefined;
}

/** Counts what was done, and reads it back if that was asked for. */
async function finish(
	repository: Repository,
	options: OntoOptions,
	work: Work & { readonly taken: Taken },
): Promise<Executed> {
	const { prepared, plan, tasks, log, taken } = work;
	const { objects } = repository;
	const { problems, isDone, journal } = taken;
	const { selection } = prepared;
	const done = sumDone(plan, tasks, { log, isDone, objects, selection });
	const verified = await verify(repository, options, work);
	return {
		...{ log, done, journal },
		problems: [...log.problems, ...problems, ...(verified?.problems ?? [])],
		verified: verified && { files: verified.files, bytes: verified.bytes },
	};
}

/** What is to be done, each with a slot of its own. */
function tasksOf(
	{ plan, prepared: { links, judge } }: ExecuteParts,
	homes: Homes,
): readonly Task[] {
	const tasks: Task[] = [];
	for (const item of plan.items) {
		const { wanted } = item;
		const isLinked =
			wanted !== undefined && links.has(wanted.root, judge.inRoot(wanted));
		const method = methodOf(item, isLinked);
		if (method === "none") continue;
		const slot = { home: homes.of(item), number: tasks.length };
		// Names of one file are made as one.
		const own = isLinked ? { ...item, parts: undefined } : item;
		tasks.push({ item: own, method, slot, patch: undefined });
	}
	return tasks;
}

/** What is new lies beside what is there until the end. TargetError "NO_SPACE". */
function requireRoom(
	{ objects }: Repository,
	{ snapshot }: OntoOptions,
	{
		prepared: { selection },
		homes,
		tasks,
	}: ExecuteParts & {
		readonly homes: Homes;
		readonly tasks: readonly Task[];
	},
): void {
	for (const [index, { top, suffix }] of homes.all.entries()) {
		const own = tasks.filter(
			({ slot, method }) => slot.home === index && isMade(method),
		);
		requireSpace(
			top.display(suffix),
			snapshot.record.statistics,
			(blockBytes) => {
				const isLinked = () => false;
				return needOf(entriesOf(own), { objects, blockBytes, isLinked });
			},
		);
	}
	function* entriesOf(own: readonly Task[]) {
		for (const { item } of own)
			yield* madeEntries(item, { objects, selection });
	}
}

interface Folders {
	readonly header: JournalHeader;
	readonly folders: readonly JournalFolder[];
}

function openFolders(
	repository: Repository,
	options: OntoOptions,
	parts: ExecuteParts & { readonly homes: Homes },
): Folders {
	const { prepared, calls, changes, homes, earlier } = parts;
	const { tops } = prepared;
	const id = randomBytes(8).toString("hex");
	const paths = restoredPaths(homes.all);
	const header: JournalHeader = {
		format: 1,
		id,
		created: new Date(repository.clock.now()).toISOString(),
		repository: repository.config.id,
		snapshot: options.snapshot.id,
		holder: holderOf(repository.identity),
		request: requestOf(options),
		tops: tops.map(({ path }) => path),
		homes: homes.all.map((home) => {
			const stat = lookFor(home.top, home.suffix)?.stat as BigIntStats;
			const attributes = liveAttributes(stat, undefined);
			return { ...placeIn(tops, home), of: home.of, attributes };
		}),
		retires: earlier.idsWith(paths),
	};
	const [named] = paths;
	if (named !== undefined) options.onHome?.(named);
	const folders: JournalFolder[] = [];
	for (const home of homes.all) {
		const folder = createFolder(id, home, { changes, calls });
		const [first] = folders;
		if (first === undefined) folder.begin(header);
		else folder.belongTo(first, home.of);
		folders.push(folder);
	}
	return { header, folders };
}

/** TargetError "TARGET_FAILED". */
function createFolder(
	id: string,
	home: HomeSpot,
	{ changes, calls }: Pick<ExecuteParts, "changes" | "calls">,
): JournalFolder {
	const create = () => JournalFolder.create(id, home, changes);
	try {
		// What is restored has its time put back by a step: others may be at work in a directory that only holds it.
		return home.of === undefined ? create() : keepingTime(home, calls, create);
	} catch (cause) {
		const reason = codeOf(cause);
		if (reason === undefined) throw cause;
		const path = home.top.display(home.suffix);
		throw new TargetError(
			"TARGET_FAILED",
			`cannot restore into ${path}: a folder for the journal cannot be made there (${reason})`,
			{ target: path },
			{ cause },
		);
	}
}

function requestOf(options: OntoOptions): JournalHeader["request"] {
	return {
		target: options.target,
		subpath: options.subpath,
		include: options.include ?? [],
		exclude: options.exclude ?? [],
		overwrite: options.overwrite ?? "always",
		onConflict: options.onConflict,
		delete: options.delete ?? false,
		verify: options.verify ?? false,
		undo: options.undo ?? true,
		numericIds: options.numericIds ?? false,
	};
}

/** Makes what is new, durably, and writes the journal. If that fails, nothing was touched, and nothing is left. */
async function stage(
	repository: Repository,
	options: OntoOptions,
	parts: Work & Folders,
): Promise<OpenJournal> {
	const { prepared, changes, calls, tasks, log, header, folders } = parts;
	const { tops, rules, selection, xattrsOf } = prepared;
	const empty = { header, steps: [] };
	const open = { journal: empty, tops, folders, changes, calls };
	try {
		parts.earlier.requireAlone(header.id, restoredPaths(homesOf(open)));
		const { snapshot, signal, minPatched } = options;
		const given = {
			repository,
			snapshot,
			selection,
			rules,
			calls,
			changes,
			log,
			signal,
			minPatched,
		};
		const staged: Task[] = [];
		for (const [home, folder] of folders.entries()) {
			const own = tasks.filter(({ slot }) => slot.home === home);
			staged.push(...(await stageItems(own, folder, given)));
		}
		const damaged = log.problems.find(({ kind }) => kind === "damaged");
		if (options.verify === true && damaged !== undefined)
			throw neededDamaged(damaged.path, damaged.message);
		for (const folder of folders) syncMade(folder.slots.self, changes);
		const steps = buildSteps(
			staged.sort((a, b) => a.slot.number - b.slot.number),
			{
				owners: new Owners(rules),
				placeOf: (spot) => placeIn(tops, spot),
				inSlot: (slot) => statOf(folders, slot),
				xattrsOf: ({ top, suffix }) => xattrsOf?.(top.tree.pathText(suffix)),
				look: ({ top, suffix }) => lookFor(top, suffix),
				homes: header.homes
					.filter(({ of }) => of === undefined)
					.map(({ top, suffix, attributes }) => ({
						top: tops[top] as Top,
						suffix,
						attributes,
					})),
			},
		);
		signal?.throwIfAborted();
		const journal: Journal = { header, steps };
		folders[0]?.write(journal);
		return { ...open, journal };
	} catch (error) {
		attemptRemoval(() => removeFolders(open, "before"));
		throw error;
	}
}

/** A folder that stays is found by the next restore. */
function attemptRemoval(remove: () => void): void {
	try {
		remove();
	} catch (error) {
		if (!(error instanceof TargetError)) throw error;
	}
}

function statOf(
	folders: readonly JournalFolder[],
	{ home, number }: Slot,
): BigIntStats | undefined {
	const { self } = (folders[home] as JournalFolder).slots;
	return lstatSync(systemPath(`${self}/${number}`), {
		bigint: true,
		throwIfNoEntry: false,
	});
}

function placeIn(tops: readonly Top[], { top, suffix }: Spot): Place {
	return { top: tops.indexOf(top), suffix };
}

/** What went wrong with steps, in the words of a report. */
export function told(
	problems: readonly StepProblem[],
	tops: readonly Top[],
	{ observer }: { readonly observer: Pick<Observer, "on"> },
): readonly EntryProblem[] {
	return problems.map(({ place, kind, reason, message }) => {
		const path = tops[place.top]?.display(place.suffix) ?? place.suffix;
		observer.on({
			type: "entry-error",
			verb: "restore",
			path,
			reason,
			message,
		});
		return { path, kind, reason, message };
	});
}

async function verify(
	repository: Repository,
	{ verify, signal }: OntoOptions,
	{ prepared, plan, tasks, log, taken }: Work & { readonly taken: Taken },
) {
	if (verify !== true) return undefined;
	const { placed, selection } = prepared;
	const left = leftAsItIs(plan, tasks, log);
	for (const { path, kind } of taken.problems)
		if (kind === "unwritten") left.trees.add(path);
	return verifyOnto(repository, { placed, selection, left, signal });
}

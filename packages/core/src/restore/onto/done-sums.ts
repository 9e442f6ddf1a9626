import { contentLength, NodeKind } from "@varve/format";
import type { Entry } from "../walk.ts";
import { isMade, keyOf, methodOf, type Task } from "./build-steps.ts";
import type { OntoPlan } from "./collect-plan.ts";
import type { Spot } from "./items.ts";
import type { Journal, Place, Step } from "./journal.ts";
import { type MadeOptions, madeEntries } from "./made-entries.ts";
import { emptySums, type PlanSums } from "./onto-report.ts";
import { partSuffix, type StageLog } from "./stage-items.ts";

/** What of a plan was done, and how many entries it was not done for. */
export interface DoneSums {
	readonly sums: PlanSums;
	readonly failed: number;
}

export interface DoneOptions extends MadeOptions {
	/** Its counts are put right: what lies in a slot and has not come to its place is not restored. */
	readonly log: StageLog;
	readonly isDone: (task: Task) => boolean;
}

/** Counts what was done, when all steps were taken. */
export function sumDone(
	{ items, obstacles, unchanged }: OntoPlan,
	tasks: readonly Task[],
	options: DoneOptions,
): DoneSums {
	const { log, isDone } = options;
	const sums = emptySums();
	sums.unchanged = unchanged;
	for (const item of items)
		if (methodOf(item, false) === "none") sums[item.action]++;
	let failed = obstacles.length;
	let tops = 0;
	const done = new Set<number>();
	for (const task of tasks) {
		const { item, method, slot } = task;
		const { action } = item;
		const count = action === "delete" ? item.removes : 1;
		if (!isDone(task)) {
			failed += count + (isMade(method) ? retract(task, options) : 0);
			continue;
		}
		sums[action] += count;
		done.add(slot.number);
		if (isMade(method) && isEntry(task)) tops++;
	}
	const { directories, files, symlinks, hardLinks, others } = log;
	const made = directories + files + symlinks + hardLinks + others;
	sums.create += Math.max(0, made - tops);
	for (const suffix of log.absent)
		if (done.has(partSuffix(suffix).slot)) failed++;
	return { sums, failed };
}

/** False for a directory that is only made because what is wanted lies in it. */
function isEntry({ item: { pieces } }: Task): boolean {
	return pieces?.every(({ rest }) => rest !== "") !== true;
}

/** Takes what was made in a slot out of the counts; returns how many entries below its top there should have been. */
function retract({ item, slot }: Task, { log, ...options }: DoneOptions) {
	let below = 0;
	for (const entry of madeEntries(item, options)) {
		const suffix = `/${slot.number}${entry.suffix}`;
		if (entry.suffix !== "") below++;
		if (!log.absent.has(suffix)) uncount(entry, suffix, log);
	}
	return below;
}

function uncount(entry: Entry, suffix: string, log: StageLog): void {
	if (entry.type === "damaged") return;
	if (entry.type === "directory") log.directories--;
	else if (log.linked.has(suffix)) log.hardLinks--;
	else if (entry.node.kind === NodeKind.symlink) log.symlinks--;
	else if (entry.node.kind !== NodeKind.file) log.others--;
	else {
		log.files--;
		log.bytes -= log.partly.get(suffix) ?? contentLength(entry.node.content);
	}
}

/** Tells what was done by the steps that were taken. */
export function doneBy(
	{ steps }: Pick<Journal, "steps">,
	left: readonly Step[],
	placeOf: (spot: Spot) => Place,
): (task: Task) => boolean {
	const undone = new Set(left);
	const slots = new Set<number>();
	const places = new Set<string>();
	for (const step of steps) {
		if (undone.has(step)) continue;
		if (step.do === "attributes") places.add(keyOf(step.place));
		else slots.add(step.slot.number);
	}
	return ({ item, method, slot }) =>
		method === "attributes"
			? places.has(keyOf(placeOf(item)))
			: slots.has(slot.number);
}

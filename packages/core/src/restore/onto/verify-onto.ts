import { NodeKind } from "@varve/format";
import { Progress } from "../../progress.ts";
import type { Repository } from "../../repository.ts";
import { readBack } from "../read-back.ts";
import { type EntryProblem, RestoreLog } from "../report.ts";
import type { Selection } from "../selection.ts";
import { type Entry, walkLocation } from "../walk.ts";
import type { Task } from "./build-steps.ts";
import type { OntoPlan } from "./collect-plan.ts";
import { partSuffix, type StageLog } from "./stage-items.ts";
import type { Placed, Top } from "./tops.ts";

export interface VerifyOntoOptions {
	readonly placed: readonly Placed[];
	readonly selection: Selection;
	readonly left: Left;
	readonly signal: AbortSignal | undefined;
}

export interface VerifiedOnto {
	readonly files: number;
	readonly bytes: number;
	readonly problems: readonly EntryProblem[];
}

const cacheBytes = 1024 * 1024;

/** What is known not to be as in the snapshot: nobody need read it. Paths as users see them. */
export interface Left {
	readonly entries: Set<string>;
	/** With all that is below them. */
	readonly trees: Set<string>;
}

export function leftAsItIs(
	{ items, obstacles }: OntoPlan,
	tasks: readonly Task[],
	{ absent }: Pick<StageLog, "absent">,
): Left {
	const entries = new Set<string>();
	const trees = new Set<string>();
	for (const suffix of absent) {
		const { slot, rest } = partSuffix(suffix);
		const item = tasks[slot]?.item;
		if (item !== undefined) entries.add(item.top.display(item.suffix + rest));
	}
	for (const { spot } of obstacles)
		if (spot !== undefined) trees.add(spot.top.display(spot.suffix));
	for (const { action, top, suffix, wanted, live } of items) {
		const isWalked =
			wanted?.node.kind === NodeKind.directory &&
			live?.stat.isDirectory() === true;
		if (["keep", "keep-both", "conflict"].includes(action) && !isWalked)
			trees.add(top.display(suffix));
	}
	return { entries, trees };
}

/** Reads every file that was to be restored, also those that were left unread because they were not touched, and compares it. */
export async function verifyOnto(
	repository: Repository,
	options: VerifyOntoOptions,
): Promise<VerifiedOnto> {
	const sums = { files: 0, bytes: 0 };
	const problems: EntryProblem[] = [];
	const progress = new Progress(repository.observer, "restore");
	progress.begin("verify", { files: undefined, bytes: undefined });
	for (const top of new Set(options.placed.map((placed) => placed.top))) {
		const { signal } = options;
		const { objects, observer, workers } = repository;
		const log = new RestoreLog(top.path, observer);
		const crew = await repository.startCrew({
			...{ workers, job: "restore", setup: { cacheBytes }, signal },
		});
		try {
			const entries = entriesBelow(top, repository, options);
			const given = { objects, target: top.root, crew, log, progress, signal };
			const { files, bytes } = await readBack(entries, given);
			sums.files += files;
			sums.bytes += bytes;
		} finally {
			await crew.close();
		}
		problems.push(...log.problems);
	}
	return { ...sums, problems };
}

function* entriesBelow(
	top: Top,
	{ objects }: Repository,
	{ placed, selection, left }: VerifyOntoOptions,
): Generator<Entry> {
	for (const { located, suffix, top: own } of placed) {
		if (own !== top) continue;
		const prefix = located.path;
		const location = { prefix, found: [located] };
		let skipped: string | undefined;
		for (const entry of walkLocation({ objects, location, selection })) {
			const at = suffix + entry.suffix;
			if (skipped !== undefined && at.startsWith(skipped)) continue;
			const path = top.display(at);
			if (left.entries.has(path)) continue;
			if (left.trees.has(path)) {
				skipped = `${at}/`;
				continue;
			}
			yield { ...entry, suffix: at };
		}
	}
}

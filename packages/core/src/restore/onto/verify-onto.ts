import { Progress } from "../../progress.ts";
import type { Repository } from "../../repository.ts";
import { readBack } from "../read-back.ts";
import { type EntryProblem, RestoreLog } from "../report.ts";
import type { Selection } from "../selection.ts";
import { type Entry, walkLocation } from "../walk.ts";
import type { Placed, Top } from "./tops.ts";

export interface VerifyOntoOptions {
	readonly placed: readonly Placed[];
	readonly selection: Selection;
	/** Where what was left as it is lies, as users see it. */
	readonly left: ReadonlySet<string>;
	readonly signal: AbortSignal | undefined;
}

export interface VerifiedOnto {
	readonly files: number;
	readonly bytes: number;
	readonly problems: readonly EntryProblem[];
}

const cacheBytes = 1024 * 1024;

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
		for (const entry of walkLocation({ objects, location, selection })) {
			const at = suffix + entry.suffix;
			if (left.has(top.display(at))) continue;
			yield { ...entry, suffix: at };
		}
	}
}

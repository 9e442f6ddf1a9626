import { statSync } from "node:fs";
import { ConflictError, NotFoundError } from "@varve/format";
import type { Observer } from "../../events.ts";
import { identify } from "../../identity.ts";
import { loadEntryMoves } from "../../native/move-entry.ts";
import { systemPath } from "../../system.ts";
import type { EntryProblem } from "../report.ts";
import { loadTargetCalls, type TargetCalls } from "../target-calls.ts";
import { Changes } from "./changes.ts";
import { told } from "./execute-plan.ts";
import type { Journal, JournalHeader } from "./journal.ts";
import {
	type FoundJournal,
	findJournals,
	JournalFolder,
} from "./journal-folder.ts";
import {
	homesOf,
	type OpenJournal,
	removeFolders,
	takeBack,
	takeSteps,
} from "./take-steps.ts";
import { Top } from "./tops.ts";
import { requireEnded } from "./unfinished.ts";

/** What became of a restore that was finished or taken back. */
export interface FinishReport {
	/** "resumed": all steps are taken. "aborted", "undone": what was there is there again. "forgotten": it cannot be taken back any more. */
	readonly outcome: "resumed" | "aborted" | "undone" | "forgotten";
	/** The directory restored into. */
	readonly path: string;
	readonly snapshot: string;
	/** Of the journal. */
	readonly steps: number;
	readonly problems: readonly EntryProblem[];
	/** Where the journal still is. */
	readonly journal: string | undefined;
}

export interface FinishOptions {
	/** The directory that holds the folder of the journal, absolute. */
	readonly path: string;
	/** For tests: the system's own if not given. */
	readonly changes?: Changes | undefined;
}

interface Here {
	readonly observer: Pick<Observer, "on">;
}

/** Nothing was touched by it yet: it is to be begun anew, as it was asked for. */
export interface BeginAnew {
	readonly outcome: "begin-anew";
	readonly snapshot: string;
	readonly request: JournalHeader["request"];
}

/**
 * Finishes a restore that was killed. One that was killed before it touched anything leaves nothing behind, and is to be begun anew by the
 * caller. NotFoundError "NO_JOURNAL", ConflictError "RESTORE_RUNNING".
 */
export function resumeRestore(
	here: Here,
	options: FinishOptions,
): FinishReport | BeginAnew {
	return withJournal(options, ["ready", "begun"], (open, state) => {
		const { header } = open.journal;
		if (state === "begun") {
			removeFolders(open, "before");
			const { snapshot, request } = header;
			return { outcome: "begin-anew", snapshot, request };
		}
		const problems = told(takeSteps(open), open.tops, here);
		const journal = header.request.undo ? open.folders[0]?.path : undefined;
		return reportOf("resumed", open, { problems, journal });
	});
}

/** Puts back what was there before a restore that was killed. Errors as above. */
export function abortRestore(here: Here, options: FinishOptions): FinishReport {
	return withJournal(options, ["ready", "begun"], (open, state) => {
		if (state === "begun") removeFolders(open, "before");
		return revert("aborted", open, { here, isTouched: state === "ready" });
	});
}

/** Takes back the last restore that was finished there. Errors as above. */
export function undoRestore(here: Here, options: FinishOptions): FinishReport {
	return withJournal(options, ["done"], (open) => {
		open.folders[0]?.become("done", "ready");
		return revert("undone", open, { here, isTouched: true });
	});
}

/** Gives up what is kept to take back a restore, finished or not. Errors as above. */
export function forgetRestore(options: FinishOptions): FinishReport {
	return withJournal(options, ["done", "ready"], (open) => {
		removeFolders(open, "keep");
		return reportOf("forgotten", open, { problems: [], journal: undefined });
	});
}

function revert(
	outcome: FinishReport["outcome"],
	open: OpenJournal,
	{ here, isTouched }: { readonly here: Here; readonly isTouched: boolean },
): FinishReport {
	const problems = isTouched ? told(takeBack(open), open.tops, here) : [];
	const isLeft = problems.some(({ kind }) => kind === "unwritten");
	const journal = isLeft ? open.folders[0]?.path : undefined;
	return reportOf(outcome, open, { problems, journal });
}

function reportOf(
	outcome: FinishReport["outcome"],
	open: OpenJournal,
	rest: Pick<FinishReport, "problems" | "journal">,
): FinishReport {
	const { header, steps } = open.journal;
	const [home] = homesOf(open);
	return {
		outcome,
		path: home === undefined ? "/" : home.top.display(home.suffix),
		snapshot: header.snapshot,
		steps: steps.length,
		...rest,
	};
}

function withJournal<T>(
	{ path, changes = new Changes(loadEntryMoves()) }: FinishOptions,
	states: readonly FoundJournal["state"][],
	work: (open: OpenJournal, state: FoundJournal["state"]) => T,
): T {
	const directory = path === "/" ? "" : path;
	const all = findJournals(directory);
	const found = states
		.flatMap((state) => all.filter((j) => j.state === state && !j.isPart))
		.at(0);
	if (found === undefined) throw noJournal(path, states);
	if (!found.isOwn)
		throw new ConflictError(
			"FOREIGN_JOURNAL",
			`the journal in ${path} is another user's, or others can write to it: only who has begun a restore can finish it or take it back`,
			{ path },
		);
	const calls = loadTargetCalls();
	const header = headerOf(directory, found, { changes, calls });
	requireEnded(header.holder, identify(""), path);
	const tops = header.tops.map((top) => new Top(top, calls.openAt));
	try {
		requireAtHome(header, tops, directory);
		const folders = foldersOf(header, tops, changes);
		const [first] = folders;
		const { state } = found;
		const journal: Journal =
			first !== undefined && (state === "ready" || state === "done")
				? first.read(state)
				: { header, steps: [] };
		return work({ journal, tops, folders, changes, calls }, state);
	} finally {
		for (const top of tops) top.close();
	}
}

function headerOf(
	directory: string,
	{ id }: FoundJournal,
	{
		changes,
		calls,
	}: { readonly changes: Changes; readonly calls: TargetCalls },
): JournalHeader {
	const top = new Top(directory, calls.openAt);
	try {
		const folder = JournalFolder.open(id, { top, suffix: "" }, changes);
		return folder.readHeader();
	} finally {
		top.close();
	}
}

/** Killed while they were made or removed, folders may be missing in the last homes. */
function foldersOf(
	{ id, homes }: JournalHeader,
	tops: readonly Top[],
	changes: Changes,
): readonly JournalFolder[] {
	const folders: JournalFolder[] = [];
	for (const { top, suffix } of homes) {
		const home = { top: tops[top] as Top, suffix };
		const isThere = findJournals(home.top.path + suffix).some(
			(found) => found.id === id,
		);
		if (!isThere) break;
		folders.push(JournalFolder.open(id, home, changes));
	}
	return folders;
}

/** Whoever has moved the folder, or a directory above it, has moved it away from what it speaks of. */
function requireAtHome(
	{ homes }: JournalHeader,
	tops: readonly Top[],
	path: string,
): void {
	const [home] = homes;
	const top = home && tops[home.top];
	const self = top?.tree.directory(home?.suffix ?? "").self;
	const own = self && statSync(systemPath(self), { bigint: true });
	const here = statSync(systemPath(path || "/"), { bigint: true });
	if (own && own.ino === here.ino && own.dev === here.dev) return;
	throw new ConflictError(
		"JOURNAL_MOVED",
		`the journal in ${path || "/"} was moved there: it speaks of another directory`,
		{ path },
	);
}

function noJournal(path: string, states: readonly string[]): NotFoundError {
	const what = states.includes("begun")
		? `there is no unfinished restore in ${path}`
		: `there is no restore in ${path} that could be taken back`;
	return new NotFoundError("NO_JOURNAL", what, { path });
}

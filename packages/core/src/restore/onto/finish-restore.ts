import { statSync } from "node:fs";
import { ConflictError, NotFoundError, TargetError } from "@varve/format";
import type { Observer } from "../../events.ts";
import { identify } from "../../identity.ts";
import { loadEntryMoves } from "../../native/move-entry.ts";
import { codeOf, isGone, systemPath } from "../../system.ts";
import type { EntryProblem } from "../report.ts";
import { loadTargetCalls, type TargetCalls } from "../target-calls.ts";
import { Changes } from "./changes.ts";
import { claimJournal, endedMeanwhile, isUnfinished } from "./claim.ts";
import { told } from "./execute-plan.ts";
import {
	type FoundJournal,
	findJournals,
	journalsOf,
	stateOf,
	wholeOf,
} from "./found-journals.ts";
import { restoredPaths } from "./homes.ts";
import type { JournalHeader } from "./journal.ts";
import { JournalFolder } from "./journal-folder.ts";
import {
	homesOf,
	type OpenJournal,
	removeFolders,
	takeBack,
	takeSteps,
} from "./take-steps.ts";
import { Top } from "./tops.ts";
import { touchedSteps } from "./touched-since.ts";
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
	/** What was restored into, absolute. */
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
		const problems = told(
			takeSteps(open, touchedSteps(open)).problems,
			open.tops,
			here,
		);
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

/** Takes back the last restore that was finished there. Errors as above, and ConflictError "RESTORE_UNFINISHED" if it is half taken back. */
export function undoRestore(here: Here, options: FinishOptions): FinishReport {
	return withJournal(options, ["done"], (open) => {
		const [first] = open.folders;
		first?.become("done", "ready");
		// Only now does a restore that begins see this one: each looks for the other after it has said that it is at work.
		const other = journalsOf(options.path).find(
			(found) => found.id !== first?.id && isUnfinished(found),
		);
		if (other !== undefined) {
			first?.become("ready", "done");
			throw halfDone(options.path);
		}
		return revert("undone", open, { here, isTouched: true });
	});
}

/** Gives up what is kept to take back a restore, finished or not. Errors as above. */
export function forgetRestore(options: FinishOptions): FinishReport {
	const only = { ...options, homesOnly: true };
	return withJournal(only, ["done", "ready"], (open) => {
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
	const [path = "/"] = restoredPaths(homesOf(open));
	return {
		outcome,
		path,
		snapshot: header.snapshot,
		steps: steps.length,
		...rest,
	};
}

interface JournalOptions extends FinishOptions {
	/** What was restored is not looked at, and may be gone. */
	readonly homesOnly?: boolean;
}

function withJournal<T>(
	{
		path,
		homesOnly = false,
		changes = new Changes(loadEntryMoves()),
	}: JournalOptions,
	states: readonly FoundJournal["state"][],
	work: (open: OpenJournal, state: FoundJournal["state"]) => T,
): T {
	const all = journalsOf(path).flatMap(wholeOf);
	const found = states
		.flatMap((state) => all.filter((found) => found.state === state))
		.at(0);
	if (found === undefined)
		throw all.some(({ state }) => state === "ready")
			? halfDone(path)
			: noJournal(path, states);
	if (!found.isOwn)
		throw new ConflictError(
			"FOREIGN_JOURNAL",
			`the journal in ${path} is another user's, or others can write to it: only who has begun a restore can finish it or take it back`,
			{ path },
		);
	const calls = loadTargetCalls();
	const whole = unlessGone(path, () => headerOf(found, { changes, calls }));
	const header = homesOnly ? ofHomes(whole) : whole;
	const here = identify("");
	requireEnded(header.holder, here, path);
	const tops: Top[] = [];
	try {
		for (const top of header.tops) tops.push(openTop(top, calls));
		requireAtHome(header, tops, found.home);
		const folders = foldersOf(header, tops, changes);
		const [first] = folders;
		if (first === undefined) throw endedMeanwhile(path);
		const { state } = found;
		const release = claimJournal(first, here, path);
		try {
			if (stateOf(first.names) !== state) throw endedMeanwhile(path);
			const isWhole = state === "ready" || state === "done";
			const { steps } = isWhole ? first.read(state) : { steps: [] };
			const journal = { header, steps };
			return work({ journal, tops, folders, changes, calls }, state);
		} finally {
			release();
		}
	} finally {
		for (const top of tops) top.close();
	}
}

/** Another one may have ended what was found, and removed its folder. ConflictError "LOCKED". */
function unlessGone<T>(path: string, read: () => T): T {
	try {
		return read();
	} catch (error) {
		if (isGone(codeOf(error) ?? "")) throw endedMeanwhile(path);
		throw error;
	}
}

/** TargetError "TARGET_FAILED" if it is gone. */
function openTop(path: string, { openAt }: TargetCalls): Top {
	try {
		return new Top(path, openAt);
	} catch (cause) {
		const reason = codeOf(cause);
		if (reason === undefined || !isGone(reason)) throw cause;
		throw new TargetError(
			"TARGET_FAILED",
			`${path} was restored into, and is not there any more: varve undo --forget gives up what is kept of it`,
			{ target: path },
			{ cause },
		);
	}
}

/** The same without directories that hold no folder. */
function ofHomes(header: JournalHeader): JournalHeader {
	const tops = header.homes.map(({ top }) => header.tops[top] as string);
	const homes = header.homes.map((home, top) => ({ ...home, top }));
	return { ...header, tops, homes };
}

function headerOf(
	{ id, home }: FoundJournal,
	{
		changes,
		calls,
	}: { readonly changes: Changes; readonly calls: TargetCalls },
): JournalHeader {
	const top = new Top(home, calls.openAt);
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

/** Only a finished restore was asked for. */
function halfDone(path: string): ConflictError {
	return new ConflictError(
		"RESTORE_UNFINISHED",
		`the last restore into ${path} is half taken back, or was not finished: varve restore --abort -t ${path} goes on putting back what was there`,
		{ path },
	);
}

function noJournal(path: string, states: readonly string[]): NotFoundError {
	const what = states.includes("begun")
		? `there is no unfinished restore in ${path}`
		: `there is no restore in ${path} that could be taken back`;
	return new NotFoundError("NO_JOURNAL", what, { path });
}

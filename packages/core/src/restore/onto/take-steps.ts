import { constants, fstatSync } from "node:fs";
import { TargetError } from "@varve/format";
import { codeOf } from "../../system.ts";
import type { TargetCalls } from "../target-calls.ts";
import { sayingOf } from "../target-tree.ts";
import type { Changes } from "./changes.ts";
import { Executor, type StepProblem } from "./execute.ts";
import { keepingTime, setHomeTime } from "./home-time.ts";
import { type HomeSpot, restoredPaths } from "./homes.ts";
import type { Journal, Place, Step } from "./journal.ts";
import type { JournalFolder } from "./journal-folder.ts";
import type { Top } from "./tops.ts";
import { noteEnds, touchedSteps } from "./touched-since.ts";
import { retireJournals } from "./unfinished.ts";

/** A journal that is open. */
export interface OpenJournal {
	readonly journal: Journal;
	readonly tops: readonly Top[];
	/** In each home; the first holds the journal. */
	readonly folders: readonly JournalFolder[];
	readonly changes: Changes;
	readonly calls: TargetCalls;
}

/** Beyond this many places it is quicker to sync all of a file system. */
const worthWholeSync = 256;
const syncFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);

/** What became of steps. */
export interface Taken {
	readonly problems: readonly StepProblem[];
	/** Those that are not done, or not wholly. */
	readonly left: readonly Step[];
}

/**
 * Takes all steps and says so durably. What could not be done is returned; the rest is done. `touched`: entries of a restore that was killed
 * which somebody has worked on before it goes on.
 */
export function takeSteps(
	open: OpenJournal,
	touched: ReadonlySet<Step> = new Set(),
): Taken {
	const { journal, folders, changes, calls } = open;
	const problems: StepProblem[] = [];
	const left: Step[] = [];
	const executor = executorOf(open, problems);
	const homes = homesOf(open);
	const isAttributes = (step: Step) => step.do === "attributes";
	const take = (step: Step) => {
		if (!executor.apply(step)) left.push(step);
	};
	for (const step of journal.steps) if (!isAttributes(step)) take(step);
	const current = {
		id: journal.header.id,
		since: (folders[0] as JournalFolder).since("ready"),
		retires: journal.header.retires,
	};
	retireJournals(restoredPaths(homes), current, { changes, calls });
	for (const step of journal.steps) if (isAttributes(step)) take(step);
	syncPlaces(open);
	const [first] = folders;
	if (first === undefined) throw new Error("a journal has a home");
	if (journal.header.request.undo) noteEnds(open, touched);
	first.become("ready", "done");
	if (!journal.header.request.undo) {
		homes.forEach((home, i) => {
			keepingTime(home, calls, () => {
				if (i === 0) first.become("done", "over");
			});
		});
		removeFolders(open, "keep");
	}
	return { problems, left };
}

/** Puts back what was there, and removes the journal if that is all. Else the journal stays, with what could not be put back in it. */
export function takeBack(open: OpenJournal): readonly StepProblem[] {
	const { journal, folders } = open;
	const problems: StepProblem[] = [];
	const executor = executorOf(open, problems);
	const isAttributes = (step: Step) => step.do === "attributes";
	const touched = touchedSteps(open);
	const takeOneBack = (step: Step) => {
		if (touched.has(step)) executor.leave(step);
		else executor.revert(step);
	};
	for (const step of journal.steps.toReversed())
		if (!isAttributes(step)) takeOneBack(step);
	// Now that nothing moves any more: the directories in the order in which they are in the journal, the lowest first.
	for (const step of journal.steps) if (isAttributes(step)) takeOneBack(step);
	syncPlaces(open);
	if (problems.some(({ kind }) => kind === "unwritten")) return problems;
	folders[0]?.become("ready", "over");
	removeFolders(open, "before");
	return problems;
}

/**
 * The first one last, since it says what the others are. Homes get back the time they have now, or had before; those that are not
 * restored keep what they have. TargetError "TARGET_FAILED" if something in one cannot be removed.
 */
export function removeFolders(
	open: Pick<OpenJournal, "journal" | "tops" | "folders" | "calls">,
	time: "keep" | "before",
): void {
	const { folders, calls, journal } = open;
	const homes = homesOf(open);
	for (let i = folders.length - 1; i >= 0; i--) {
		const home = homes[i] as HomeSpot;
		const { attributes } = journal.header.homes[
			i
		] as Journal["header"]["homes"][number];
		if (time === "keep" || home.of !== undefined)
			keepingTime(home, calls, () => removeFolder(folders[i]));
		else {
			removeFolder(folders[i]);
			setHomeTime(home, attributes, calls);
		}
	}
}

function removeFolder(folder: JournalFolder | undefined): void {
	try {
		folder?.remove();
	} catch (cause) {
		if (codeOf(cause) === undefined) throw cause;
		const path = (folder as JournalFolder).path;
		throw new TargetError(
			"TARGET_FAILED",
			`cannot remove ${path} with all in it: ${sayingOf(cause as Error)}`,
			{ target: path },
			{ cause },
		);
	}
}

export function homesOf({
	journal,
	tops,
}: Pick<OpenJournal, "journal" | "tops">): readonly HomeSpot[] {
	return journal.header.homes.map(({ top, suffix, of }) => ({
		top: tops[top] as Top,
		suffix,
		of,
	}));
}

function executorOf(
	{ tops, folders, changes, calls }: OpenJournal,
	problems: StepProblem[],
): Executor {
	return new Executor({
		tops,
		slots: folders.map((folder) => folder.slots.self),
		changes,
		calls,
		since: (folders[0] as JournalFolder).since("ready"),
		problem: (problem) => problems.push(problem),
	});
}

/** What was moved is durable when the directories are, and attributes when their entries are. */
function syncPlaces({ journal, tops, changes, folders }: OpenJournal): void {
	const places = new Map<string, Place>();
	for (const step of journal.steps) {
		const { top, suffix } = step.place;
		const place =
			step.do === "attributes" || step.do === "patch"
				? step.place
				: { top, suffix: suffix.slice(0, suffix.lastIndexOf("/")) };
		places.set(`${place.top}:${place.suffix}`, place);
	}
	if (places.size > worthWholeSync)
		if (folders.every((folder) => changes.syncFileSystem(folder.slots.self)))
			return;
	for (const folder of folders) changes.syncDirectory(folder.slots.self);
	for (const place of places.values()) syncPlace(tops, place, changes);
}

/** What cannot be opened was told before. */
function syncPlace(
	tops: readonly Top[],
	{ top, suffix }: Place,
	changes: Changes,
): void {
	const { tree } = tops[top] as Top;
	try {
		if (suffix === "") {
			changes.syncDirectory(tree.directory("").self);
			return;
		}
		const fd = tree.open(suffix, syncFlags);
		try {
			const stat = fstatSync(fd);
			if (stat.isFile() || stat.isDirectory()) changes.syncFile(fd);
		} finally {
			tree.shut(fd);
		}
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
	}
}

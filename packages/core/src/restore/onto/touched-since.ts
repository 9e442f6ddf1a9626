import type { BigIntStats } from "node:fs";
import { codeOf } from "../../system.ts";
import type { Place, Slot, Step, Was } from "./journal.ts";
import type { JournalFolder } from "./journal-folder.ts";
import { isFile, placeStat, statOf } from "./step-facts.ts";
import type { OpenJournal } from "./take-steps.ts";
import type { Top } from "./tops.ts";
import { isUntouchedBelow } from "./untouched.ts";
import { patchNames } from "./write-parts.ts";

/**
 * A note of the journal: for each step the ctime (ns since 1970) of its entry when all steps were taken, on a line of its own. Nothing if there is
 * none of the restore's own. Whoever changes a file can set its mtime back, but not its ctime; every move by the restore itself changes it too.
 */
const endsName = "ends";
/** In place of a ctime: somebody had changed it before the restore came to its end. */
const touchedMark = "-";
/** A note of the journal: numbers of the steps that are not taken back. It is written before the first is, since that moves ctimes. */
const leftName = "left";
/** Between two times that belong to one call of the file system there may be a tick of its clock, in ns. */
const tick = 100_000_000n;

type Notes = Pick<OpenJournal, "journal" | "tops" | "folders">;

/** To be called when all steps were taken; `touched` as of `touchedSteps` before that. What cannot be noted is no failure: less is noticed then. */
export function noteEnds(
	{ journal: { steps }, tops, folders }: Notes,
	touched: ReadonlySet<Step>,
): void {
	const [first] = folders;
	if (first === undefined) return;
	noteIfPossible(first, endsName, endsOf());
	first.dropNote(leftName);

	function* endsOf() {
		for (const step of steps)
			yield `${touched.has(step) ? touchedMark : (ownStat(step, tops)?.ctimeNs ?? "")}\n`;
	}
}

/**
 * The steps whose entries somebody has worked on since they were taken, as far as times can tell. To be called before anything is
 * taken, or taken back, again.
 */
export function touchedSteps(open: Notes): ReadonlySet<Step> {
	const { folders, journal, tops } = open;
	const { steps } = journal;
	const [first] = folders;
	if (first === undefined) return new Set();
	const ends = linesOf(first, endsName);
	const known = linesOf(first, leftName);
	const left = new Set(known?.map(Number));
	const touches = new Touches(open, known === undefined);
	const touched = new Set<Step>();
	const numbers: number[] = [];
	for (const [number, step] of steps.entries()) {
		const stat = ownStat(step, tops);
		if (stat === undefined) continue;
		const end = ends?.length === steps.length ? ends[number] : undefined;
		if (!left.has(number) && !touches.has(step, stat, end)) continue;
		touched.add(step);
		numbers.push(number);
	}
	if (known === undefined)
		noteIfPossible(
			first,
			leftName,
			numbers.map((number) => `${number}\n`),
		);
	return touched;
}

/** Tells of single steps whether somebody has changed their entry. */
class Touches {
	readonly #tops: readonly Top[];
	readonly #folders: readonly JournalFolder[];
	/** When the last move was, by home. */
	readonly #moved: readonly bigint[];
	/** Nothing was taken back yet: of further names of a file, and of what is changed in place, that would have moved the ctime. */
	readonly #isFirst: boolean;

	constructor({ tops, folders }: Notes, isFirst: boolean) {
		this.#tops = tops;
		this.#folders = folders;
		this.#moved = folders.map(({ slots }) => lastMove(slots.self));
		this.#isFirst = isFirst;
	}

	/** `stat` of its entry, `end` the ctime that it had, if that is known. */
	has(step: Step, stat: BigIntStats, end: string | undefined): boolean {
		if (end === touchedMark) return true;
		switch (step.do) {
			case "put":
			case "swap":
				return this.#isMadeTouched(step, stat, end);
			case "patch":
				return (
					this.#isFirst &&
					this.#isWhole(step.slot) &&
					this.#isLater(step.slot, stat, end)
				);
			case "attributes":
				return (
					this.#isFirst &&
					!step.isDirectory &&
					end !== undefined &&
					String(stat.ctimeNs) !== end
				);
			case "take":
				return false;
		}
	}

	#isMadeTouched(
		{ place, slot, made }: Step & { do: "put" | "swap" },
		stat: BigIntStats,
		end: string | undefined,
	): boolean {
		const isDirectory = stat.isDirectory();
		if (!this.#isFirst && !isDirectory && made.links > 1) return false;
		if (this.#isLater(slot, stat, end)) return true;
		if (!isDirectory || !this.#isFirst) return false;
		return !isUntouchedBelow(this.#tops[place.top] as Top, place.suffix, {
			since: (this.#folders[0] as JournalFolder).since("ready"),
			lastMove: (this.#moved[slot.home] ?? 0n) + tick,
		});
	}

	/** Killed before it had taken all steps, a restore has not noted ctimes. None is later than the last move then. */
	#isLater({ home }: Slot, { ctimeNs }: BigIntStats, end: string | undefined) {
		return end === undefined
			? ctimeNs > (this.#moved[home] ?? ctimeNs) + tick
			: String(ctimeNs) !== end;
	}

	#isWhole({ home, number }: Slot): boolean {
		const slots = this.#folders[home]?.slots.self;
		return statOf(patchNames.whole(`${slots}/${number}`)) !== undefined;
	}
}

/** Every move goes into the directory of slots, or out of it. */
function lastMove(slots: string): bigint {
	return statOf(`${slots}/.`)?.mtimeNs ?? 0n;
}

/** Of what a step has made, or changed; undefined if something else is there. */
function ownStat(step: Step, tops: readonly Top[]): BigIntStats | undefined {
	if (step.do === "take") return undefined;
	const own: Was = "made" in step ? step.made : step.was;
	const stat = statIfThere(tops, step.place);
	return stat !== undefined && isFile(stat, own) ? stat : undefined;
}

function statIfThere(tops: readonly Top[], place: Place) {
	try {
		return placeStat(tops, place);
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

function linesOf(folder: JournalFolder, name: string): string[] | undefined {
	return folder.noted(name)?.split("\n").slice(0, -1);
}

/** On a full disk, say, it must be possible to take a restore back. */
function noteIfPossible(
	folder: JournalFolder,
	name: string,
	lines: Iterable<string>,
): void {
	try {
		folder.note(name, lines);
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		folder.dropNote(name);
	}
}

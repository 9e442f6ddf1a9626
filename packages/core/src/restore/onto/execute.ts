import type { BigIntStats } from "node:fs";
import { codeOf } from "../../system.ts";
import { pathEntry, selfEntry } from "../open-entry.ts";
import type { TargetCalls } from "../target-calls.ts";
import { pathOnly, sayingOf, selfOf } from "../target-tree.ts";
import type { Changes } from "./changes.ts";
import type {
	AttributesStep,
	KeptAttributes,
	PatchStep,
	Place,
	PutStep,
	Slot,
	Step,
	SwapStep,
	TakeStep,
	Was,
} from "./journal.ts";
import { changeAttributes } from "./keep-attributes.ts";
import {
	hasTime,
	holdsWhatItDid,
	isAsItWas,
	isFile,
	placeStat,
	requireFile,
	statOf,
} from "./step-facts.ts";
import type { Top } from "./tops.ts";
import { isUntouchedBelow } from "./untouched.ts";
import { isPatched, patchNames, writeParts } from "./write-parts.ts";

export interface StepProblem {
	readonly place: Place;
	readonly kind: "unwritten" | "unfaithful";
	/** A word of errno, or "CHANGED". */
	readonly reason: string;
	readonly message: string;
}

export interface ExecutorOptions {
	readonly tops: readonly Top[];
	/** Directories of the slots, as path texts that lead to them whatever happens above. */
	readonly slots: readonly string[];
	readonly changes: Changes;
	readonly calls: TargetCalls;
	/** Since when nobody else should have changed what was made: ctime in ns of the file that says so. */
	readonly since: bigint;
	readonly problem: (problem: StepProblem) => void;
}

const changedSince = "it has been changed since, and is left as it is";

/** Takes steps of a journal, and takes them back. Each looks first whether it is done already. */
export class Executor {
	readonly #options: ExecutorOptions;

	constructor(options: ExecutorOptions) {
		this.#options = options;
	}

	/** True if it is done, now or before. */
	apply(step: Step): boolean {
		return this.#attempt(step.place, () => {
			switch (step.do) {
				case "put":
					return this.#put(step);
				case "swap":
					return this.#swap(step);
				case "take":
					return this.#take(step);
				case "patch":
					return this.#patch(step);
				case "attributes":
					return this.#attributes(step, step.before, step.after);
			}
		});
	}

	/** True if what was there is there again. */
	revert(step: Step): boolean {
		return this.#attempt(step.place, () => {
			switch (step.do) {
				case "put":
					return this.#unput(step);
				case "swap":
					return this.#unswap(step);
				case "take":
					return this.#untake(step);
				case "patch":
					return this.#unpatch(step);
				case "attributes":
					return this.#attributes(step, step.after, step.before);
			}
		});
	}

	/** Tells that somebody has worked on it since, and that it is not taken back. */
	leave({ place }: Step): void {
		this.#changed(place);
	}

	#put({ place, slot, made }: PutStep): boolean {
		const live = this.#stat(place);
		if (live !== undefined)
			return (
				this.#isTaken(live, slot, made) ||
				this.#changed(place, "something has come there since")
			);
		this.#move(this.#slot(slot), place);
		return true;
	}

	/** What was made is at its place, and not in its slot any more. */
	#isTaken(live: BigIntStats, slot: Slot, made: Was): boolean {
		const inSlot = this.#slotStat(slot);
		return (
			isFile(live, made) && (inSlot === undefined || !isFile(inSlot, made))
		);
	}

	#unput({ place, slot, made }: PutStep): boolean {
		const live = this.#stat(place);
		if (live === undefined) return true;
		if (!isFile(live, made))
			return this.#slotStat(slot) !== undefined || this.#changed(place);
		if (!this.#isUntouched(place, live, made)) return this.#changed(place);
		this.#moveOut(place, this.#slot(slot));
		return true;
	}

	#swap({ place, slot, made, was }: SwapStep): boolean {
		const live = this.#stat(place);
		if (live !== undefined && this.#isTaken(live, slot, made)) return true;
		const old = `${this.#slot(slot)}.old`;
		if (live === undefined && statOf(old) !== undefined) {
			this.#move(this.#slot(slot), place);
			return true;
		}
		if (live === undefined || !isAsItWas(live, was))
			return this.#changed(place);
		this.#forget(place);
		const { changes } = this.#options;
		const ready = this.#slot(slot);
		// Some file systems (xfs) change the time of a directory that is exchanged.
		const isWithout =
			live.isDirectory() || this.#slotStat(slot)?.isDirectory() === true;
		if (!isWithout && changes.exchange(ready, this.#path(place))) {
			if (this.#cameOut(ready, was)) return true;
			changes.exchange(ready, this.#path(place));
			return this.#changed(place);
		}
		this.#moveOut(place, old);
		if (this.#cameOut(old, was)) {
			this.#move(ready, place);
			return true;
		}
		this.#move(old, place);
		return this.#changed(place);
	}

	/** Somebody may have changed it between the last look and the move. */
	#cameOut(path: string, was: Was): boolean {
		const stat = statOf(path);
		return stat !== undefined && holdsWhatItDid(stat, was);
	}

	#unswap({ place, slot, made }: SwapStep): boolean {
		const live = this.#stat(place);
		const inSlot = this.#slotStat(slot);
		const old = `${this.#slot(slot)}.old`;
		const isAside = statOf(old) !== undefined;
		if (live !== undefined && isFile(live, made)) {
			if (!this.#isUntouched(place, live, made)) return this.#changed(place);
			if (!isAside) {
				this.#forget(place);
				return this.#options.changes.exchange(
					this.#slot(slot),
					this.#path(place),
				);
			}
			this.#moveOut(place, this.#slot(slot));
			this.#move(old, place);
			return true;
		}
		const isUndone = !isAside && (inSlot === undefined || isFile(inSlot, made));
		if (isUndone) return true;
		if (live !== undefined) return this.#changed(place);
		this.#move(isAside ? old : this.#slot(slot), place);
		return true;
	}

	#take({ place, slot, was }: TakeStep): boolean {
		const live = this.#stat(place);
		if (live === undefined || this.#slotStat(slot) !== undefined) return true;
		if (!isAsItWas(live, was)) return this.#changed(place);
		this.#moveOut(place, this.#slot(slot));
		if (this.#cameOut(this.#slot(slot), was)) return true;
		this.#move(this.#slot(slot), place);
		return this.#changed(place);
	}

	#untake({ place, slot }: TakeStep): boolean {
		if (this.#slotStat(slot) === undefined) return true;
		if (this.#stat(place) !== undefined)
			return this.#changed(place, "something else has come there since");
		this.#move(this.#slot(slot), place);
		return true;
	}

	/** The name of the slot says how far it has come: one that was begun is repeated, whatever the file looks like. */
	#patch(step: PatchStep): boolean {
		const { place, slot, was } = step;
		const live = this.#stat(place);
		if (live === undefined || !isFile(live, was)) return this.#changed(place);
		const { ready, begun, whole } = this.#patchNames(slot);
		if (statOf(whole) !== undefined)
			return isPatched(live, step) || this.#changed(place);
		if (statOf(begun) === undefined) {
			if (!isAsItWas(live, was)) return this.#changed(place);
			this.#rename(slot, ready, begun);
		}
		this.#writeParts(step, begun, true);
		this.#options.changes.move(begun, whole);
		return true;
	}

	#unpatch(step: PatchStep): boolean {
		const { place, slot, was } = step;
		const { ready, begun, whole } = this.#patchNames(slot);
		const isWhole = statOf(whole) !== undefined;
		if (!isWhole && statOf(begun) === undefined) return true;
		const live = this.#stat(place);
		if (live === undefined || !isFile(live, was)) return this.#changed(place);
		if (isWhole) {
			if (!isPatched(live, step)) return this.#changed(place);
			this.#rename(slot, whole, begun);
		}
		this.#writeParts(step, begun, false);
		this.#options.changes.move(begun, ready);
		return true;
	}

	#patchNames(slot: Slot) {
		const path = this.#slot(slot);
		const { ready, begun, whole } = patchNames;
		return { ready: ready(path), begun: begun(path), whole: whole(path) };
	}

	/** Durably: before anything is written. */
	#rename(slot: Slot, from: string, to: string): void {
		this.#options.changes.move(from, to);
		this.#options.changes.syncDirectory(this.#home(slot));
	}

	#writeParts(step: PatchStep, source: string, forward: boolean): void {
		const { tops, changes } = this.#options;
		const { tree } = tops[step.place.top] as Top;
		const [from, to] = forward
			? [step.before, step.after]
			: [step.after, step.before];
		const finish = () => void this.#setAttributes(step, from, to);
		writeParts(step, { tree, changes, source, forward, finish });
	}

	#attributes(
		{ place, was, isDirectory, ...step }: AttributesStep,
		from: KeptAttributes,
		to: KeptAttributes,
	): boolean {
		const live = this.#stat(place);
		if (live === undefined || !isFile(live, was)) return this.#changed(place);
		// Content that nobody has compared must not get the time of that which was.
		const isKnown =
			String(live.size) === was.size &&
			[step.before, step.after].some((kept) => hasTime(live, kept));
		if (!isDirectory && !isKnown) return this.#changed(place);
		return this.#setAttributes({ place, was }, from, to);
	}

	#setAttributes(
		{ place, was }: Pick<AttributesStep, "place" | "was">,
		from: KeptAttributes,
		to: KeptAttributes,
	): boolean {
		const { tops, calls, changes } = this.#options;
		const { tree } = tops[place.top] as Top;
		let isWhole = true;
		const attempt = (change: () => void) => {
			isWhole =
				this.#attempt(
					place,
					() => {
						changes.alter("attributes", change);
						return true;
					},
					"unfaithful",
				) && isWhole;
		};
		if (tree.root.descriptor === -1) {
			const entry = pathEntry(tree.pathText(place.suffix), calls);
			changeAttributes(entry, { from, to, attempt });
			return isWhole;
		}
		const own = place.suffix === "";
		const fd = own ? tree.root.descriptor : tree.open(place.suffix, pathOnly);
		try {
			requireFile(fd, was);
			changeAttributes(selfEntry(selfOf(fd), calls), { from, to, attempt });
		} finally {
			if (!own) tree.shut(fd);
		}
		return isWhole;
	}

	#isUntouched(place: Place, live: BigIntStats, made: Was): boolean {
		const isSame =
			String(live.mtimeNs) === made.mtime &&
			(live.isDirectory() || String(live.size) === made.size);
		if (!isSame || !live.isDirectory()) return isSame;
		const { tops, since } = this.#options;
		return isUntouchedBelow(tops[place.top] as Top, place.suffix, { since });
	}

	#changed(place: Place, message = changedSince): boolean {
		const problem = { kind: "unwritten", reason: "CHANGED", message } as const;
		this.#options.problem({ place, ...problem });
		return false;
	}

	#attempt(
		place: Place,
		change: () => boolean,
		kind: StepProblem["kind"] = "unwritten",
	): boolean {
		try {
			return change();
		} catch (error) {
			const reason = codeOf(error);
			if (reason === undefined) throw error;
			const message = sayingOf(error as Error);
			this.#options.problem({ place, kind, reason, message });
			return false;
		}
	}

	#stat(place: Place): BigIntStats | undefined {
		return placeStat(this.#options.tops, place);
	}

	#slotStat(slot: Slot): BigIntStats | undefined {
		return statOf(this.#slot(slot));
	}

	#slot(slot: Slot): string {
		return `${this.#home(slot)}/${slot.number}`;
	}

	#home({ home }: Slot): string {
		return this.#options.slots[home] as string;
	}

	#path({ top, suffix }: Place): string {
		return (this.#options.tops[top] as Top).tree.pathText(suffix);
	}

	#move(from: string, place: Place): void {
		this.#forget(place);
		this.#options.changes.move(from, this.#path(place));
	}

	#moveOut(place: Place, to: string): void {
		this.#forget(place);
		this.#options.changes.move(this.#path(place), to);
	}

	/** What is open of it is not what will be there. */
	#forget({ top, suffix }: Place): void {
		(this.#options.tops[top] as Top).tree.forget(suffix);
	}
}

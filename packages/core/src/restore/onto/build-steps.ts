import type { BigIntStats } from "node:fs";
import { type Attribute, NodeKind } from "@varve/format";
import type { Owners } from "../owners.ts";
import type { Item, Spot } from "./items.ts";
import type {
	AttributesStep,
	KeptAttributes,
	PatchStep,
	Place,
	Slot,
	Step,
	Was,
} from "./journal.ts";
import { liveAttributes, wantedAttributes, wasOf } from "./keep-attributes.ts";
import type { Live } from "./live-directory.ts";

/** How an item is carried out. */
export type Method = "put" | "swap" | "take" | "patch" | "attributes" | "none";

/**
 * A file with several names is made anew, so that what else is that file stays as it is; so is one that is to have several (`isLinked`),
 * so that they all are made as one.
 */
export function methodOf(
	{ action, wanted, live, changes }: Item,
	isLinked: boolean,
): Method {
	switch (action) {
		case "create":
		case "keep-both":
			return "put";
		case "update":
		case "replace":
			return "swap";
		case "delete":
			return "take";
		case "metadata": {
			if (wanted?.node.kind === NodeKind.directory) return "attributes";
			const isPlain = wanted?.node.kind === NodeKind.file;
			const isAlone =
				!isLinked && live?.stat.nlink === 1n && !changes.includes("links");
			return isPlain && isAlone ? "attributes" : "swap";
		}
		default:
			return "none";
	}
}

/** True if something new must lie in its slot before it can be carried out. */
export function isMade(method: Method): boolean {
	return method === "put" || method === "swap";
}

/** An item that is carried out, and where what is made or moved for it lies. */
export interface Task {
	readonly item: Item;
	readonly method: Method;
	readonly slot: Slot;
	/** Of "patch". */
	readonly patch: Pick<PatchStep, "parts" | "sizes"> | undefined;
}

export interface StepsOptions {
	readonly owners: Owners;
	readonly placeOf: (spot: Spot) => Place;
	/** What lies in a slot; undefined if it could not be made. */
	readonly inSlot: (slot: Slot) => BigIntStats | undefined;
	readonly xattrsOf: (spot: Spot) => readonly Attribute[] | undefined;
	/** A directory as it is now, its time apart from what the journal's own folder has done to it. */
	readonly look: (spot: Spot) => Live | undefined;
	/** Directories that are restored and hold a journal's folder, with their attributes from before. */
	readonly homes: readonly (Spot & { readonly attributes: KeptAttributes })[];
}

/** The steps of a restore: first what moves, then attributes of files, then those of directories, the lowest first. */
export function buildSteps(
	tasks: readonly Task[],
	options: StepsOptions,
): readonly Step[] {
	const moves: Step[] = [];
	const files: Step[] = [];
	const directories = new DirectorySteps(options);
	for (const task of tasks) {
		const { item, method } = task;
		if (method === "attributes") {
			const step = attributesStep(item, options);
			if (step.isDirectory) directories.add(item, step);
			else files.push(step);
			continue;
		}
		const step = moveStep(task, options);
		if (step === undefined) continue;
		moves.push(step);
		if (method !== "patch") directories.touch(item);
	}
	for (const home of options.homes) directories.touchHome(home);
	return [...moves, ...files, ...directories.steps()];
}

function moveStep(
	{ item, method, slot, patch }: Task,
	options: StepsOptions,
): Step | undefined {
	const place = options.placeOf(
		item.beside === undefined ? item : { top: item.top, suffix: item.beside },
	);
	const was = item.live === undefined ? noWas : wasOf(item.live.stat);
	if (method === "take") return { do: "take", place, slot, was };
	const made = options.inSlot(slot);
	if (made === undefined) return undefined;
	if (method === "put") return { do: "put", place, slot, made: wasOf(made) };
	if (method === "swap")
		return { do: "swap", place, slot, made: wasOf(made), was };
	if (patch === undefined) throw new Error("a patch has parts");
	const { before, after } = attributesStep(item, options);
	return { do: "patch", place, slot, was, ...patch, before, after };
}

const noWas: Was = { inode: "", size: "", mtime: "", ctime: "", links: 0 };

function attributesStep(
	{ top, suffix, wanted, live }: Item,
	{ placeOf, xattrsOf, owners }: StepsOptions,
): AttributesStep {
	const { stat } = live as Live;
	const node = (wanted as NonNullable<typeof wanted>).node;
	return {
		do: "attributes",
		place: placeOf({ top, suffix }),
		isDirectory: stat.isDirectory(),
		was: wasOf(stat),
		before: liveAttributes(stat, xattrsOf({ top, suffix })),
		after: wantedAttributes(node, owners),
	};
}

/** What directories are to look like in the end: as in the snapshot where that was asked for, else as they were. */
class DirectorySteps {
	readonly #options: StepsOptions;
	readonly #steps = new Map<string, AttributesStep>();

	constructor(options: StepsOptions) {
		this.#options = options;
	}

	add(spot: Spot, step: AttributesStep): void {
		this.#steps.set(keyOf(this.#options.placeOf(spot)), step);
	}

	/** Something in the directory above is going to change, and with it its time. */
	touch({ top, suffix }: Spot): void {
		const above = { top, suffix: suffix.slice(0, suffix.lastIndexOf("/")) };
		const key = keyOf(this.#options.placeOf(above));
		if (this.#steps.has(key)) return;
		const live = this.#options.look(above);
		if (live === undefined) return;
		this.#keep(above, live, liveAttributes(live.stat, undefined));
	}

	touchHome({ top, suffix, attributes }: StepsOptions["homes"][number]): void {
		const spot = { top, suffix };
		const key = keyOf(this.#options.placeOf(spot));
		const known = this.#steps.get(key);
		if (known !== undefined) {
			const isKept = known.before === known.after;
			const { xattrs } = known.before;
			const before = { ...attributes, xattrs };
			const after = isKept ? before : known.after;
			this.#steps.set(key, { ...known, before, after });
			return;
		}
		const live = this.#options.look(spot);
		if (live !== undefined) this.#keep(spot, live, attributes);
	}

	/** Sorted so that a directory comes after those in it. */
	steps(): readonly AttributesStep[] {
		const depth = ({ place: { suffix } }: AttributesStep) =>
			suffix.split("/").length;
		return [...this.#steps.values()].sort((a, b) => depth(b) - depth(a));
	}

	#keep(spot: Spot, { stat }: Live, kept: KeptAttributes): void {
		const place = this.#options.placeOf(spot);
		this.#steps.set(keyOf(place), {
			do: "attributes",
			place,
			isDirectory: true,
			was: wasOf(stat),
			before: kept,
			after: kept,
		});
	}
}

/** One for each place. */
export function keyOf({ top, suffix }: Place): string {
	return `${top}:${suffix}`;
}

import { NodeKind } from "@varve/format";
import { nodeOf } from "../../query/placed-nodes.ts";
import type { Conflict, Resolution } from "./decide.ts";
import { resolve } from "./decide.ts";
import type { Item, Obstacle, Piece } from "./items.ts";
import { blankItem, type EntryJudge } from "./judge-entry.ts";
import { lookFor } from "./live-directory.ts";
import { type MadeOptions, makesAnything } from "./made-entries.ts";
import type { Survey } from "./survey.ts";
import { takeTurn } from "./take-turn.ts";
import type { Placed, Top } from "./tops.ts";

/** What a restore is going to do, entry by entry, in the order of the walk. */
export interface OntoPlan {
	readonly items: readonly Item[];
	readonly obstacles: readonly Obstacle[];
	/** Entries that are as they should be. */
	readonly unchanged: number;
}

export interface CollectOptions extends MadeOptions {
	readonly survey: Survey;
	readonly judge: EntryJudge;
	readonly signal: AbortSignal | undefined;
	/** Entries looked at. */
	readonly tell: (count: number) => void;
}

/** The event loop must have its turn for signals and progress. */
const turnEvery = 4096;

/** Reads what is there, and changes nothing. */
export async function collectPlan(
	placed: readonly Placed[],
	options: CollectOptions,
): Promise<OntoPlan> {
	const { survey, judge, signal, tell } = options;
	const items: Item[] = [];
	const obstacles: Obstacle[] = [];
	let count = 0;
	const take = (step: Item | Obstacle) => {
		if (step.type === "obstacle") obstacles.push(step);
		else if (step.action !== "create" || isAskedFor(step, options))
			items.push(step);
	};
	const { present, missing } = sortPlaced(placed);
	for (const each of present)
		for (const step of survey.compare(each)) {
			const isPause = step?.type === "pause";
			if (step !== undefined && step.type !== "pause") take(step);
			if (!isPause && ++count % turnEvery !== 0) continue;
			await takeTurn(signal);
			if (!isPause) tell(turnEvery);
		}
	signal?.throwIfAborted();
	tell(count % turnEvery);
	for (const step of missing) take(step);
	for (const item of judge.finish()) take(item);
	return { items, obstacles, unchanged: judge.unchanged };
}

/** A directory that is only passed through is made if something in it is asked for. */
function isAskedFor(item: Item, options: CollectOptions): boolean {
	const isFile =
		item.pieces === undefined && item.wanted?.node.kind !== NodeKind.directory;
	return isFile || makesAnything(item, options);
}

/** Parts what has a place in the target from what lies in directories that are not there. */
function sortPlaced(placed: readonly Placed[]): {
	readonly present: readonly Placed[];
	readonly missing: readonly (Item | Obstacle)[];
} {
	const present: Placed[] = [];
	const obstacles: Obstacle[] = [];
	const absent = new Map<
		string,
		{ top: Top; suffix: string; pieces: Piece[] }
	>();
	for (const each of placed) {
		const gap = gapAbove(each);
		if (gap === undefined) present.push(each);
		else if (gap.isBarred) obstacles.push(barred(each));
		else {
			const key = each.top.display(gap.suffix);
			const { top } = each;
			const found = absent.get(key) ?? { top, suffix: gap.suffix, pieces: [] };
			absent.set(key, found);
			found.pieces.push(pieceOf(each, gap.suffix));
		}
	}
	const items = [...absent.values()].map(
		({ top, suffix, pieces }): Item => ({
			...blankItem,
			top,
			suffix,
			action: "create",
			path: pieces[0]?.wanted.path ?? "/",
			wanted: pieces[0]?.wanted,
			pieces,
		}),
	);
	return { present, missing: [...obstacles, ...items] };
}

function pieceOf({ located, suffix }: Placed, above: string): Piece {
	const { root, path } = located;
	const wanted = { root, path, node: nodeOf(located).node };
	return { rest: suffix.slice(above.length), wanted };
}

function barred({ located, top, suffix }: Placed): Obstacle {
	return {
		type: "obstacle",
		path: located.path || "/",
		kind: "unwritten",
		reason: "ENOTDIR",
		message: "what should be a directory above it is something else",
		spot: { top, suffix },
	};
}

/** The first name on the way that is not there, or is no directory; undefined if all are there. */
function gapAbove({
	located,
	top,
	suffix,
}: Placed):
	| { readonly suffix: string; readonly isBarred: boolean }
	| undefined {
	const names = suffix.split("/").slice(1);
	let at = "";
	for (const [index, name] of names.entries()) {
		at += `/${name}`;
		const live = lookFor(top, at);
		const isLast = index === names.length - 1;
		// An entry that is missing is found so by the survey.
		if (live === undefined)
			return isLast && located.type === "entry"
				? undefined
				: { suffix: at, isBarred: false };
		if (!isLast && !live.stat.isDirectory())
			return { suffix: at, isBarred: true };
	}
	return undefined;
}

/** A conflict someone must decide about. */
export interface OpenConflict {
	/** Absolute path in the snapshot. */
	readonly path: string;
	readonly conflict: Conflict;
}

/** Asks about every conflict that is left open. */
export async function resolveConflicts(
	plan: OntoPlan,
	ask: (conflict: OpenConflict) => Promise<Resolution>,
	besideOf: (item: Item) => string,
): Promise<OntoPlan> {
	const items: Item[] = [];
	for (const item of plan.items) {
		const { conflict, path, changes } = item;
		if (item.action !== "conflict" || conflict === undefined || item.isBarred) {
			items.push(item);
			continue;
		}
		const own = changes.filter((change) => change !== "links");
		const resolution = await ask({ path, conflict });
		const { action } = resolve({ changes: own, conflict }, resolution);
		const beside = action === "keep-both" ? besideOf(item) : undefined;
		items.push({ ...item, action, beside });
	}
	return { ...plan, items };
}

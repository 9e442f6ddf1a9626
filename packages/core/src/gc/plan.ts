import { FrameKind } from "@varve/format";
import type { PackUse } from "@varve/store";
import type { GcPlan, LiveHolders, UnusedLimit } from "./options.ts";

export interface PlanLimits {
	readonly maxUnused: UnusedLimit;
	/** Bytes of packs that may be rewritten. */
	readonly maxRepack: number;
	/** Bytes that can be written. */
	readonly space: number;
	/** Bytes of a full pack. */
	readonly packBytes: number;
	/** Packs with trees have a second copy: what is unused in them is so twice. */
	readonly copies: boolean;
}

/** Smaller packs than this part of a full one are put together, once there are so many of a kind. */
const smallShare = 1 / 4;
const manySmall = 16;
/** So much of a full pack may be unused whatever share that is. */
const leastUnused = 1 / 16;
/** Less dead bytes than this part of a pack are not worth the rest of it. */
const leastShare = 1 / 64;

type BytesOf = (use: PackUse) => number;

/** What to condemn, and what to move before. A pure function of what is live. */
export function planGc(
	uses: readonly PackUse[],
	holders: LiveHolders,
	limits: PlanLimits,
): GcPlan {
	const free = uses.filter((use) => !isHeld(use, holders));
	const dead = free.filter(({ liveChunks }) => liveChunks === 0);
	const mixed = free.filter(({ liveChunks }) => liveChunks > 0);
	const deadBytes = sum(dead, (use) => use.size);
	const stored = (some: readonly PackUse[], bytesOf: BytesOf) =>
		sum(some, (use) => bytesOf(use) * timesStored(use, limits));
	const live = stored(uses, liveOf);
	const unused = stored(uses, unusedOf) - stored(dead, unusedOf);
	const excess = unused - allowedBytes(limits, live);
	const repack = chooseRepack(mixed, excess, limits);
	return {
		dead: dead.map(({ id }) => id).sort(),
		deadBytes,
		repack: repack.map(({ id }) => id).sort(),
		repackBytes: sum(repack, (use) => use.size),
		repackLive: sum(repack, movedOf),
		keptBytes: sum(uses, (use) => use.size) - deadBytes,
		unusedBytes: unused - stored(repack, clearedOf),
	};
}

/**
 * Whether all packs can be moved that must be, for their frames to be made anew, and whether so much is unused: the `gain`, what bases take
 * that are not needed then, counts as that.
 */
export function canRemake(
	uses: readonly PackUse[],
	limits: PlanLimits,
	gain: number,
): boolean {
	const stored = (bytesOf: BytesOf) =>
		sum(uses, (use) => bytesOf(use) * timesStored(use, limits));
	const unused = stored((use) => (use.liveChunks === 0 ? 0 : unusedOf(use)));
	const live = stored(liveOf);
	const budget = new Budget(limits);
	return (
		unused + gain > allowedBytes(limits, live) &&
		uses.every((use) => !use.mustMove || budget.take(use))
	);
}

/**
 * A share is one of what there is afterwards: of the used bytes and of those allowed. It is never less than a small part of a pack: else a
 * repository that is smaller than one would be written anew by each gc.
 */
function allowedBytes(
	{ maxUnused, packBytes }: PlanLimits,
	used: number,
): number {
	if ("bytes" in maxUnused) return maxUnused.bytes;
	const { share } = maxUnused;
	if (share === 0) return 0;
	if (share === 1) return Number.POSITIVE_INFINITY;
	return Math.max((used * share) / (1 - share), packBytes * leastUnused);
}

/** Packs that came while others were looked at, those of one who still works, and those in no segment as long as somebody writes. */
export function isHeld(
	{ id, lease }: Pick<PackUse, "id" | "lease">,
	{ packs, leases, writers }: LiveHolders,
): boolean {
	if (!packs.has(id)) return true;
	return lease === undefined ? writers : leases.has(lease);
}

function timesStored({ kind }: PackUse, { copies }: PlanLimits): number {
	return copies && kind === FrameKind.meta ? 2 : 1;
}

function liveOf({ live }: PackUse): number {
	return live;
}

function unusedOf({ stored, live }: PackUse): number {
	return stored - live;
}

/** What of that a move does away with. */
function clearedOf(use: PackUse): number {
	return unusedOf(use) - use.stuck;
}

/** What a move of the pack writes. */
function movedOf({ live, stuck, grown }: PackUse): number {
	return live + stuck + grown;
}

/** What it frees. */
function gainOf(use: PackUse): number {
	return use.stored - movedOf(use);
}

function chooseRepack(
	mixed: readonly PackUse[],
	excess: number,
	limits: PlanLimits,
): PackUse[] {
	const budget = new Budget(limits);
	const first = mixed.filter((use) => use.mustMove && budget.take(use));
	const rest = mixed.filter(({ mustMove }) => !mustMove);
	const clears = (use: PackUse) => clearedOf(use) * timesStored(use, limits);
	const left = excess - sum(first, clears);
	const wasteful = chooseWasteful(rest, { excess: left, clears }, budget);
	const taken = new Set([...first, ...wasteful]);
	const others = mixed.filter((use) => !taken.has(use));
	const small = [...new Set(mixed.map(({ kind }) => kind))].flatMap((kind) =>
		chooseSmall(
			others.filter((use) => use.kind === kind),
			limits.packBytes,
			budget,
		),
	);
	return [...first, ...wasteful, ...small];
}

/** What moves may still read and write. */
class Budget {
	#size: number;
	#moved: number;

	constructor({ maxRepack, space }: PlanLimits) {
		this.#size = maxRepack;
		this.#moved = space;
	}

	/** False, and nothing is taken, if there is not enough left. */
	take(use: PackUse): boolean {
		if (use.size > this.#size || movedOf(use) > this.#moved) return false;
		this.#size -= use.size;
		this.#moved -= movedOf(use);
		return true;
	}
}

/** Those of which a move frees the largest part first, until little enough is unused. */
function chooseWasteful(
	mixed: readonly PackUse[],
	{ excess, clears }: { readonly excess: number; readonly clears: BytesOf },
	budget: Budget,
): PackUse[] {
	const shareOf = (use: PackUse) => gainOf(use) / use.stored;
	const byShare = mixed
		.filter((use) => shareOf(use) > leastShare)
		.sort((a, b) => shareOf(b) - shareOf(a) || (a.id < b.id ? -1 : 1));
	const chosen: PackUse[] = [];
	let left = excess;
	for (const use of byShare) {
		if (left <= 0) break;
		if (!budget.take(use)) continue;
		chosen.push(use);
		left -= clears(use);
	}
	return chosen;
}

/** Small packs of one kind, the smallest first. None if there are few, or if the budget leaves but one: alone it would be moved for nothing. */
function chooseSmall(
	packs: readonly PackUse[],
	packBytes: number,
	budget: Budget,
): PackUse[] {
	const small = packs
		.filter((use) => use.size < packBytes * smallShare)
		.sort((a, b) => a.size - b.size || (a.id < b.id ? -1 : 1));
	if (small.length < manySmall) return [];
	const chosen = small.filter((use) => budget.take(use));
	return chosen.length > 1 ? chosen : [];
}

function sum(uses: readonly PackUse[], bytesOf: BytesOf): number {
	return uses.reduce((total, use) => total + bytesOf(use), 0);
}

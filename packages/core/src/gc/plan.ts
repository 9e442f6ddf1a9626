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
}

/** Smaller packs than this part of a full one are put together, once there are so many of a kind. */
const smallShare = 1 / 4;
const manySmall = 16;
/** Less dead bytes than this part of a pack are not worth the rest of it. */
const leastShare = 1 / 64;

/** What to condemn, and what to move before. A pure function of what is live. */
export function planGc(
	uses: readonly PackUse[],
	holders: LiveHolders,
	limits: PlanLimits,
): GcPlan {
	const free = uses.filter((use) => !isHeld(use, holders));
	const dead = free.filter(({ liveChunks }) => liveChunks === 0);
	const mixed = free.filter(({ liveChunks }) => liveChunks > 0);
	const kept = sum(uses, (use) => use.size) - sum(dead, (use) => use.size);
	const unused = sum(uses, unusedOf) - sum(dead, unusedOf);
	const allowed =
		"bytes" in limits.maxUnused
			? limits.maxUnused.bytes
			: limits.maxUnused.share * kept;
	const repack = chooseRepack(mixed, unused - allowed, limits);
	return {
		dead: dead.map(({ id }) => id).sort(),
		deadBytes: sum(dead, (use) => use.size),
		repack: repack.map(({ id }) => id).sort(),
		repackBytes: sum(repack, (use) => use.size),
		repackLive: sum(repack, (use) => use.live),
		keptBytes: kept,
		unusedBytes: unused - sum(repack, unusedOf),
	};
}

/** Packs that came while others were looked at, those of one who still works, and those in no segment as long as somebody writes. */
function isHeld(
	{ id, lease }: PackUse,
	{ packs, leases, writers }: LiveHolders,
): boolean {
	if (!packs.has(id)) return true;
	return lease === undefined ? writers : leases.has(lease);
}

function unusedOf({ stored, live }: PackUse): number {
	return stored - live;
}

/** Those with the largest dead part first, until little enough is unused; then the small ones. */
function chooseRepack(
	mixed: readonly PackUse[],
	excess: number,
	{ maxRepack, space, packBytes }: PlanLimits,
): PackUse[] {
	const chosen: PackUse[] = [];
	let bytes = 0;
	let live = 0;
	const choose = (use: PackUse) => {
		if (bytes + use.size > maxRepack || live + use.live > space) return false;
		bytes += use.size;
		live += use.live;
		chosen.push(use);
		return true;
	};
	const shareOf = (use: PackUse) => unusedOf(use) / use.stored;
	const byShare = mixed
		.filter((use) => shareOf(use) > leastShare)
		.sort((a, b) => shareOf(b) - shareOf(a) || (a.id < b.id ? -1 : 1));
	let left = excess;
	for (const use of byShare) {
		if (left <= 0) break;
		if (choose(use)) left -= unusedOf(use);
	}
	const taken = new Set(chosen);
	for (const kind of new Set(mixed.map((use) => use.kind))) {
		const small = mixed.filter(
			(use) => use.kind === kind && use.size < packBytes * smallShare,
		);
		if (small.length < manySmall) continue;
		for (const use of small) if (!taken.has(use)) choose(use);
	}
	return chosen;
}

function sum(
	uses: readonly PackUse[],
	bytesOf: (use: PackUse) => number,
): number {
	return uses.reduce((total, use) => total + bytesOf(use), 0);
}

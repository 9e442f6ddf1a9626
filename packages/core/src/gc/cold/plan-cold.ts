import { FrameKind, type PackId } from "@varve/format";
import type {
	ChunkRanks,
	ChunkTable,
	PackUse,
	RankedFrame,
} from "@varve/store";
import type { LiveHolders } from "../options.ts";
import { isHeld } from "../plan.ts";
import {
	type ColdSizes,
	isCold,
	isDense,
	isLargeDelta,
} from "./cold-frames.ts";
import { FrameFates } from "./frame-fates.ts";

/** Packs whose old content is to be put together anew. */
export interface ColdPlan {
	readonly packs: readonly PackUse[];
	readonly fates: FrameFates;
	readonly ranks: ChunkRanks;
	readonly sizes: ColdSizes;
	/** Bytes of content that will lie in cold frames, about. */
	readonly raw: number;
	/** Of each pack, stored bytes of what is live and stays as it is, at most. */
	readonly rest: ReadonlyMap<PackId, number>;
}

export interface ColdLimits {
	/** Bytes of packs that may be rewritten. */
	readonly maxRepack: number;
	/** Bytes that can be written. */
	readonly space: number;
}

/** Packs of which less than this part of what could get smaller is old are left until more of it is. */
const leastOld = 1 / 2;
/** So much of what is live in a pack must be that: all else is only copied. */
const leastPart = 1 / 8;

/** What of a pack could be put together anew. */
interface Candidate {
	readonly use: PackUse;
	/** Stored bytes in frames that could get smaller, and those of them that are old. */
	loose: number;
	old: number;
	/** Bytes of content of the latter. */
	raw: number;
	/** The lowest rank in it. */
	first: number;
}

/** Packs that nobody holds, and that need not be moved for another reason. */
export function movablePacks(
	uses: readonly PackUse[],
	holders: LiveHolders,
): PackUse[] {
	return uses.filter(
		(use) =>
			use.kind === FrameKind.content &&
			use.liveChunks > 0 &&
			!use.mustMove &&
			!isHeld(use, holders),
	);
}

/** Whether there is anything that can be put together, old or not: else no order need be found. */
export function hasCandidates(
	ranks: ChunkRanks,
	movable: readonly PackUse[],
	sizes: ColdSizes,
): boolean {
	const packs = new Set<PackId>(movable.map(({ id }) => id));
	let raw = 0;
	for (const frame of ranks.frames())
		if (packs.has(frame.pack) && !isCold(frame, sizes) && isLoose(frame))
			raw += frame.live;
	return raw >= sizes.least;
}

/**
 * Chooses packs in the order of what is in them, so that versions of a file come together also where not all can be done in one run; and then those with
 * differences from what is in these. undefined if what is old does not fill a cold frame.
 */
export function planCold(
	{ table, ranks }: { table: ChunkTable; ranks: ChunkRanks },
	movable: readonly PackUse[],
	{ sizes, limits }: { sizes: ColdSizes; limits: ColdLimits },
): ColdPlan | undefined {
	const found = new Candidates(movable, sizes);
	for (const frame of ranks.frames()) found.add(frame);
	const budget = { ...limits };
	const first = choose(found.all, budget);
	const { crowded } = found;
	const among = (chosen: readonly Candidate[]) => {
		const packs = new Set(chosen.map(({ use }) => use.id));
		return new FrameFates(table, { packs, crowded, sizes });
	};
	const taken = new Set(first.map(({ use }) => use));
	const left = new Candidates(
		movable.filter((use) => !taken.has(use)),
		sizes,
	);
	const fates = among(first);
	for (const frame of ranks.frames()) left.addDelta(frame, fates);
	const chosen = [...first, ...choose(left.all, budget)];
	const raw = chosen.reduce((sum, candidate) => sum + candidate.raw, 0);
	if (raw < sizes.least) return undefined;
	const packs = chosen.map(({ use }) => use);
	const rest = new Map(
		chosen.map(({ use, old }) => [use.id, Math.max(0, use.live - old)]),
	);
	return { packs, fates: among(chosen), ranks, sizes, raw, rest };
}

class Candidates {
	/** Short frames that are as good as cold. */
	readonly crowded = new Set<string>();
	readonly #byPack: ReadonlyMap<PackId, Candidate>;
	readonly #sizes: ColdSizes;

	constructor(movable: readonly PackUse[], sizes: ColdSizes) {
		this.#sizes = sizes;
		this.#byPack = new Map(
			movable.map((use) => [
				use.id,
				{ use, loose: 0, old: 0, raw: 0, first: Number.POSITIVE_INFINITY },
			]),
		);
	}

	get all(): Candidate[] {
		return [...this.#byPack.values()];
	}

	/** A frame without bases that could get smaller in another. */
	add(frame: RankedFrame): void {
		const { pack, offset, raw } = frame;
		if (isCold(frame, this.#sizes)) {
			if (raw < this.#sizes.least)
				this.crowded.add(FrameFates.keyOf(pack, offset));
		} else if (isLoose(frame)) this.#count(frame);
	}

	/** A frame with bases all of which go into cold frames, by these fates. */
	addDelta(frame: RankedFrame, fates: FrameFates): void {
		const { pack, bases, stored: storedLength, raw: rawLength } = frame;
		if (
			bases.length > 0 &&
			this.#byPack.has(pack) &&
			isLargeDelta({ storedLength, rawLength }) &&
			fates.movesWithBases(frame)
		)
			this.#count(frame);
	}

	#count({ pack, stored, raw, live, ranked, first }: RankedFrame): void {
		const candidate = this.#byPack.get(pack);
		if (candidate === undefined) return;
		candidate.loose += (stored * live) / raw;
		if (ranked === 0) return;
		candidate.old += (stored * ranked) / raw;
		candidate.raw += ranked;
		candidate.first = Math.min(candidate.first, first);
	}
}

/** Whether content stands for itself in a frame, and could get smaller in another. */
function isLoose({ bases, stored, raw }: RankedFrame): boolean {
	return (
		bases.length === 0 && !isDense({ storedLength: stored, rawLength: raw })
	);
}

/** Takes from the budget. */
function choose(
	candidates: readonly Candidate[],
	budget: { maxRepack: number; space: number },
): Candidate[] {
	const old = candidates
		.filter(
			({ use, loose, old }) =>
				old > use.live * leastPart && old >= loose * leastOld,
		)
		.sort((a, b) => a.first - b.first || (a.use.id < b.use.id ? -1 : 1));
	return old.filter(({ use }) => {
		if (use.size > budget.maxRepack || use.live > budget.space) return false;
		budget.maxRepack -= use.size;
		budget.space -= use.live;
		return true;
	});
}

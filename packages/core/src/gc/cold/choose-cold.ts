import type { SnapshotId } from "@varve/format";
import type { ChunkTable, PackUse } from "@varve/store";
import type { Repository } from "../../repository.ts";
import type { Inventory } from "../inventory.ts";
import {
	defaultRepackAge,
	type GcOptions,
	type LiveHolders,
} from "../options.ts";
import type { PlanLimits } from "../plan.ts";
import { coldSizes } from "./cold-frames.ts";
import {
	type ColdPlan,
	hasCandidates,
	movablePacks,
	planCold,
} from "./plan-cold.ts";
import { rankChunks } from "./rank-chunks.ts";

export interface ColdParts {
	readonly inventory: Inventory;
	readonly table: ChunkTable;
	readonly uses: readonly PackUse[];
	readonly holders: LiveHolders;
	readonly limits: PlanLimits;
	/** Snapshots that are about to go. */
	readonly dying: readonly SnapshotId[];
}

/** What is to be put together anew, if that is asked for; all that is live is marked. undefined if that is nothing. */
export async function chooseCold(
	repository: Repository,
	{ repack, signal }: GcOptions,
	{ inventory, table, uses, holders, limits, dying }: ColdParts,
): Promise<ColdPlan | undefined> {
	const sizes = coldSizes(repository.config);
	if (repack === undefined || sizes === undefined) return undefined;
	const ranks = table.ranks();
	const movable = movablePacks(uses, holders);
	if (!hasCandidates(ranks, movable, sizes)) return undefined;
	const until = repository.clock.now() - (repack.age ?? defaultRepackAge);
	const gone = new Set(dying);
	const old = [...inventory.records]
		.filter(([id, { time }]) => !gone.has(id) && Date.parse(time) <= until)
		.map(([, record]) => record);
	// What was listed before may lack what others have stored since.
	repository.objects.outdate();
	await repository.objects.prepare();
	await rankChunks(repository.objects, old, { ranks, signal });
	const left = withoutMoves(limits, uses);
	return planCold({ table, ranks }, movable, { sizes, limits: left });
}

/** What is left of limits beside packs that must be moved in any case. */
function withoutMoves(
	{ maxRepack, space }: PlanLimits,
	uses: readonly PackUse[],
): { readonly maxRepack: number; readonly space: number } {
	const moving = uses.filter(({ mustMove }) => mustMove);
	return {
		maxRepack: moving.reduce((left, { size }) => left - size, maxRepack),
		space: moving.reduce(
			(left, { live, stuck, grown }) => left - live - stuck - grown,
			space,
		),
	};
}

/** What is left of limits beside packs that are put together anew. */
export function withoutCold(
	limits: PlanLimits,
	cold: ColdPlan | undefined,
): PlanLimits {
	if (cold === undefined) return limits;
	const { packs } = cold;
	return {
		...limits,
		maxRepack: packs.reduce((left, { size }) => left - size, limits.maxRepack),
		space: packs.reduce((left, { live }) => left - live, limits.space),
	};
}

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
	const plan = (room: PlanRoom) =>
		planCold({ table, ranks }, movable, { sizes, limits: room });
	const chosen = plan(left);
	const live = movable.reduce((sum, use) => sum + use.live, 0);
	if (live > left.space) {
		const all = plan({ ...left, space: Number.POSITIVE_INFINITY });
		tellShortage(repository, { all, chosen, room: left.space });
	}
	return chosen;
}

interface Shortage {
	/** With room enough. */
	readonly all: ColdPlan | undefined;
	readonly chosen: ColdPlan | undefined;
	/** Bytes. */
	readonly room: number;
}

function tellShortage(
	{ observer }: Repository,
	{ all, chosen, room }: Shortage,
): void {
	const liveIn = (plan: ColdPlan | undefined) =>
		(plan?.packs ?? []).reduce((sum, { live }) => sum + live, 0);
	const [wanted, taken] = [liveIn(all), liveIn(chosen)];
	if (taken >= wanted) return;
	const mega = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
	observer.on({
		type: "warning",
		message: `there is not enough room to put all old content together: ${mega(wanted - taken)} of ${mega(wanted)} stay as they are, as only ${mega(room)} can be written beside them; with more room the next gc --repack goes on`,
	});
}

/** What may be read and written. */
type PlanRoom = Pick<PlanLimits, "maxRepack" | "space">;

/** What is left of limits beside packs that must be moved in any case. */
function withoutMoves(
	{ maxRepack, space }: PlanLimits,
	uses: readonly PackUse[],
): PlanRoom {
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

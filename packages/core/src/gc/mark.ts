import type { LeaseId, PackId, PackKind, SnapshotId } from "@varve/format";
import type { ChunkTable, Stage } from "@varve/store";
import { areKept } from "../copies/keep-copies.ts";
import { listLeases } from "../lease-table.ts";
import type { Repository } from "../repository.ts";
import { chooseCold, withoutCold } from "./cold/choose-cold.ts";
import type { ColdPlan } from "./cold/plan-cold.ts";
import { forgottenSince, type Inventory, takeInventory } from "./inventory.ts";
import { LiveMark } from "./live-mark.ts";
import {
	defaultGrace,
	defaultMaxUnused,
	type GcOptions,
	type GcPlan,
	type LiveHolders,
	settledAge,
} from "./options.ts";
import { canRemake, isHeld, planGc } from "./plan.ts";
import { rootsBut, sourcesOf } from "./sweep.ts";

export interface Marked {
	readonly inventory: Inventory;
	readonly table: ChunkTable;
	readonly plan: GcPlan;
	/** Packs whose old content is to be put together anew: none of them is in the plan. */
	readonly cold: ColdPlan | undefined;
	/** Snapshots whose grace is over. */
	readonly dying: readonly SnapshotId[];
	/** Of each pack. */
	readonly kinds: ReadonlyMap<PackId, PackKind>;
	/** Packs with frames that are made anew. */
	readonly remade: ReadonlySet<PackId>;
	/** Packs that are not condemned, and that nobody holds who might take them away again. */
	readonly staying: ReadonlySet<PackId>;
}

/** Phase one, up to the decision. The caller disposes of the inventory. */
export async function mark(
	repository: Repository,
	options: GcOptions,
	stage?: Stage,
): Promise<Marked> {
	const holders = await findHolders(repository, stage);
	const forgotten = await forgottenSince(repository);
	const inventory = await takeInventory(repository, options.signal);
	try {
		const until = repository.clock.now() - (options.grace ?? defaultGrace);
		const dying = [...forgotten]
			.filter(([id, since]) => since <= until && inventory.records.has(id))
			.map(([id]) => id)
			.sort();
		const table = inventory.segments.table(new Set());
		const work = new LiveMark({
			tables: [table],
			sources: sourcesOf(repository, [table]),
			isMovable: movableIn(inventory, holders),
			signal: options.signal,
		});
		const settled = settledBefore(repository.clock.now(), options);
		await work.add(
			rootsBut(inventory.records, dying),
			({ time }) => Date.parse(time) <= settled,
		);
		const limits = {
			maxUnused: options.maxUnused ?? defaultMaxUnused,
			maxRepack: options.maxRepack ?? Number.POSITIVE_INFINITY,
			space: await spaceFor(repository),
			packBytes: repository.config.packBytes,
			copies: areKept(repository),
		};
		let uses = table.use();
		const { frames, gain } = work.remakes;
		if (frames > 0 && !canRemake(uses, limits, gain)) {
			work.keepBases();
			uses = table.use();
		}
		const parts = { inventory, table, uses, holders, limits, dying };
		const cold = await chooseCold(repository, options, parts);
		const taken = new Set(cold?.packs);
		const others = uses.filter((use) => !taken.has(use));
		const plan = planGc(others, holders, withoutCold(limits, cold));
		const kinds = new Map(uses.map(({ id, kind }) => [id, kind]));
		const remade = new Set(
			uses.filter(({ mustMove }) => mustMove).map(({ id }) => id),
		);
		const going = new Set<PackId>([...plan.dead, ...plan.repack]);
		const staying = new Set(
			others
				.filter((use) => !going.has(use.id) && !isHeld(use, holders))
				.map(({ id }) => id),
		);
		return { inventory, table, plan, cold, dying, kinds, remade, staying };
	} catch (error) {
		inventory[Symbol.dispose]();
		throw error;
	}
}

/**
 * What only younger snapshots reach may go soon, and so may what the work for it would have gained. Who wants no unused byte does not wait for that.
 */
function settledBefore(now: number, { maxUnused }: GcOptions): number {
	const { bytes, share } = { bytes: 1, share: 1, ...maxUnused };
	return bytes === 0 || share === 0
		? Number.POSITIVE_INFINITY
		: now - settledAge;
}

/** Packs that nobody holds who works now. */
function movableIn(
	{ segments: { segments } }: Inventory,
	holders: LiveHolders,
): (pack: PackId) => boolean {
	const leases = new Map<string, LeaseId>();
	for (const { packs, lease } of segments)
		for (const { id } of packs) if (!leases.has(id)) leases.set(id, lease);
	return (id) => !isHeld({ id, lease: leases.get(id) }, holders);
}

/** Two packs' room is left for others. */
async function spaceFor({ backend, config }: Repository): Promise<number> {
	const space = await backend.space();
	if (space === undefined) return Number.POSITIVE_INFINITY;
	return Math.max(0, space - 2 * config.packBytes);
}

/** Lists packs before leases: whoever comes between writes packs that are not in the list. */
async function findHolders(
	repository: Repository,
	stage: Stage | undefined,
): Promise<LiveHolders> {
	const listed = await repository.backend.list("packs");
	const live = (await listLeases(repository)).filter(
		({ lease, verdict }) => verdict === "live" && lease !== stage?.lease,
	);
	return {
		packs: new Set(listed.map(({ name }) => name)),
		leases: new Set(live.map(({ lease }) => lease)),
		writers: live.some(({ record }) => record?.kind !== "reader"),
	};
}

import {
	encodeGcList,
	type GcList,
	type PackId,
	type PackKind,
	type SnapshotId,
} from "@varve/format";
import type { PackUse, Stage } from "@varve/store";
import {
	completeCopies,
	copyTreePacks,
	settleCopies,
} from "../copies/keep-copies.ts";
import { dropReplaced } from "../forget/stored-policies.ts";
import { either, withLease } from "../lease.ts";
import {
	type FoundLease,
	fenceDeadLeases,
	heldLeases,
} from "../lease-table.ts";
import { readGcList } from "../listing.ts";
import { lockedBy } from "../locked-by.ts";
import type { Repository } from "../repository.ts";
import { settleSeen, settleUnnamed } from "../settle-seen.ts";
import { fenceLeftStages } from "../stages.ts";
import { toldAs } from "../told-as.ts";
import { regroup } from "./cold/regroup.ts";
import { type Marked, mark } from "./mark.ts";
import type { GcOptions, GcPlan, GcResult } from "./options.ts";
import { type Repacked, repack } from "./repack.ts";
import { renewReserve, withReserve } from "./reserve.ts";
import { putSegment, rewriteSegments } from "./segments.ts";
import { type Swept, sweep } from "./sweep.ts";
import { waitForLeases } from "./wait.ts";

/**
 * Frees what no snapshot reaches: marks, condemns in a durable list, waits for all who may not know of it, marks again, deletes. Snapshots and
 * restores go on meanwhile. ConflictError "LOCKED" if another gc works, or with `exclusive` anybody; CorruptError, and nothing deleted, if
 * anything that a snapshot needs is missing or damaged.
 */
export async function gc(
	repository: Repository,
	options: GcOptions = {},
): Promise<GcResult> {
	const subject = repository.backend.location;
	return await toldAs(repository, { verb: "gc", subject }, () =>
		options.dryRun === true
			? planOnly(repository, options)
			: withReserve(repository, () => collect(repository, options)),
	);
}

async function planOnly(
	repository: Repository,
	options: GcOptions,
): Promise<GcResult> {
	const marked = await mark(repository, options);
	using _ = marked.inventory;
	const { plan, dying, inventory, cold } = marked;
	const segments = inventory.segments.segments.length;
	const size = bytesOf(cold?.packs ?? []);
	const regrouped = { packs: cold?.packs.length ?? 0, size, bytes: 0 };
	const moved = { moved: plan.repack, bytes: plan.repackLive };
	const outline = resultOf(plan, { dying, ...moved, regrouped });
	return {
		...outline,
		// By how much it gets smaller shows when it is done.
		bytesFreed: outline.bytesFreed - size,
		bytesKept: outline.bytesKept + size,
		state: isEmpty(marked) ? "nothing" : "planned",
		resumed: false,
		segmentsBefore: segments,
		segmentsAfter: segments,
		waitingFor: [],
	};
}

async function collect(
	repository: Repository,
	given: GcOptions,
): Promise<GcResult> {
	return await withLease(
		repository,
		{ kind: "gc", snapshots: [], command: "gc" },
		async (stage, lost) => {
			const options = { ...given, signal: either(lost, given.signal) };
			requireAlone(await fenceDeadLeases(repository, stage), options);
			await fenceLeftStages(repository);
			// What an earlier gc removed and could not make durable would come back, after what it needs is deleted.
			await settleSeen(repository);
			const resumed = await sweepPending(repository, stage, options);
			if (resumed !== undefined && "pending" in resumed) return resumed.pending;
			const result = await collectNew(repository, stage, {
				options,
				resumed: resumed?.swept,
			});
			if (result.state !== "pending")
				await settleCopies(repository, stage, options.signal);
			await dropReplaced(repository, stage);
			await renewReserve(repository, stage);
			return result;
		},
	);
}

function requireAlone(
	others: readonly FoundLease[],
	{ exclusive }: GcOptions,
): void {
	const other = others.find(
		// One that cannot be read may be that of a gc.
		({ record }) => exclusive === true || (record?.kind ?? "gc") === "gc",
	);
	if (other !== undefined) throw lockedBy(other, "gc");
}

type Pending =
	| { readonly swept: Swept }
	| { readonly pending: GcResult }
	| undefined;

/** What an earlier gc condemned and could not delete yet. */
async function sweepPending(
	repository: Repository,
	stage: Stage,
	options: GcOptions,
): Promise<Pending> {
	const list = await pendingList(repository);
	if (list === undefined) return undefined;
	const waitingFor = await waitForLeases(repository, stage, {
		...options,
		list,
	});
	if (waitingFor.length > 0)
		return {
			pending: {
				...nothingFreed,
				state: "pending",
				resumed: true,
				snapshots: list.snapshots,
				packs: list.packs.length,
				waitingFor,
			},
		};
	return { swept: await sweep(repository, stage, list, options.signal) };
}

async function pendingList({
	backend,
	tools,
}: Repository): Promise<GcList | undefined> {
	for (const { name } of await backend.list("gc")) {
		const list = await readGcList(name, backend, tools);
		if (list !== undefined) return list;
	}
	return undefined;
}

interface NewCollection {
	readonly options: GcOptions;
	readonly resumed: Swept | undefined;
}

async function collectNew(
	repository: Repository,
	stage: Stage,
	{ options, resumed }: NewCollection,
): Promise<GcResult> {
	const marked = await mark(repository, options, stage);
	using inventory = marked.inventory;
	const { plan, dying } = marked;
	await settleUnnamed(repository, inventory.segments.adopted);
	if (isEmpty(marked))
		return await endWithout(repository, stage, { marked, resumed, options });
	const moved = await move(repository, stage, marked, options);
	const cold = await makeCold(repository, stage, marked, options);
	inventory[Symbol.dispose]();
	const list: GcList = {
		generation: stage.lease,
		time: new Date(repository.clock.now()).toISOString(),
		packs: [...plan.dead, ...moved.moved, ...cold.moved],
		snapshots: dying,
	};
	const { sha256Hex } = repository.tools;
	await stage.putBytes("gc", stage.lease, encodeGcList(list, sha256Hex));
	const { regrouped } = cold;
	const outline = resultOf(plan, { dying, ...moved, regrouped });
	const waitingFor = await waitForLeases(repository, stage, {
		...options,
		list,
	});
	if (waitingFor.length > 0)
		return {
			...outline,
			state: "pending",
			resumed: resumed !== undefined,
			segmentsBefore: inventory.segments.segments.length,
			segmentsAfter: inventory.segments.segments.length,
			waitingFor,
		};
	const swept = await sweep(repository, stage, list, options.signal);
	return together(resumed, {
		...outline,
		...swept,
		bytesFreed: swept.packBytes - moved.bytes - regrouped.bytes,
		state: "swept",
		resumed: resumed !== undefined,
		waitingFor: [],
	});
}

/** Nothing to condemn; but segments may be many. */
async function endWithout(
	repository: Repository,
	stage: Stage,
	{
		marked: { plan, inventory },
		resumed,
		options,
	}: NewCollection & { readonly marked: Marked },
): Promise<GcResult> {
	const { segments } = inventory.segments;
	const after = await rewriteSegments(repository, stage, {
		inventory,
		gone: new Set(),
		held: await heldLeases(repository),
		signal: options.signal,
	});
	if (after !== segments.length) repository.objects.outdate();
	return together(resumed, {
		...resultOf(plan, { dying: [], moved: [], bytes: 0, regrouped: noneYet }),
		state: resumed === undefined ? "nothing" : "swept",
		resumed: resumed !== undefined,
		segmentsBefore: segments.length,
		segmentsAfter: after,
		waitingFor: [],
	});
}

/** With what was swept first. */
function together(first: Swept | undefined, result: GcResult): GcResult {
	if (first === undefined) return result;
	return {
		...result,
		snapshots: [...first.snapshots, ...result.snapshots],
		packs: first.packs + result.packs,
		packBytes: first.packBytes + result.packBytes,
		bytesFreed: first.packBytes + result.bytesFreed,
		segmentsBefore: first.segmentsBefore,
	};
}

async function move(
	repository: Repository,
	stage: Stage,
	{ inventory, table, plan, kinds, remade, staying }: Marked,
	{ signal }: GcOptions,
): Promise<Repacked> {
	if (plan.repack.length === 0)
		return { moved: [], written: [], bytes: 0, leans: false };
	const packs = new Map(
		plan.repack.map((id) => [id, kinds.get(id) as PackKind]),
	);
	const packBytes = plan.repackBytes;
	const repacked = await repack(repository, stage, {
		...{ table, packs, slow: remade, packBytes, signal },
		stays: (pack) => staying.has(pack),
	});
	// Before the list condemns where their content lay until now. Who wrote the packs that are relied on may have been killed before any of this.
	if (repacked.leans) await repository.backend.settle(["packs"]);
	const left = repacked.leans
		? inventory.segments.adopted.filter(({ id }) => staying.has(id))
		: [];
	const unnamed = [...repacked.written, ...left];
	if (unnamed.length > 0) await putSegment(repository, stage, unnamed);
	if (repacked.written.length > 0)
		await copyTreePacks(repository, stage, repacked.written);
	if (repacked.leans) await completeCopies(repository, stage, signal);
	return repacked;
}

async function makeCold(
	repository: Repository,
	stage: Stage,
	{ table, cold: plan, staying }: Marked,
	{ repack, signal }: GcOptions,
): Promise<Pick<Repacked, "moved"> & { readonly regrouped: Regrouped }> {
	if (plan === undefined) return { moved: [], regrouped: noneYet };
	const compression = repack?.compression ?? "cold";
	const stays = (pack: PackId) => staying.has(pack);
	const options = { table, compression, stays, signal };
	const { moved, bytes } = await regroup(repository, stage, { plan, options });
	const done = new Set(moved);
	const size = bytesOf(plan.packs.filter(({ id }) => done.has(id)));
	return { moved, regrouped: { packs: moved.length, size, bytes } };
}

function bytesOf(packs: readonly PackUse[]): number {
	return packs.reduce((sum, { size }) => sum + size, 0);
}

function isEmpty({ plan, dying, cold }: Marked): boolean {
	return (
		plan.dead.length === 0 &&
		plan.repack.length === 0 &&
		dying.length === 0 &&
		cold === undefined
	);
}

/** Packs whose old content was put together anew, their bytes, and those of the packs that hold it now. */
interface Regrouped {
	readonly packs: number;
	readonly size: number;
	readonly bytes: number;
}

const noneYet: Regrouped = { packs: 0, size: 0, bytes: 0 };

interface Outcome {
	readonly dying: readonly SnapshotId[];
	readonly moved: readonly PackId[];
	/** Of the packs that hold what was moved. */
	readonly bytes: number;
	readonly regrouped: Regrouped;
}

function resultOf(plan: GcPlan, { dying, moved, bytes, regrouped }: Outcome) {
	const packBytes = plan.deadBytes + plan.repackBytes + regrouped.size;
	return {
		snapshots: dying,
		packs: plan.dead.length + moved.length + regrouped.packs,
		packBytes,
		packsRepacked: moved.length,
		bytesRepacked: bytes,
		packsRegrouped: regrouped.packs,
		bytesRegrouped: regrouped.size,
		bytesCold: regrouped.bytes,
		bytesFreed: packBytes - bytes - regrouped.bytes,
		bytesKept: plan.keptBytes - plan.repackBytes + bytes + regrouped.bytes,
		bytesUnused: plan.unusedBytes,
	};
}

const nothingFreed = {
	packBytes: 0,
	packsRepacked: 0,
	bytesRepacked: 0,
	packsRegrouped: 0,
	bytesRegrouped: 0,
	bytesCold: 0,
	bytesFreed: 0,
	bytesKept: 0,
	bytesUnused: 0,
	segmentsBefore: 0,
	segmentsAfter: 0,
};

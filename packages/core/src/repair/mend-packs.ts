import type { PackId, SegmentPack } from "@varve/format";
import type { ListedFile, OpenSegments, Stage } from "@varve/store";
import { waitForLeases } from "../gc/wait.ts";
import type { FoundLease } from "../lease-table.ts";
import { MovedFrames } from "../moved-frames.ts";
import { Progress } from "../progress.ts";
import type { Repository } from "../repository.ts";
import { settleUnnamed } from "../settle-seen.ts";
import { isAsWritten } from "./damaged-pack.ts";
import type { MendedPack } from "./options.ts";
import { PackBytes } from "./pack-bytes.ts";
import { putBack } from "./put-back.ts";
import { Salvage, type SalvagedPack } from "./salvage-packs.ts";
import { namePacks } from "./segments.ts";

export interface PacksToMend {
	/** Thought to be damaged. */
	readonly packs: readonly ListedFile[];
	readonly segments: OpenSegments;
	/** Condemned by a gc that is pending: what they hold does not count as held. */
	readonly condemned: ReadonlySet<string>;
	/** undefined for a dry run. */
	readonly stage: Stage | undefined;
	readonly wait: number | undefined;
	readonly signal: AbortSignal | undefined;
}

export interface PacksMended {
	readonly mended: readonly MendedPack[];
	/** Ids of chunks that are in no pack any more. */
	readonly lost: readonly string[];
	readonly packsWritten: number;
	readonly bytesWritten: number;
	readonly waitingFor: readonly FoundLease[];
}

/**
 * Moves whatever can be had of damaged packs to new ones, and the damaged ones to the quarantine. The order is such that every interruption leaves all that could be
 * read readable: new packs, segments that name them, then the damaged packs away. Segments go on naming those until dropAbsent finds that nothing is missing: as long as one
 * names a pack that is not there, no snapshot builds on an older one, so that none inherits a hole.
 */
export async function mendPacks(
	repository: Repository,
	work: PacksToMend,
): Promise<PacksMended> {
	const { segments, condemned, stage, signal } = work;
	// What lies in them too is not moved.
	if (stage !== undefined) await settleUnnamed(repository, segments.adopted);
	const { sound, restored, packs } = await sort(repository, work);
	const suspects = new Set(packs.map(({ name }) => name));
	const progress = new Progress(repository.observer, "repair");
	const bytes = packs.reduce((sum, { size }) => sum + size, 0);
	progress.begin("packs", { files: undefined, bytes });
	const target = stage && new MovedFrames(repository, stage);
	try {
		const salvage = new Salvage(repository, {
			table: segments.table(new Set([...suspects, ...condemned])),
			all: segments.table(condemned),
			target,
			signal,
			onProgress: (stored, pack) => progress.add(0, stored, `packs/${pack}`),
		});
		const accounts = accountsOf(segments, suspects);
		const salvaged = await salvage.take(
			packs,
			(name) => accounts.get(name) ?? [],
		);
		await salvage.rescue(others(segments, [...suspects, ...condemned]));
		await target?.finish();
		const lost = salvage.stillLost(salvaged);
		const moved = { salvaged, lost: new Set(lost), target };
		const waitingFor = await replace(repository, work, moved);
		const state =
			stage === undefined
				? "planned"
				: waitingFor.length > 0
					? "waiting"
					: "mended";
		return {
			mended: [
				...sound.map((pack) => untouched(pack, "sound")),
				...restored.map((pack) => untouched(pack, "restored")),
				...salvaged.map((one) => mendedPack(one, state, moved.lost)),
			],
			lost,
			packsWritten: target?.written.length ?? 0,
			bytesWritten: target?.bytes ?? 0,
			waitingFor,
		};
	} finally {
		target?.discard();
	}
}

interface Sorted {
	readonly sound: readonly PackId[];
	/** Damaged, and put back from their copies. */
	readonly restored: readonly PackId[];
	readonly packs: readonly ListedFile[];
}

/** Which are as they were written, and which have a copy that is; the others are to be salvaged. */
async function sort(
	repository: Repository,
	{ packs, stage }: PacksToMend,
): Promise<Sorted> {
	const sound: PackId[] = [];
	const restored: PackId[] = [];
	const damaged: ListedFile[] = [];
	for (const file of packs) {
		const name = file.name as PackId;
		const bytes = new PackBytes(repository.backend.blocking, file);
		if (isAsWritten(bytes, name)) sound.push(name);
		else if (await putBack(repository, stage, { kind: "packs", name }))
			restored.push(name);
		else damaged.push(file);
	}
	return { sound, restored, packs: damaged };
}

/** What segments and whole directories tell of these packs. */
function accountsOf(
	{ segments, adopted }: OpenSegments,
	names: ReadonlySet<string>,
): Map<string, SegmentPack[]> {
	const accounts = new Map<string, SegmentPack[]>();
	const take = (pack: SegmentPack) => {
		// One without frames says only that nobody knows what the pack held.
		if (names.has(pack.id) && pack.frames.length > 0)
			accounts.set(pack.id, [...(accounts.get(pack.id) ?? []), pack]);
	};
	for (const segment of segments)
		if (segment.packs.some(({ id }) => names.has(id)))
			segment.contents().forEach(take);
	adopted.forEach(take);
	return accounts;
}

/** Of all packs but these, with their frames; segments are read only when it comes to them. */
function* others(
	{ segments, adopted }: OpenSegments,
	without: readonly string[],
): Generator<SegmentPack> {
	const seen = new Set(without);
	const isNew = ({ id }: SegmentPack) => !seen.has(id) && seen.add(id);
	for (const segment of segments) yield* segment.contents().filter(isNew);
	yield* adopted.filter(isNew);
}

interface Moved {
	readonly salvaged: readonly SalvagedPack[];
	readonly lost: ReadonlySet<string>;
	readonly target: MovedFrames | undefined;
}

/** All that was moved is durable: names it, and takes the damaged packs away. Returns who reads here still, if they must stay for that. */
async function replace(
	repository: Repository,
	{ segments, stage, wait, signal }: PacksToMend,
	{ salvaged, lost, target }: Moved,
): Promise<readonly FoundLease[]> {
	if (stage === undefined || target === undefined) return [];
	if (salvaged.length === 0) return [];
	const isNamed = new Set(
		segments.segments.flatMap(({ packs }) => packs.map(({ id }) => id)),
	);
	const holed = salvaged.filter((one) => isHoled(one, lost));
	const tombstones = holed
		.filter(({ pack }) => !isNamed.has(pack))
		.map(tombstoneOf);
	await namePacks(repository, stage, [...target.written, ...tombstones]);
	repository.objects.outdate();
	const readers = await waitForLeases(repository, stage, { wait, signal });
	if (readers.length > 0) return readers;
	const { backend } = repository;
	for (const { pack } of salvaged) {
		// The copy first: alone it would tell of a pack that is lost.
		await backend.quarantine(stage, "copies/packs", pack);
		await backend.quarantine(stage, "packs", pack);
	}
	repository.objects.outdate();
	return [];
}

/** Something in it is lost, or may be. */
function isHoled(
	{ account, lost }: SalvagedPack,
	all: ReadonlySet<string>,
): boolean {
	return !account.isComplete || lost.some((id) => all.has(id));
}

/**
 * Names a pack that is about to go, as long as nobody knows whether anything that was in it is still needed: with its frames, or with none if it may have had more. The
 * size is never that of the pack, which counts as lost then although it is still there.
 */
function tombstoneOf({ pack, account }: SalvagedPack): SegmentPack {
	const frames = account.isComplete ? account.frames : [];
	const byOffset = new Map(frames.map((frame) => [frame.offset, frame]));
	const size = account.file.size + 1;
	return { id: pack, size, kind: account.kind, frames: [...byOffset.values()] };
}

function untouched(pack: PackId, state: "sound" | "restored"): MendedPack {
	const nothing = { chunks: 0, bytes: 0, elsewhere: 0, lost: 0 };
	return { pack, state, ...nothing, isComplete: true };
}

function mendedPack(
	{ pack, account, chunks, bytes, elsewhere, lost }: SalvagedPack,
	state: "planned" | "waiting" | "mended",
	all: ReadonlySet<string>,
): MendedPack {
	return {
		pack,
		state,
		chunks,
		bytes,
		elsewhere,
		lost: lost.filter((id) => all.has(id)).length,
		isComplete: account.isComplete,
	};
}

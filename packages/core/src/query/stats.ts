import type { SnapshotId } from "@varve/format";
import { prepareToRead } from "../prepare-to-read.ts";
import { withReaderLease } from "../reader-lease.ts";
import type { Repository, Snapshot } from "../repository.ts";
import { listSnapshots } from "./list-snapshots.ts";
import { type OwnedObject, OwnedObjects, shared } from "./owned-objects.ts";

/** Stored objects: chunks of content, trees, lists. */
export interface ObjectSums {
	readonly objects: number;
	/** Bytes before compression. */
	readonly rawBytes: number;
	/** Bytes in packs: of each frame, its objects' part. */
	readonly storedBytes: number;
}

export interface SnapshotStats {
	readonly id: SnapshotId;
	readonly files: number;
	/** Content bytes of all files. */
	readonly restoreBytes: number;
	/** What no other snapshot refers to: about what forgetting it would free. */
	readonly alone: ObjectSums;
}

export interface RepositoryStats {
	/** Those that were asked for, the newest last. */
	readonly snapshots: readonly SnapshotStats[];
	/** Of all of them together, each snapshot for itself. */
	readonly files: number;
	readonly restoreBytes: number;
	/** What they refer to, each object once. */
	readonly referred: ObjectSums;
	/** Of these, the chunks that are stored as differences from others. */
	readonly deltas: ObjectSums;
	/** Bytes of all packs of the repository, whoever refers to them. */
	readonly packBytes: number;
}

export interface StatsOptions {
	readonly signal?: AbortSignal | undefined;
	/** Chunks to keep account of at a time; with more, all trees are read again for each so many. A chunk takes 32 to 64 bytes. */
	readonly chunksAtATime?: number | undefined;
}

const defaultChunks = 3_000_000;

/**
 * What these snapshots hold, and what each of them alone does among all that are not forgotten. Reads every tree of the repository,
 * and no content.
 */
export async function stats(
	repository: Repository,
	snapshots: readonly Snapshot[],
	options: StatsOptions = {},
): Promise<RepositoryStats> {
	const lease = { snapshots: snapshots.map(({ id }) => id), command: "stats" };
	return await withReaderLease(repository, lease, async () => {
		const all = await listSnapshots(repository);
		const listing = await prepareToRead(
			repository,
			all.map(({ id }) => id),
		);
		const asked = new Set(snapshots.map(({ id }) => id));
		const others = all.filter(({ id }) => !asked.has(id));
		const sums = await sumUp(repository, { snapshots, others, options });
		const own = snapshots.map(({ id, record }, i) => ({
			id,
			files: record.statistics.files,
			restoreBytes: record.statistics.bytes,
			alone: sums.alone[i] as ObjectSums,
		}));
		return {
			snapshots: own,
			files: total(own.map(({ files }) => files)),
			restoreBytes: total(own.map(({ restoreBytes }) => restoreBytes)),
			referred: sums.referred,
			deltas: sums.deltas,
			packBytes: total(listing.packs.map(({ size }) => size)),
		};
	});
}

interface Work {
	readonly snapshots: readonly Snapshot[];
	readonly others: readonly Snapshot[];
	readonly options: StatsOptions;
}

type Draft = { -readonly [K in keyof ObjectSums]: number };

async function sumUp(
	repository: Repository,
	{ snapshots, others, options }: Work,
): Promise<{ alone: readonly Draft[]; referred: Draft; deltas: Draft }> {
	const alone = snapshots.map(noSums);
	const referred = noSums();
	const deltas = noSums();
	const divisor = passesFor([...snapshots, ...others], options);
	for (let remainder = 0; remainder < divisor; remainder++) {
		const { signal } = options;
		const owned = new OwnedObjects(repository, { remainder, divisor, signal });
		for (const [i, { record }] of snapshots.entries())
			await owned.visit(record, i + 1, true);
		for (const [i, { record }] of others.entries())
			await owned.visit(record, snapshots.length + i + 1, false);
		for (const object of owned.objects()) {
			if (object.counts) add(referred, object);
			if (object.counts && object.based) add(deltas, object);
			const sums =
				object.owner === shared ? undefined : alone[object.owner - 1];
			if (sums !== undefined) add(sums, object);
		}
	}
	return { alone, referred, deltas };
}

/** As many as it takes to keep account of so many chunks at a time. Records tell how many there are, but for those that are forgotten. */
function passesFor(
	snapshots: readonly Snapshot[],
	{ chunksAtATime = defaultChunks }: StatsOptions,
): number {
	const chunks = total(
		snapshots.map(({ record }) => record.statistics.chunksAdded),
	);
	return Math.max(1, Math.ceil(chunks / chunksAtATime));
}

function add(sums: Draft, { raw, stored }: OwnedObject): void {
	sums.objects++;
	sums.rawBytes += raw;
	sums.storedBytes += stored;
}

function noSums(): Draft {
	return { objects: 0, rawBytes: 0, storedBytes: 0 };
}

function total(numbers: readonly number[]): number {
	return numbers.reduce((sum, n) => sum + n, 0);
}

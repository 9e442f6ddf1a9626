import { join } from "node:path";
import type {
	Bytes,
	Hash64,
	LeaseId,
	PackId,
	Place,
	SegmentPack,
	SnapshotId,
	SnapshotRecord,
} from "@varve/format";
import type { ReadBackend } from "./backend.ts";
import { type CaughtUp, IndexState } from "./catch-up.ts";
import type { ChunkLookup, LookupDescriptor } from "./chunk-lookup.ts";
import { IndexFolder } from "./index-folder.ts";
import { LevelStore } from "./level-store.ts";
import { readVerified, writeVerified } from "./pack-verified.ts";
import type {
	Listing,
	PlaceOptions,
	RepositoryIndex,
} from "./repository-index.ts";
import {
	putRecord,
	recordsFromBackend,
	recordsFromLevel,
} from "./snapshot-records.ts";
import type { Warn } from "./warn.ts";

export interface IndexOptions {
	readonly backend: ReadBackend;
	/** Of all repositories; undefined for an index that keeps nothing. */
	readonly cacheFolder: string | undefined;
	/** 64 hex digits. */
	readonly repositoryId: string;
	/** XXH64 with seed 0. */
	readonly hash64: Hash64;
	readonly sha256Hex: (bytes: Bytes) => string;
	readonly warn: Warn;
}

/** Opens nothing yet. No fault of the cache makes any call fail: it costs time, and a warning. */
export async function openRepositoryIndex(
	options: IndexOptions,
): Promise<RepositoryIndex> {
	return new LevelRepositoryIndex(options);
}

class LevelRepositoryIndex implements RepositoryIndex {
	readonly #options: IndexOptions;
	readonly #level: LevelStore;
	readonly #state: IndexState;
	#caughtUp: CaughtUp | undefined;
	#lookup: ChunkLookup | undefined;

	constructor(options: IndexOptions) {
		this.#options = options;
		const { cacheFolder, repositoryId, hash64, warn } = options;
		const folder = cacheFolder && join(cacheFolder, repositoryId);
		const index = folder
			? new IndexFolder({ folder, repositoryId, hash64, warn })
			: undefined;
		this.#level = new LevelStore(index, hash64, warn);
		this.#state = new IndexState({
			...options,
			folder,
			level: this.#level,
		});
	}

	async records(
		ids: readonly SnapshotId[],
	): Promise<Map<SnapshotId, SnapshotRecord>> {
		if (ids.length === 0) return new Map();
		const { hash64 } = this.#options;
		const known = await this.#level.use(({ database }) =>
			recordsFromLevel(database, ids, hash64),
		);
		const records = known ?? new Map<SnapshotId, SnapshotRecord>();
		const missing = ids.filter((id) => !records.has(id));
		if (missing.length === 0) return records;
		const read = await recordsFromBackend(missing, this.#options);
		await this.#remember(read);
		for (const [id, record] of read) records.set(id, record);
		return records;
	}

	async addRecord(id: SnapshotId, record: SnapshotRecord): Promise<void> {
		await this.#remember(new Map([[id, record]]));
	}

	async #remember(
		records: ReadonlyMap<SnapshotId, SnapshotRecord>,
	): Promise<void> {
		if (records.size === 0) return;
		await this.#level.use(({ database }) =>
			database.batch(
				[...records].map(([id, record]) =>
					putRecord(id, record, this.#options.hash64),
				),
			),
		);
	}

	async catchUp(
		listing: Listing,
		options: { signal?: AbortSignal | undefined } = {},
	): Promise<void> {
		const before = this.#caughtUp;
		this.#caughtUp = await this.#state.catchUp(listing, options.signal);
		this.#lookup = undefined;
		before?.close();
	}

	#requireCaughtUp(): CaughtUp {
		if (this.#caughtUp === undefined)
			throw new Error("the index has not caught up with a listing yet");
		return this.#caughtUp;
	}

	get lookup(): ChunkLookup {
		const { empty } = this.#requireCaughtUp().lookup;
		// The same one for each listing: whoever remembers what it found goes by that.
		this.#lookup ??= {
			empty,
			// Of the listing that was caught up with last: the files of an older one may be closed.
			find: (ids, at) => this.#requireCaughtUp().lookup.find(ids, at),
			close: () => undefined,
		};
		return this.#lookup;
	}

	get lookupDescriptor(): LookupDescriptor {
		return this.#requireCaughtUp().descriptor;
	}

	places(ids: Bytes, options?: PlaceOptions): (Place | undefined)[] {
		return this.#requireCaughtUp().places(ids, options);
	}

	get adopted(): readonly SegmentPack[] {
		return this.#requireCaughtUp().adopted;
	}

	get lost(): readonly string[] {
		return this.#requireCaughtUp().lost;
	}

	async addSegment(name: string, bytes: Bytes, _lease: LeaseId): Promise<void> {
		await this.#state.addSegment(name, bytes);
	}

	async verified(packs: readonly PackId[]): Promise<Map<PackId, number>> {
		const { hash64 } = this.#options;
		const times = await this.#level.use(({ database }) =>
			readVerified(database, packs, hash64),
		);
		return times ?? new Map();
	}

	async setVerified(packs: readonly PackId[], time: number): Promise<void> {
		const { hash64 } = this.#options;
		await this.#level.use(({ database }) =>
			writeVerified(database, { packs, time }, hash64),
		);
	}

	async close(): Promise<void> {
		this.#caughtUp?.close();
		this.#caughtUp = undefined;
		this.#state.close();
		await this.#level.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}
}

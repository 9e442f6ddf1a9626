import { idAt, idBytes, type PackId, type SegmentPack } from "@varve/format";
import type { ChunkTable, ListedFile } from "@varve/store";
import { attemptRead } from "../damage.ts";
import { FrameCache } from "../frame-cache.ts";
import { sourcesOf } from "../gc/sweep.ts";
import type { MovedFrames } from "../moved-frames.ts";
import { standsAt } from "../prove-chunks.ts";
import type { Repository } from "../repository.ts";
import {
	accountOfPack,
	isAsWritten,
	type KnownFrame,
	type PackAccount,
} from "./damaged-pack.ts";
import { PackBytes } from "./pack-bytes.ts";
import {
	type Salvaged,
	type SalvageTools,
	salvageFrame,
} from "./salvage-frame.ts";

export interface SalvageOptions {
	/** All packs but those that are thought to be damaged, and what is condemned. */
	readonly table: ChunkTable;
	/** undefined for a dry run. */
	readonly target: MovedFrames | undefined;
	readonly signal: AbortSignal | undefined;
	readonly onProgress?: ((bytes: number, pack: string) => void) | undefined;
}

/** What became of one pack. */
export interface SalvagedPack {
	readonly pack: PackId;
	/** It is just as it was written: nothing is done with it. */
	readonly isSound: boolean;
	readonly account: PackAccount | undefined;
	/** Frames and chunks that were moved to new packs, and the bytes of these chunks. */
	readonly frames: number;
	readonly chunks: number;
	readonly bytes: number;
	/** Chunks that another pack holds too, and gives. */
	readonly elsewhere: number;
	/** Ids of chunks that cannot be had from it, nor from another pack. */
	readonly lost: readonly string[];
}

const cacheBytes = 24 * 1024 * 1024;

/** Takes whatever can be proved out of damaged packs. */
export class Salvage {
	readonly #repository: Repository;
	readonly #options: SalvageOptions;
	readonly #others: FrameCache;
	readonly #using: SalvageTools;
	/** Chunks that were moved, of all packs so far. */
	readonly #saved = new Set<string>();

	constructor(repository: Repository, options: SalvageOptions) {
		this.#repository = repository;
		this.#options = options;
		const { table } = options;
		this.#others = new FrameCache(sourcesOf(repository, [table]), cacheBytes);
		const { tools } = repository;
		const dictionary = (ids: Uint8Array) => this.#others.dictionary(ids);
		this.#using = { tools, dictionary };
	}

	/** `accounts`: what segments and whole directories tell of it. */
	async take(
		file: ListedFile,
		accounts: readonly SegmentPack[],
	): Promise<SalvagedPack> {
		const { backend } = this.#repository;
		const bytes = new PackBytes(backend.blocking, file);
		const pack = file.name as PackId;
		const sums = { frames: 0, chunks: 0, bytes: 0, elsewhere: 0 };
		if (isAsWritten(bytes, file.name))
			return { pack, isSound: true, account: undefined, ...sums, lost: [] };
		const using = this.#using;
		const account = accountOfPack(file, bytes, { accounts, using });
		const copy = this.#copyOf(file);
		const missing = new Set<string>();
		for (const frame of account.frames) {
			this.#options.signal?.throwIfAborted();
			const stored = [bytes, copy].flatMap(
				(source) => source?.read(frame.offset, frame.storedLength) ?? [],
			);
			const taken = await this.#takeFrame(frame, stored, missing);
			sums.frames += taken.frames;
			sums.chunks += taken.chunks;
			sums.bytes += taken.bytes;
			sums.elsewhere += taken.elsewhere;
			this.#options.onProgress?.(frame.storedLength, pack);
			await new Promise((resolve) => setImmediate(resolve));
		}
		return { pack, isSound: false, account, ...sums, lost: [...missing] };
	}

	/** Of the chunks that were called lost those that no other damaged pack gave either. */
	stillLost(packs: readonly SalvagedPack[]): string[] {
		const all = new Set(packs.flatMap(({ lost }) => lost));
		return [...all].filter((id) => !this.#saved.has(id));
	}

	async #takeFrame(
		frame: KnownFrame,
		stored: readonly Uint8Array[],
		missing: Set<string>,
	) {
		const count = frame.lengths.length;
		const wanted = new Set<number>();
		for (let i = 0; i < count; i++)
			if (!this.#isElsewhere(frame.ids, i * idBytes)) wanted.add(i);
		const taken = { frames: 0, chunks: 0, bytes: 0 };
		const elsewhere = count - wanted.size;
		if (wanted.size === 0) return { ...taken, elsewhere };
		const { target } = this.#options;
		const { whole, raw, proved } = this.#salvage(stored, frame);
		if (whole !== undefined) {
			await target?.addFrame(frame.kind, whole, frame);
			taken.frames++;
		}
		let at = 0;
		for (let i = 0; i < count; i++) {
			const bytes = raw.subarray(at, at + (frame.lengths[i] as number));
			at += bytes.length;
			const id = idAt(frame.ids, i * idBytes);
			if (!wanted.has(i)) continue;
			if (proved[i] === true) {
				if (whole === undefined)
					await target?.addChunk(
						frame.kind,
						frame.ids.subarray(i * idBytes, (i + 1) * idBytes),
						bytes,
					);
				this.#saved.add(id);
				missing.delete(id);
				taken.chunks++;
				taken.bytes += bytes.length;
			} else if (!this.#saved.has(id)) missing.add(id);
		}
		return { ...taken, elsewhere };
	}

	/** From the pack, and what it does not give from its copy, which is damaged too. */
	#salvage(stored: readonly Uint8Array[], frame: KnownFrame): Salvaged {
		let best: Salvaged | undefined;
		for (const bytes of stored) {
			const salvaged = salvageFrame(bytes, frame, this.#using);
			if (salvaged.whole !== undefined || best === undefined) best = salvaged;
			else best = together(frame, best, salvaged);
			if (best.whole !== undefined) return best;
		}
		return best as Salvaged;
	}

	#copyOf(file: ListedFile): PackBytes | undefined {
		const { blocking } = this.#repository.backend;
		const size = blocking.size("copies/packs", file.name);
		if (size === undefined) return undefined;
		return new PackBytes(blocking, { name: file.name, size }, "copies/packs");
	}

	/** Another pack holds the chunk, and gives its bytes: that it is named there is not enough. */
	#isElsewhere(ids: Uint8Array, at: number): boolean {
		if (this.#saved.has(idAt(ids, at))) return true;
		const place = this.#options.table.find(ids, at);
		if (place === undefined) return false;
		const { tools } = this.#repository;
		const hash = attemptRead(() =>
			this.#others
				.frame(place)
				.hash(place.ordinal, (bytes) => tools.sha256(bytes)),
		);
		return hash instanceof Uint8Array && standsAt(hash, ids, at);
	}
}

/** What either of two readings of a frame gives. */
function together(
	{ lengths }: KnownFrame,
	one: Salvaged,
	other: Salvaged,
): Salvaged {
	const raw = one.raw.slice();
	let at = 0;
	lengths.forEach((length, i) => {
		if (other.proved[i] === true)
			raw.set(other.raw.subarray(at, at + length), at);
		at += length;
	});
	const proved = one.proved.map(
		(isProved, i) => isProved || other.proved[i] === true,
	);
	return { whole: undefined, raw, proved };
}

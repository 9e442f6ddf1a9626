import {
	dictionaryPrefixBytes,
	idAt,
	idBytes,
	isVarveError,
	type PackFrame,
	type PackId,
	type PackKind,
	type SegmentPack,
} from "@varve/format";
import type { ChunkTable, ListedFile } from "@varve/store";
import { attemptRead } from "../damage.ts";
import { CachedFrame, FrameCache, type FramePlace } from "../frame-cache.ts";
import { sourcesOf } from "../gc/sweep.ts";
import type { MovedFrames } from "../moved-frames.ts";
import { standsAt } from "../prove-chunks.ts";
import type { Repository } from "../repository.ts";
import {
	accountOfPack,
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
	/** The damaged ones too: bases are looked for everywhere. */
	readonly all: ChunkTable;
	/** undefined for a dry run. */
	readonly target: MovedFrames | undefined;
	readonly signal: AbortSignal | undefined;
	readonly onProgress?: ((bytes: number, pack: string) => void) | undefined;
}

/** What became of one pack. */
export interface SalvagedPack {
	readonly pack: PackId;
	readonly account: PackAccount;
	/** Frames and chunks that were moved to new packs, and the bytes of these chunks. */
	readonly frames: number;
	readonly chunks: number;
	readonly bytes: number;
	/** Chunks that another pack holds too, and gives. */
	readonly elsewhere: number;
	/** Ids of chunks that cannot be had from it, nor from another pack. */
	readonly lost: readonly string[];
}

const none = new Uint8Array(0);
const cacheBytes = 24 * 1024 * 1024;

interface OpenPack {
	readonly file: ListedFile;
	/** The pack, and its copy if it has one. */
	readonly sources: readonly PackBytes[];
	readonly account: PackAccount;
	readonly sums: {
		frames: number;
		chunks: number;
		bytes: number;
		elsewhere: number;
	};
	readonly missing: Set<string>;
}

/** Takes whatever can be proved out of damaged packs. */
export class Salvage {
	readonly #repository: Repository;
	readonly #options: SalvageOptions;
	readonly #others: FrameCache;
	readonly #using: SalvageTools;
	/** Chunks that were moved, of all packs so far. */
	readonly #saved = new Set<string>();
	/** Those that lay in frames without bases and cannot be had from one any more: nothing may go on being compressed beside them. */
	readonly #gone = new Set<string>();
	/** Chunks that damaged frames were compressed beside, and their bytes as far as they were moved. */
	readonly #needed = new Set<string>();
	readonly #bases = new Map<string, Uint8Array>();

	constructor(repository: Repository, options: SalvageOptions) {
		this.#repository = repository;
		this.#options = options;
		const { table, all } = options;
		const sources = sourcesOf(repository, [table, all]);
		this.#others = new FrameCache(sources, cacheBytes);
		const { tools } = repository;
		const dictionary = (ids: Uint8Array) => this.#dictionary(ids);
		this.#using = { tools, dictionary };
	}

	/** `accountsOf`: what segments and whole directories tell of a pack. Frames without bases come first: others may need them. */
	async take(
		files: readonly ListedFile[],
		accountsOf: (name: string) => readonly SegmentPack[],
	): Promise<SalvagedPack[]> {
		const open = files.map((file) => this.#open(file, accountsOf(file.name)));
		for (const { account } of open)
			for (const { bases } of account.frames)
				for (let at = 0; at < bases.length; at += idBytes)
					this.#needed.add(idAt(bases, at));
		for (const pack of open) await this.#takeFrames(pack, true);
		for (const { missing } of open)
			for (const id of missing) if (!this.#saved.has(id)) this.#gone.add(id);
		for (const pack of open) await this.#takeFrames(pack, false);
		return open.map(({ file, account, sums, missing }) => ({
			pack: file.name as PackId,
			account,
			...sums,
			lost: [...missing],
		}));
	}

	/**
	 * Takes out of intact packs what was compressed beside a chunk that is gone: as long as that lies in its damaged pack, it can be read where
	 * the damage does not matter to it.
	 */
	async rescue(packs: Iterable<SegmentPack>): Promise<void> {
		if (this.#gone.size === 0) return;
		for (const { id: pack, kind, frames } of packs)
			for (const frame of frames) {
				if (!this.#loses(frame.bases)) continue;
				this.#options.signal?.throwIfAborted();
				await this.#rescueFrame({ ...frame, pack }, kind);
			}
	}

	async #rescueFrame(
		frame: PackFrame & FramePlace,
		kind: PackKind,
	): Promise<void> {
		const { tools } = this.#repository;
		const { ids, lengths } = frame;
		const decoded = attemptRead(() =>
			readTwice(() => this.#others.frame(frame)),
		);
		if (!(decoded instanceof CachedFrame)) return;
		// What is looked for elsewhere is read into the same memory.
		const chunks = Array.from(lengths, (_, i) => {
			const hash = decoded.hash(i, (bytes) => tools.sha256(bytes));
			return standsAt(hash, ids, i * idBytes)
				? decoded.chunk(i).slice()
				: undefined;
		});
		for (const [i, bytes] of chunks.entries()) {
			const at = i * idBytes;
			const isElsewhere = this.#isElsewhere({ ids, bases: none }, at);
			if (bytes === undefined || isElsewhere) continue;
			const id = ids.subarray(at, at + idBytes);
			await this.#options.target?.addChunk(kind, id, bytes);
			this.#saved.add(idAt(ids, at));
		}
	}

	/** One of these is gone. */
	#loses(ids: Uint8Array): boolean {
		for (let at = 0; at < ids.length; at += idBytes)
			if (this.#gone.has(idAt(ids, at))) return true;
		return false;
	}

	#open(file: ListedFile, accounts: readonly SegmentPack[]): OpenPack {
		const { backend } = this.#repository;
		const bytes = new PackBytes(backend.blocking, file);
		const using = this.#using;
		return {
			file,
			sources: [bytes, this.#copyOf(file)].flatMap((one) => one ?? []),
			account: accountOfPack(file, bytes, { accounts, using }),
			sums: { frames: 0, chunks: 0, bytes: 0, elsewhere: 0 },
			missing: new Set(),
		};
	}

	async #takeFrames(
		{ file, sources, account, sums, missing }: OpenPack,
		isPlain: boolean,
	): Promise<void> {
		for (const frame of account.frames) {
			if ((frame.bases.length === 0) !== isPlain) continue;
			this.#options.signal?.throwIfAborted();
			const stored = sources.map((source) =>
				source.read(frame.offset, frame.storedLength),
			);
			const taken = await this.#takeFrame(frame, stored, missing);
			sums.frames += taken.frames;
			sums.chunks += taken.chunks;
			sums.bytes += taken.bytes;
			sums.elsewhere += taken.elsewhere;
			this.#options.onProgress?.(frame.storedLength, file.name);
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	/** Of bases that are salvaged themselves, and of others as they lie anywhere, in copies of packs too. */
	#dictionary(ids: Uint8Array): Uint8Array {
		const parts: Uint8Array[] = [];
		for (let at = 0; at < ids.length; at += idBytes) {
			const id = ids.subarray(at, at + idBytes);
			const others = () =>
				readTwice(() => this.#others.dictionary(id, "copies/packs")).slice(
					dictionaryPrefixBytes,
				);
			parts.push(this.#bases.get(idAt(ids, at)) ?? others());
		}
		return Buffer.concat([new Uint8Array(dictionaryPrefixBytes), ...parts]);
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
			if (!this.#isElsewhere(frame, i * idBytes)) wanted.add(i);
		const taken = { frames: 0, chunks: 0, bytes: 0 };
		const elsewhere = count - wanted.size;
		if (wanted.size === 0) return { ...taken, elsewhere };
		const { target } = this.#options;
		const { raw, proved, ...salvaged } = this.#salvage(stored, frame);
		const isBare = this.#loses(frame.bases) || this.#loses(frame.ids);
		const whole = isBare ? undefined : salvaged.whole;
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
				if (this.#needed.has(id)) this.#bases.set(id, bytes.slice());
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
	#isElsewhere(
		{ ids, bases }: Pick<KnownFrame, "ids" | "bases">,
		at: number,
	): boolean {
		if (this.#saved.has(idAt(ids, at))) return true;
		const place = this.#options.table.find(ids, at);
		if (place === undefined) return false;
		// A base must lie in a frame without bases: what lies so here must do so there.
		if (bases.length === 0 && !place.frame.plain) return false;
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

/** What is not read here is given up for good: a storage that fails is asked once more. */
function readTwice<T>(read: () => T): T {
	try {
		return read();
	} catch (error) {
		if (isVarveError(error) && error.name === "StorageError") return read();
		throw error;
	}
}

import {
	type Bytes,
	equalBytes,
	FrameKind,
	idAt,
	idBytes,
	isVarveError,
	type PackFrame,
	type PackId,
	type PackKind,
	type SegmentPack,
} from "@varve/format";
import type { FrameEncoder, PackWriter, WrittenPack } from "@varve/kernel";
import type { ChunkTable, FrameUse, Stage } from "@varve/store";
import type { CachedFrame } from "../frame-cache.ts";
import { FrameCache } from "../frame-cache.ts";
import type { Repository } from "../repository.ts";
import { sourcesOf } from "./sweep.ts";

export interface RepackOptions {
	/** What is live. */
	readonly table: ChunkTable;
	/** Packs whose live part is to be moved, and of what kind they are. */
	readonly packs: ReadonlyMap<PackId, PackKind>;
	readonly signal: AbortSignal | undefined;
	readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface Repacked {
	/** Packs all of whose live chunks lie in new ones now. */
	readonly moved: readonly PackId[];
	/** The new packs, durable. */
	readonly written: readonly SegmentPack[];
	/** Bytes of these. */
	readonly bytes: number;
}

/**
 * Moves what is live in some packs to new ones. Each chunk is decoded and proved on the way; a pack with damage in it stays where it is, for
 * verify and repair to see.
 */
export async function repack(
	repository: Repository,
	stage: Stage,
	options: RepackOptions,
): Promise<Repacked> {
	const work = new Repacking(repository, stage, options.table);
	try {
		for (const { pack, frames } of options.table.framesOf(
			new Set(options.packs.keys()),
		)) {
			options.signal?.throwIfAborted();
			const kind = options.packs.get(pack) as PackKind;
			await work.move(pack, kind, frames);
			options.onProgress?.(work.bytes);
		}
		await work.finish();
		return work;
	} finally {
		work.discard();
	}
}

/** Moved chunks that are remembered: copies lie close together, if there are any. */
const maxRemembered = 100_000;

/** What is live of a frame that is taken apart, waiting for a frame of its own. */
interface Gathered {
	readonly parts: Bytes[];
	readonly ids: Bytes[];
	readonly lengths: number[];
	bytes: number;
}

class Repacking implements Repacked {
	readonly moved: PackId[] = [];
	readonly written: SegmentPack[] = [];
	bytes = 0;
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #frames: FrameCache;
	readonly #encoder: FrameEncoder;
	readonly #writers = new Map<PackKind, PackWriter>();
	readonly #gathered = new Map<PackKind, Gathered>();
	/** Chunks that were moved: of one that lies in two of the packs, one copy is enough. */
	readonly #done = new Set<string>();

	constructor(repository: Repository, stage: Stage, table: ChunkTable) {
		const { kernel } = repository;
		this.#repository = repository;
		this.#stage = stage;
		this.#encoder = kernel.encoder("auto");
		this.#frames = new FrameCache(
			sourcesOf(repository, [table]),
			8 * 1024 * 1024,
		);
	}

	async move(
		pack: PackId,
		kind: PackKind,
		frames: readonly FrameUse[],
	): Promise<void> {
		for (const use of frames) {
			if (!use.live.includes(1)) continue;
			// What was moved before the damage lies twice then, and the pack stays.
			if (!this.#isSound(pack, use)) return;
			await this.#moveFrame(pack, kind, use);
		}
		this.moved.push(pack);
	}

	#isSound(pack: PackId, { frame, live }: FrameUse): boolean {
		try {
			const decoded = this.#frames.frame({ pack, ...frame });
			return live.every(
				(isLive, i) => isLive === 0 || this.#isProved(decoded, frame, i),
			);
		} catch (error) {
			if (!isVarveError(error) || error.name !== "CorruptError") throw error;
			this.#tellDamage(pack, error.message);
			return false;
		}
	}

	#isProved(decoded: CachedFrame, { ids }: PackFrame, i: number): boolean {
		const { tools } = this.#repository;
		const hash = decoded.hash(i, (bytes) => tools.sha256(bytes));
		const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
		if (equalBytes(hash, id)) return true;
		this.#tellDamage("", `the chunk ${idAt(ids, i * idBytes)} is damaged`);
		return false;
	}

	#tellDamage(pack: string, message: string): void {
		this.#repository.observer.on({
			type: "warning",
			message: `a pack is left where it is: ${message} ${pack}`.trimEnd(),
		});
	}

	async #moveFrame(pack: PackId, kind: PackKind, use: FrameUse): Promise<void> {
		if (use.movesWhole) await this.#moveWhole(pack, kind, use.frame);
		else await this.#moveChunks(pack, kind, use);
	}

	async #moveWhole(
		pack: PackId,
		kind: PackKind,
		frame: PackFrame,
	): Promise<void> {
		const stored = new Uint8Array(frame.storedLength);
		const { blocking } = this.#repository.backend;
		blocking.readInto("packs", pack, frame.offset, stored);
		await this.#add(kind, stored, frame);
	}

	async #moveChunks(
		pack: PackId,
		kind: PackKind,
		{ frame, live }: FrameUse,
	): Promise<void> {
		const decoded = this.#frames.frame({ pack, ...frame });
		for (let i = 0; i < live.length; i++) {
			const id = frame.ids.slice(i * idBytes, (i + 1) * idBytes);
			const key = idAt(id);
			if (live[i] === 0 || this.#done.has(key)) continue;
			if (this.#done.size >= maxRemembered) this.#done.clear();
			this.#done.add(key);
			const gathered = this.#gatheredOf(kind);
			const bytes = decoded.chunk(i).slice();
			gathered.parts.push(bytes);
			gathered.ids.push(id);
			gathered.lengths.push(bytes.length);
			gathered.bytes += bytes.length;
			if (gathered.bytes >= this.#repository.config.frameBytes)
				await this.#closeFrame(kind);
		}
	}

	#gatheredOf(kind: PackKind): Gathered {
		let gathered = this.#gathered.get(kind);
		if (gathered === undefined) {
			gathered = { parts: [], ids: [], lengths: [], bytes: 0 };
			this.#gathered.set(kind, gathered);
		}
		return gathered;
	}

	async #closeFrame(kind: PackKind): Promise<void> {
		const gathered = this.#gathered.get(kind);
		this.#gathered.delete(kind);
		if (gathered === undefined) return;
		const raw = joined(gathered.parts, gathered.bytes);
		const lengths = Uint32Array.from(gathered.lengths);
		const frame = this.#encoder.encode({
			kind,
			raw,
			lengths,
			count: lengths.length,
		});
		await this.#add(kind, frame, {
			ids: joined(gathered.ids, lengths.length * idBytes),
			lengths,
			bases: new Uint8Array(0),
			rawLength: raw.length,
		});
	}

	async #add(
		kind: PackKind,
		stored: Bytes,
		{
			ids,
			lengths,
			bases,
			rawLength,
		}: Pick<PackFrame, "ids" | "lengths" | "bases" | "rawLength">,
	): Promise<void> {
		const full = this.#writerOf(kind).add(stored, {
			ids,
			lengths,
			bases,
			rawLength,
		});
		if (full !== undefined) await this.#put(full);
	}

	#writerOf(kind: PackKind): PackWriter {
		let writer = this.#writers.get(kind);
		if (writer === undefined) {
			const { kernel } = this.#repository;
			writer = kernel.packWriter(kind, () => this.#stage.spool.create());
			this.#writers.set(kind, writer);
		}
		return writer;
	}

	async #put({ id, size, kind, frames, spool }: WrittenPack): Promise<void> {
		await this.#stage.put("packs", id, spool);
		this.written.push({ id, size, kind, frames });
		this.bytes += size;
	}

	async finish(): Promise<void> {
		for (const kind of [FrameKind.content, FrameKind.meta] as const) {
			await this.#closeFrame(kind);
			const last = this.#writers.get(kind)?.finish();
			if (last !== undefined) await this.#put(last);
		}
	}

	/** Throws away what is not finished. */
	discard(): void {
		for (const writer of this.#writers.values()) writer.discard();
	}
}

function joined(parts: readonly Bytes[], length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes;
}

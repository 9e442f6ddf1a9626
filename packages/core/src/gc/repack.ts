import {
	equalBytes,
	idAt,
	idBytes,
	isVarveError,
	type PackFrame,
	type PackId,
	type PackKind,
	type SegmentPack,
} from "@varve/format";
import type { ChunkTable, FrameUse, Stage } from "@varve/store";
import type { CachedFrame } from "../frame-cache.ts";
import { FrameCache } from "../frame-cache.ts";
import { MovedFrames } from "../moved-frames.ts";
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
		const { moved, written, bytes } = work;
		return { moved, written, bytes };
	} finally {
		work.discard();
	}
}

class Repacking {
	readonly moved: PackId[] = [];
	readonly #repository: Repository;
	readonly #frames: FrameCache;
	readonly #target: MovedFrames;

	constructor(repository: Repository, stage: Stage, table: ChunkTable) {
		this.#repository = repository;
		this.#target = new MovedFrames(repository, stage);
		this.#frames = new FrameCache(
			sourcesOf(repository, [table]),
			8 * 1024 * 1024,
		);
	}

	get written(): readonly SegmentPack[] {
		return this.#target.written;
	}

	get bytes(): number {
		return this.#target.bytes;
	}

	async finish(): Promise<void> {
		await this.#target.finish();
	}

	/** Throws away what is not finished. */
	discard(): void {
		this.#target.discard();
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
		await this.#target.addFrame(kind, stored, frame);
	}

	async #moveChunks(
		pack: PackId,
		kind: PackKind,
		{ frame, live }: FrameUse,
	): Promise<void> {
		const decoded = this.#frames.frame({ pack, ...frame });
		for (let i = 0; i < live.length; i++) {
			if (live[i] === 0) continue;
			const id = frame.ids.subarray(i * idBytes, (i + 1) * idBytes);
			await this.#target.addChunk(kind, id, decoded.chunk(i));
		}
	}
}

import {
	type Bytes,
	idBytes,
	type PackId,
	type PackKind,
	type Place,
	type SegmentPack,
} from "@varve/format";
import type { WrittenPack } from "@varve/kernel";
import type { ChunkTable, FrameUse, Stage } from "@varve/store";
import { type BasePlaces, knownPlaces, placesOfBases } from "../base-places.ts";
import type { Crew, Repository } from "../repository.ts";
import { sortIds } from "../sort-ids.ts";
import type {
	MoveTask,
	MovingFrame,
	RepackReply,
	RepackSetup,
} from "./repack-tasks.ts";

export interface RepackOptions {
	/** What is live. */
	readonly table: ChunkTable;
	/** Packs whose live part is to be moved, and of what kind they are. */
	readonly packs: ReadonlyMap<PackId, PackKind>;
	/** Those of them that take longest: they come first, so that no thread is left alone with one at the end. */
	readonly slow?: ReadonlySet<PackId> | undefined;
	/** Bytes of these. */
	readonly packBytes: number;
	readonly signal: AbortSignal | undefined;
	/** What of a frame is to be moved, where that is not all that is live in it. */
	readonly pick?: ((pack: PackId, use: FrameUse) => FrameUse) | undefined;
	/** Packs that are there afterwards, whatever is moved: what is good in one of them need not be written again. None if not said. */
	readonly stays?: ((pack: PackId) => boolean) | undefined;
}

export interface Repacked {
	/** Packs all of whose live chunks lie in new ones now. */
	readonly moved: readonly PackId[];
	/** The new packs, durable. */
	readonly written: readonly SegmentPack[];
	/** Bytes of these. */
	readonly bytes: number;
	/** Something may not have been written, since it is good in a pack that stays. */
	readonly leans: boolean;
}

/** Threads are not worth their start, and the packs that each of them leaves half full, for less than this. */
const threadBytes = 64 * 1024 * 1024;

/**
 * Moves what is live in some packs to new ones. Each chunk is decoded and proved on the way; a pack with damage in it stays where it is, for
 * verify and repair to see.
 */
export async function repack(
	repository: Repository,
	stage: Stage,
	options: RepackOptions,
): Promise<Repacked> {
	const { packBytes, signal } = options;
	const setup: RepackSetup = { stage: stage.descriptor };
	const workers = packBytes < threadBytes ? 0 : repository.workers;
	const crew = await repository.startCrew({
		...{ workers, signal, job: "repack", setup, stage },
	});
	try {
		const work = new Repacking(repository, stage, crew);
		return await work.run(options);
	} finally {
		await crew.close();
	}
}

class Repacking {
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #crew: Crew;
	readonly #moved: PackId[] = [];
	readonly #written: SegmentPack[] = [];
	/** Packs handed out, by task. */
	readonly #given = new Map<number, PackId>();
	#lastTask = 0;
	#bytes = 0;
	#leans = false;
	/** Resolves when all packs that came back are durable. */
	#putting: Promise<void> = Promise.resolve();

	constructor(repository: Repository, stage: Stage, crew: Crew) {
		this.#repository = repository;
		this.#stage = stage;
		this.#crew = crew;
		crew.onReply = (reply) => this.#take(reply as RepackReply);
	}

	async run(options: RepackOptions): Promise<Repacked> {
		const { table, packs, signal, stays, pick = (_, use) => use } = options;
		for (const { pack, frames, isCopied } of slowFirst(options)) {
			signal?.throwIfAborted();
			const id = ++this.#lastTask;
			this.#given.set(id, pack);
			const kind = packs.get(pack) as PackKind;
			const moving = frames
				.map((use) => pick(pack, use))
				.filter(({ live }) => live.includes(1))
				.map((use) => own(use, table));
			const elsewhere =
				isCopied && stays !== undefined
					? placesElsewhere(table, moving, stays)
					: undefined;
			this.#leans ||= elsewhere !== undefined;
			const read = [
				...moving.map(({ frame }) => frame),
				...(elsewhere?.places ?? []).filter((place) => place !== undefined),
			];
			const bases = placesOfBases(read, (ids) => placesIn(table, ids));
			const task: MoveTask = {
				...{ type: "move", id, pack, kind, frames: moving, bases, elsewhere },
			};
			await this.#crew.submit(task);
		}
		await this.#crew.submitToEach(() => ({
			...{ type: "finish", id: ++this.#lastTask },
		}));
		await this.#crew.idle();
		await this.#putting;
		return {
			moved: this.#moved,
			written: this.#written,
			bytes: this.#bytes,
			leans: this.#leans,
		};
	}

	#take({ id, damage, packs }: RepackReply): void {
		const pack = this.#given.get(id);
		this.#given.delete(id);
		if (pack !== undefined && damage === undefined) this.#moved.push(pack);
		else if (damage !== undefined) this.#tellDamage(pack ?? "", damage);
		for (const written of packs) {
			this.#putting = this.#putting.then(() => this.#put(written));
			// Told when all is waited for.
			this.#putting.catch(() => {});
		}
	}

	#tellDamage(pack: string, message: string): void {
		this.#repository.observer.on({
			type: "warning",
			message: `a pack is left where it is: ${message} ${pack}`.trimEnd(),
		});
	}

	async #put({ id, size, kind, frames, spool }: WrittenPack): Promise<void> {
		await this.#stage.put("packs", id, spool);
		this.#written.push({ id, size, kind, frames });
		this.#bytes += size;
	}
}

function* slowFirst({ table, packs, slow = new Set() }: RepackOptions) {
	const all = [...packs.keys()];
	yield* table.framesOf(new Set(all.filter((id) => slow.has(id))));
	yield* table.framesOf(new Set(all.filter((id) => !slow.has(id))));
}

/** Of what is live in some frames of a pack. */
function placesElsewhere(
	table: ChunkTable,
	moving: readonly MovingFrame[],
	stays: (pack: PackId) => boolean,
): BasePlaces | undefined {
	const count = moving.reduce((sum, { live }) => sum + live.length, 0);
	const all = new Uint8Array(count * idBytes);
	let at = 0;
	for (const { frame } of moving) {
		all.set(frame.ids, at);
		at += frame.ids.length;
	}
	const { ids } = sortIds(all, count);
	return knownPlaces(ids, table.placesIn(ids, stays));
}

/** With memory of its own, no view of more: it may cross to another thread. */
function own(use: FrameUse, table: ChunkTable): MovingFrame {
	const { frame, live, movesWhole, isRemade } = use;
	const { ids, lengths, bases } = frame;
	return {
		frame: {
			...frame,
			ids: ids.slice(),
			lengths: lengths.slice(),
			bases: bases.slice(),
		},
		live: live.slice(),
		movesWhole,
		keptBases: isRemade ? keptOf(bases, table) : undefined,
	};
}

function keptOf(bases: Bytes, table: ChunkTable): Bytes {
	const kept = new Uint8Array(bases.length);
	let length = 0;
	for (let at = 0; at < bases.length; at += idBytes) {
		if (!table.isLivePlain(bases, at)) continue;
		kept.set(bases.subarray(at, at + idBytes), length);
		length += idBytes;
	}
	return kept.slice(0, length);
}

export function placesIn(table: ChunkTable, ids: Bytes): (Place | undefined)[] {
	return Array.from({ length: ids.length / idBytes }, (_, i) =>
		table.find(ids, i * idBytes),
	);
}

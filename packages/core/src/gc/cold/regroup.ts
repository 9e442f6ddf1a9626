import type { PackId, PackKind, SegmentPack } from "@varve/format";
import type { ColdCompression, WrittenPack } from "@varve/kernel";
import type { ChunkTable, FrameUse, PackUse, Stage } from "@varve/store";
import type { Crew, Repository } from "../../repository.ts";
import { sortIds } from "../../sort-ids.ts";
import { placesIn, type Repacked, repack } from "../repack.ts";
import { putSegment } from "../segments.ts";
import { FrameCutter, type GatheredChunk, gathered } from "./frame-cutter.ts";
import { gatherTask } from "./gather-task.ts";
import type { GatherReply, GatherSetup } from "./gather-tasks.ts";
import type { ColdPlan } from "./plan-cold.ts";

export interface RegroupOptions {
	/** What is live. */
	readonly table: ChunkTable;
	readonly compression: ColdCompression;
	/** Packs that are there afterwards: see RepackOptions. */
	readonly stays: (pack: PackId) => boolean;
	readonly signal: AbortSignal | undefined;
}

/** Chunks that are brought into order together. */
const portionChunks = 128 * 1024;
/** Threads are not worth their start for less content than this. */
const threadBytes = 64 * 1024 * 1024;
/** New packs of so many bytes get a segment at once: if this run is killed, the next one finds them at little cost. */
const segmentBytes = 1024 * 1024 * 1024;

/**
 * Puts what is old in the packs of a plan together in cold frames, in the order of its ranks, and moves what else is live in them. Each chunk is proved on
 * the way. All that was written is durable and named by segments at the end. A pack with damage in it stays where it is.
 */
export async function regroup(
	repository: Repository,
	stage: Stage,
	{ plan, options }: { plan: ColdPlan; options: RegroupOptions },
): Promise<Omit<Repacked, "leans">> {
	const written = new NamedPacks(repository, stage);
	const damaged = await gather(repository, stage, { plan, options, written });
	const moved: PackId[] = [];
	for (const packs of shares(plan.packs)) {
		const rest = await moveRest(repository, stage, { packs, plan, options });
		moved.push(...rest.moved.filter((id) => !damaged.has(id)));
		await written.add(rest.written);
	}
	await written.finish();
	return { moved, written: written.packs, bytes: written.bytes };
}

interface GatherParts {
	readonly plan: ColdPlan;
	readonly options: RegroupOptions;
	readonly written: NamedPacks;
}

/** Returns the packs that do not give a chunk. */
async function gather(
	repository: Repository,
	stage: Stage,
	{ plan, options: { table, compression, signal }, written }: GatherParts,
): Promise<ReadonlySet<PackId>> {
	const setup: GatherSetup = { stage: stage.descriptor, compression };
	const workers = plan.raw < threadBytes ? 0 : repository.workers;
	const crew = await repository.startCrew({
		...{ workers, signal, job: "gather", setup, stage },
	});
	try {
		const work = new Gathering(repository, stage, { crew, written });
		return await work.run(plan, table, signal);
	} finally {
		await crew.close();
	}
}

class Gathering {
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #crew: Crew;
	readonly #written: NamedPacks;
	readonly #damaged = new Set<PackId>();
	#lastTask = 0;
	/** Resolves when all packs that came back are durable. */
	#putting: Promise<void> = Promise.resolve();

	constructor(
		repository: Repository,
		stage: Stage,
		{ crew, written }: { crew: Crew; written: NamedPacks },
	) {
		this.#repository = repository;
		this.#stage = stage;
		this.#crew = crew;
		this.#written = written;
		crew.onReply = (reply) => this.#take(reply as GatherReply);
	}

	async run(
		{ ranks, fates, sizes }: ColdPlan,
		table: ChunkTable,
		signal: AbortSignal | undefined,
	): Promise<ReadonlySet<PackId>> {
		const findBases = (ids: Uint8Array) => placesIn(table, ids);
		const cutter = new FrameCutter(sizes);
		const submit = (chunks: readonly GatheredChunk[]) => {
			signal?.throwIfAborted();
			const id = ++this.#lastTask;
			return this.#crew.submit(gatherTask(chunks, { id, fates, findBases }));
		};
		const portions = ranks.portions(
			portionChunks,
			({ pack, frame }) =>
				fates.isCold(pack, frame) || fates.isGathered(pack, frame),
		);
		for (const portion of portions)
			for (const chunk of gathered(portion, fates)) {
				const chunks = cutter.add(chunk);
				if (chunks !== undefined) await submit(chunks);
			}
		for (const chunks of cutter.finish()) await submit(chunks);
		await this.#crew.submitToEach(() => ({
			...{ type: "finish", id: ++this.#lastTask },
		}));
		await this.#crew.idle();
		await this.#putting;
		return this.#damaged;
	}

	#take({ damages, packs }: GatherReply): void {
		for (const { pack, message } of damages) {
			if (!this.#damaged.has(pack))
				this.#repository.observer.on({
					type: "warning",
					message: `a pack is left where it is: ${message} ${pack}`,
				});
			this.#damaged.add(pack);
		}
		for (const pack of packs) {
			this.#putting = this.#putting.then(() => this.#put(pack));
			// Told when all is waited for.
			this.#putting.catch(() => {});
		}
	}

	async #put({ id, size, kind, frames, spool }: WrittenPack): Promise<void> {
		await this.#stage.put("packs", id, spool);
		await this.#written.add([{ id, size, kind, frames }]);
	}
}

/** New packs, durable, which get a segment from time to time. */
class NamedPacks {
	readonly packs: SegmentPack[] = [];
	bytes = 0;
	readonly #repository: Repository;
	readonly #stage: Stage;
	#unnamed: SegmentPack[] = [];
	#unnamedBytes = 0;

	constructor(repository: Repository, stage: Stage) {
		this.#repository = repository;
		this.#stage = stage;
	}

	async add(packs: readonly SegmentPack[]): Promise<void> {
		for (const pack of packs) {
			this.packs.push({ ...pack, frames: [] });
			this.#unnamed.push(pack);
			this.#unnamedBytes += pack.size;
			this.bytes += pack.size;
		}
		if (this.#unnamedBytes >= segmentBytes) await this.finish();
	}

	async finish(): Promise<void> {
		const packs = this.#unnamed;
		this.#unnamed = [];
		this.#unnamedBytes = 0;
		if (packs.length > 0)
			await putSegment(this.#repository, this.#stage, packs);
	}
}

/** So many packs at a time that memory does not grow with their number. */
function* shares(packs: readonly PackUse[]): Generator<PackUse[]> {
	let share: PackUse[] = [];
	let chunks = 0;
	for (const pack of packs) {
		share.push(pack);
		chunks += pack.chunks;
		if (chunks < portionChunks) continue;
		yield share;
		share = [];
		chunks = 0;
	}
	if (share.length > 0) yield share;
}

interface RestParts {
	readonly packs: readonly PackUse[];
	readonly plan: ColdPlan;
	readonly options: RegroupOptions;
}

/** Frames that stay as they are, and what is live in others but not old. */
async function moveRest(
	repository: Repository,
	stage: Stage,
	{ packs, plan, options: { table, stays, signal } }: RestParts,
): Promise<Repacked> {
	const kinds = new Map<PackId, PackKind>(
		packs.map(({ id, kind }) => [id, kind]),
	);
	const pick = (pack: PackId, use: FrameUse) => restOf(pack, use, plan);
	const packBytes = packs.reduce(
		(sum, { id }) => sum + (plan.rest.get(id) ?? 0),
		0,
	);
	return await repack(repository, stage, {
		...{ table, packs: kinds, packBytes, signal, pick, stays },
	});
}

function restOf(
	pack: PackId,
	use: FrameUse,
	{ fates, ranks }: ColdPlan,
): FrameUse {
	const { frame, live } = use;
	if (!fates.isGathered(pack, frame)) return use;
	const { ids, rankOf } = sortIds(frame.ids, live.length);
	const known = ranks.of(ids);
	return use.only(
		live.map((isLive, i) => (known[rankOf[i] as number] === 0 ? isLive : 0)),
	);
}

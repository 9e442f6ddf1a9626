import {
	type Bytes,
	equalBytes,
	FrameKind,
	idAt,
	idBytes,
	isVarveError,
} from "@varve/format";
import type { FrameEncoder, PackWriter, WrittenPack } from "@varve/kernel";
import { BaseTable } from "../../base-places.ts";
import { FrameCache } from "../../frame-cache.ts";
import { Gathered } from "../../gathered.ts";
import type { JobContext, JobFactory } from "../../job.ts";
import type {
	FinishTask,
	GatherReply,
	GatherSetup,
	GatherTask,
	PackDamage,
	SourceFrame,
} from "./gather-tasks.ts";

/** What each thread does to put old chunks together: a frame for each task, into packs of that thread. */
export const createGatherJob: JobFactory = async (context, setup) => {
	const work = new ChunkGatherer(context, setup as GatherSetup);
	return {
		run: (task) => ({ reply: work.run(task as GatherTask | FinishTask) }),
		close: () => work.discard(),
	};
};

/** Versions of a file come from packs far apart, and each has bases: their frames are met again and again. */
const cacheBytes = 24 * 1024 * 1024;
const noBytes = new Uint8Array(0);

class ChunkGatherer {
	readonly #context: JobContext;
	readonly #encoder: FrameEncoder;
	readonly #writer: PackWriter;
	readonly #bases = new BaseTable();
	readonly #frames: FrameCache;
	readonly #gathered = new Gathered();
	#full: WrittenPack[] = [];

	constructor(context: JobContext, { stage, compression }: GatherSetup) {
		const { kernel, reads } = context;
		const { tools } = kernel;
		const spool = context.openSpool(stage);
		this.#context = context;
		this.#encoder = kernel.encoder(compression);
		this.#writer = kernel.packWriter(FrameKind.content, () => spool.create());
		const lookup = this.#bases;
		this.#frames = new FrameCache({ reads, tools, lookup }, cacheBytes);
	}

	run(task: GatherTask | FinishTask): GatherReply {
		const damages: PackDamage[] = [];
		if (task.type === "gather") this.#gather(task, damages);
		else this.#keep(this.#writer.finish());
		const packs = this.#full;
		this.#full = [];
		return { id: task.id, damages, packs };
	}

	discard(): void {
		this.#writer.discard();
	}

	#keep(full: WrittenPack | undefined): void {
		if (full !== undefined) this.#full.push(full);
	}

	#gather(task: GatherTask, damages: PackDamage[]): void {
		this.#bases.tell(task.bases);
		this.#gathered.clear();
		for (let row = 0; row < task.first.length - 1; row++)
			this.#take(task, row, damages);
		if (this.#gathered.bytes > 0) this.#closeFrame();
	}

	/** From the first place that gives it. */
	#take(task: GatherTask, row: number, damages: PackDamage[]): void {
		const id = task.ids.subarray(row * idBytes, (row + 1) * idBytes);
		const end = task.first[row + 1] as number;
		for (let p = task.first[row] as number; p < end; p++) {
			const frame = task.frames[task.frameOf[p] as number] as SourceFrame;
			const chunk = this.#read(frame, task.ordinalOf[p] as number, id);
			if (typeof chunk === "string") {
				damages.push({ pack: frame.pack, message: chunk });
				continue;
			}
			if (!frame.isCold) this.#gathered.add(id, chunk);
			return;
		}
	}

	/** The chunk, or what is wrong with it. */
	#read(frame: SourceFrame, ordinal: number, id: Bytes): Bytes | string {
		const { sha256 } = this.#context.kernel.tools;
		try {
			const decoded = this.#frames.frame(frame);
			const hash = decoded.hash(ordinal, (bytes) => sha256(bytes));
			return equalBytes(hash, id)
				? decoded.chunk(ordinal)
				: `the chunk ${idAt(id)} is damaged`;
		} catch (error) {
			if (!isVarveError(error) || error.name !== "CorruptError") throw error;
			return error.message;
		}
	}

	#closeFrame(): void {
		const gathered = this.#gathered;
		const kind = FrameKind.content;
		const raw = gathered.raw.subarray(0, gathered.bytes);
		const lengths = Uint32Array.from(gathered.lengths);
		const count = lengths.length;
		const ids = gathered.ids.slice(0, count * idBytes);
		const frame = this.#encoder.encode({ kind, raw, lengths, count });
		const rawLength = raw.length;
		this.#keep(
			this.#writer.add(frame, { ids, lengths, bases: noBytes, rawLength }),
		);
	}
}

import type { Config } from "@varve/format";
import type { Kernel } from "@varve/kernel";
import type {
	BlockingReads,
	ChunkLookup,
	LookupDescriptor,
	Spool,
	StageDescriptor,
} from "@varve/store";

/** What worker.ts (or, inline, compose.ts) gives to a job: the only place where a thread meets real files. */
export interface JobContext {
	readonly config: Config;
	readonly kernel: Kernel;
	readonly reads: BlockingReads;
	readonly openLookup: (descriptor: LookupDescriptor) => Promise<ChunkLookup>;
	readonly openSpool: (descriptor: StageDescriptor | undefined) => Spool;
}

/** The work of one verb in one thread: synchronous, one task after the other. */
export interface Job {
	run(task: unknown): JobReply;
	/** Frees what it holds. */
	close(): void;
}

export interface JobReply {
	readonly reply: unknown;
	readonly transfer?: readonly ArrayBuffer[];
}

/** Makes the job of a verb; `setup` is what the verb passed to `startCrew`. */
export type JobFactory = (context: JobContext, setup: unknown) => Promise<Job>;

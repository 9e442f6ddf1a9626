import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import { type Batch, Batcher, type Reading } from "./batches.ts";
import { formerOf } from "./delta/former.ts";
import { HoleFinder } from "./holes.ts";
import type { Intake } from "./intake.ts";
import type { SnapshotOptions } from "./options.ts";
import { ReaderCrew, type ReadSink } from "./reader-crew.ts";
import type { SnapshotSetup } from "./tasks.ts";

/** Up to this many bytes or files are read in this thread: starting others would take longer. */
const inlineBytes = 8 * 1024 * 1024;
const inlineFiles = 512;

export interface ReadingQueueParts {
	readonly repository: Repository;
	readonly options: SnapshotOptions;
	readonly stage: Stage | undefined;
	readonly intake: Intake;
	readonly sink: ReadSink;
}

/** Brings files that must be read to those who read them; holds the first ones back until it is clear whether other threads are worth starting. */
export class ReadingQueue {
	readonly #parts: ReadingQueueParts;
	readonly #batcher = new Batcher(new HoleFinder());
	#crew: ReaderCrew | undefined;
	#close: (() => Promise<void>) | undefined;
	#held: Batch[] = [];
	#heldBytes = 0;
	#heldFiles = 0;

	constructor(parts: ReadingQueueParts) {
		this.#parts = parts;
	}

	/** Resolves when there is room for more. */
	async add(reading: Reading): Promise<void> {
		for (const batch of this.#batcher.add(reading)) await this.#take(batch);
	}

	/** Resolves when everything is read, and stored in packs that are closed. */
	async finish(): Promise<void> {
		for (const batch of this.#batcher.rest()) await this.#take(batch);
		if (this.#held.length > 0) await this.#start(0);
		await this.#crew?.finish();
	}

	async close(): Promise<void> {
		await this.#close?.();
	}

	async #take(batch: Batch): Promise<void> {
		if (this.#crew !== undefined) {
			await this.#submit(this.#crew, batch);
			return;
		}
		this.#held.push(batch);
		this.#heldBytes += batch.bytes;
		this.#heldFiles += batch.type === "files" ? batch.files.length : 1;
		if (this.#heldBytes > inlineBytes || this.#heldFiles > inlineFiles)
			await this.#start(this.#parts.repository.workers);
	}

	async #submit(crew: ReaderCrew, batch: Batch): Promise<void> {
		const { intake, options, repository } = this.#parts;
		const former =
			options.delta === false ? undefined : formerOf(batch, repository.objects);
		const claims = intake.claims.expect(batch);
		await crew.submit(batch, { claims, former });
		await intake.room();
		options.signal?.throwIfAborted();
	}

	async #start(workers: number): Promise<void> {
		const crew = await this.#startCrew(workers);
		const held = this.#held;
		this.#held = [];
		for (const batch of held) await this.#submit(crew, batch);
	}

	async #startCrew(wanted: number): Promise<ReaderCrew> {
		const { repository, options, stage, intake, sink } = this.#parts;
		const { objects, index, startCrew } = repository;
		const { signal, compression, readRate, paranoid } = options;
		await objects.prepare();
		// A stage that lives in this thread's memory cannot be written by others.
		const workers =
			stage !== undefined && stage.descriptor === undefined ? 0 : wanted;
		const setup: SnapshotSetup = {
			lookup: index.lookupDescriptor,
			stage: stage?.descriptor,
			claims: intake.claims.buffers,
			compression: compression ?? "auto",
			dryRun: stage === undefined,
			paranoid: paranoid ?? false,
			readRate:
				readRate === undefined ? undefined : readRate / Math.max(workers, 1),
		};
		const message = `files are read by ${workers === 0 ? "this thread" : `${workers} threads`}`;
		repository.observer.on({ type: "trace", message });
		const job = "snapshot" as const;
		const crew = await startCrew({ workers, signal, job, setup, stage });
		this.#close = () => crew.close();
		this.#crew = new ReaderCrew(crew, sink);
		return this.#crew;
	}
}

import {
	ByteReader,
	type Content,
	CorruptError,
	ItemKind,
} from "@varve/format";
import { noXattrs, type XattrsFound } from "../native/xattr-reader.ts";
import type { Crew } from "../repository.ts";
import {
	type Batch,
	isOneSpan,
	type Reading,
	type TaskFacts,
	taskOf,
} from "./batches.ts";
import {
	assembleContent,
	ContentAssembly,
	type StoreList,
} from "./content-assembly.ts";
import type { IngestYield } from "./harvest.ts";
import type { SpanPlan } from "./span-plan.ts";
import {
	decodeResult,
	type FileResult,
	type FreshStat,
	Outcome,
	type SnapshotReply,
} from "./tasks.ts";

export interface ReadFacts {
	/** It changed while it was read. */
	readonly torn: boolean;
	/** There are runs of zeros in it. */
	readonly zeros: boolean;
	/** What fstat said, if it differs from lstat. */
	readonly stat: FreshStat | undefined;
	readonly xattrs: XattrsFound;
}

/** What is told about each file once it has been read, or could not be. */
export interface ReadSink {
	read(file: Reading, content: Content, facts: ReadFacts): void;
	vanished(file: Reading): void;
	failed(file: Reading, reason: string): void;
	stored(stored: IngestYield): void;
	storeList: StoreList;
}

interface LargeFile {
	readonly assembly: ContentAssembly;
	left: number;
	torn: boolean;
	zeros: boolean;
	xattrs: XattrsFound;
	failure: FileResult | undefined;
}

/** Hands batches to the workers and turns their replies into what became of each file. */
export class ReaderCrew {
	readonly #crew: Crew;
	readonly #sink: ReadSink;
	readonly #batches = new Map<number, Batch>();
	readonly #large = new Map<Reading, LargeFile>();
	#lastId = 0;

	constructor(crew: Crew, sink: ReadSink) {
		this.#crew = crew;
		this.#sink = sink;
		crew.onReply = (reply) => this.#take(reply as SnapshotReply);
	}

	async submit(batch: Batch, facts: Omit<TaskFacts, "id">): Promise<void> {
		const id = ++this.#lastId;
		this.#batches.set(id, batch);
		if (
			batch.type === "span" &&
			batch.part.span === 0 &&
			!isOneSpan(batch.plan)
		)
			this.#openLarge(batch.file, batch.plan);
		const task = taskOf(batch, { id, ...facts });
		await this.#crew.submit(task, [task.stats.bytes.buffer]);
	}

	/** Makes every worker store what it still holds. */
	async finish(): Promise<void> {
		await this.#crew.submitToEach(() => ({
			type: "flush",
			id: ++this.#lastId,
		}));
		await this.#crew.idle();
	}

	#openLarge(file: Reading, { spans, zeros }: SpanPlan): void {
		const assembly = new ContentAssembly(this.#sink.storeList, file.former);
		for (const { span, length } of zeros) assembly.addZeros(span, length);
		this.#large.set(file, {
			assembly,
			left: spans.length,
			torn: false,
			zeros: zeros.length > 0,
			xattrs: noXattrs,
			failure: undefined,
		});
	}

	#take({ id, results, stored }: SnapshotReply): void {
		this.#sink.stored(stored);
		const batch = this.#batches.get(id);
		if (batch === undefined) return;
		this.#batches.delete(id);
		const reader = new ByteReader(results, "worker reply");
		if (batch.type === "span" && !isOneSpan(batch.plan))
			this.#takeSpan(batch, decodeResult(reader));
		else
			for (const file of filesOf(batch))
				this.#takeFile(file, decodeResult(reader));
	}

	#takeFile(file: Reading, result: FileResult): void {
		if (result.outcome === Outcome.failed)
			this.#sink.failed(file, result.reason);
		else if (result.outcome === Outcome.vanished) this.#sink.vanished(file);
		else if (result.outcome === Outcome.notAFile)
			this.#sink.failed(file, "CHANGED");
		else if ("items" in result) {
			const { storeList } = this.#sink;
			const content = assembleContent(result.items, storeList, file.former);
			this.#sink.read(file, content, {
				torn: result.outcome === Outcome.torn,
				zeros: result.items.kinds.includes(ItemKind.zeros),
				stat: result.stat,
				xattrs: result.xattrs,
			});
		}
	}

	#takeSpan(batch: Batch & { type: "span" }, result: FileResult): void {
		const large = this.#large.get(batch.file);
		if (large === undefined)
			throw new CorruptError(
				"BAD_REPLY",
				"a worker replied about an unknown file",
			);
		if ("items" in result) {
			large.assembly.add(batch.part.span, result.items);
			large.torn ||= result.outcome === Outcome.torn;
			large.zeros ||= result.items.kinds.includes(ItemKind.zeros);
			if (batch.part.span === 0) large.xattrs = result.xattrs;
		} else large.failure = result;
		if (--large.left > 0) return;
		this.#large.delete(batch.file);
		if (large.failure !== undefined) this.#takeFile(batch.file, large.failure);
		else
			this.#sink.read(batch.file, large.assembly.finish(), {
				torn: large.torn,
				zeros: large.zeros,
				stat: undefined,
				xattrs: large.xattrs,
			});
	}
}

function filesOf(batch: Batch): readonly Reading[] {
	return batch.type === "files" ? batch.files : [batch.file];
}

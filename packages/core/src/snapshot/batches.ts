import { type Content, spanBytes } from "@varve/format";
import type { Directory } from "./directory.ts";
import { type HoleFinder, minSparseFile } from "./holes.ts";
import type { Judgement } from "./judge.ts";
import { type PlannedSpan, planSpans, type SpanPlan } from "./span-plan.ts";
import {
	copyStat,
	identityOf,
	newStatColumns,
	sizeOf,
} from "./stat-columns.ts";
import type { FilesTask, SpanTask } from "./tasks.ts";

/** One file that must be read. */
export interface Reading {
	readonly directory: Directory;
	readonly index: number;
	/** As what it was counted. */
	readonly judgement?: Judgement;
	/** What it held in the parent snapshot. */
	readonly former?: Content | undefined;
}

const maxFiles = 128;
const maxBytes = 2 * 1024 * 1024;

/** A task and whom its results concern. */
export type Batch =
	| {
			readonly type: "files";
			readonly files: readonly Reading[];
			readonly bytes: number;
	  }
	| {
			readonly type: "span";
			readonly file: Reading;
			readonly part: PlannedSpan;
			/** All of the file's spans. */
			readonly plan: SpanPlan;
			/** That are to be read. */
			readonly bytes: number;
	  };

/** Gathers files into batches of about 2 MiB in the order of the walk; large files go span by span, and sparse ones as what of them lies in no hole. */
export class Batcher {
	readonly #holes: Pick<HoleFinder, "of">;
	#files: Reading[] = [];
	#bytes = 0;

	constructor(holes: Pick<HoleFinder, "of">) {
		this.#holes = holes;
	}

	/** Batches that are complete with this file. */
	*add(file: Reading): Generator<Batch> {
		const { directory, index } = file;
		const size = sizeOf(directory.stats, index);
		const holes =
			size >= minSparseFile && directory.sparse.has(index)
				? this.#holes.of(pathOf(file), identityOf(directory.stats, index))
				: [];
		if (size >= spanBytes || holes.length > 0) {
			yield* spansOf(file, planSpans(size, holes));
			return;
		}
		this.#files.push(file);
		this.#bytes += size;
		if (this.#files.length >= maxFiles || this.#bytes >= maxBytes)
			yield* this.rest();
	}

	/** The batch that is not full yet. */
	*rest(): Generator<Batch> {
		if (this.#files.length === 0) return;
		const batch: Batch = {
			type: "files",
			files: this.#files,
			bytes: this.#bytes,
		};
		this.#files = [];
		this.#bytes = 0;
		yield batch;
	}
}

function* spansOf(file: Reading, plan: SpanPlan): Generator<Batch> {
	for (const part of plan.spans)
		yield { type: "span", file, part, plan, bytes: part.bytes };
}

function pathOf({ directory, index }: Reading): string {
	return directory.path + (directory.names[index] as string);
}

/** The file is no longer than a span. */
export function isOneSpan({ spans, zeros }: SpanPlan): boolean {
	return spans.length + zeros.length === 1;
}

/** Where in its file, or in each of its files, the batch begins. */
export function startOf(batch: Batch): number {
	return batch.type === "files" ? 0 : batch.part.start;
}

/** What is in each task besides the batch. */
export type TaskFacts = Pick<FilesTask, "id" | "claims" | "former">;

export function taskOf(batch: Batch, facts: TaskFacts): FilesTask | SpanTask {
	if (batch.type === "files") return filesTask(batch.files, facts);
	const { directory, index } = batch.file;
	const stats = newStatColumns(1);
	copyStat(directory.stats, index, stats, 0);
	const { start, length, skips } = batch.part;
	const path = pathOf(batch.file);
	const isWhole = isOneSpan(batch.plan);
	const span = { start, length, skips, isWhole };
	return { type: "span", path, span, stats, ...facts };
}

function filesTask(files: readonly Reading[], facts: TaskFacts): FilesTask {
	const stats = newStatColumns(files.length);
	const directories: string[] = [];
	const directoryOf: number[] = [];
	const names: string[] = [];
	let last: Directory | undefined;
	files.forEach(({ directory, index }, i) => {
		if (directory !== last) directories.push(directory.path);
		last = directory;
		directoryOf.push(directories.length - 1);
		names.push(directory.names[index] as string);
		copyStat(directory.stats, index, stats, i);
	});
	return { type: "files", directories, directoryOf, names, stats, ...facts };
}

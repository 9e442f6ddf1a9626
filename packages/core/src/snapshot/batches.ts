import { spanBytes } from "@varve/format";
import type { Directory } from "./directory.ts";
import type { Judgement } from "./judge.ts";
import { copyStat, newStatColumns, sizeOf } from "./stat-columns.ts";
import type { FilesTask, SpanTask } from "./tasks.ts";

/** One file that must be read. */
export interface Reading {
	readonly directory: Directory;
	readonly index: number;
	/** As what it was counted. */
	readonly judgement?: Judgement;
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
			readonly span: number;
			readonly start: number;
			readonly length: number;
	  };

/** Gathers files into batches of about 2 MiB in the order of the walk; large files go span by span. */
export class Batcher {
	#files: Reading[] = [];
	#bytes = 0;

	/** Batches that are complete with this file. */
	*add(file: Reading): Generator<Batch> {
		const size = sizeOf(file.directory.stats, file.index);
		if (size >= spanBytes) {
			yield* spansOf(file, size);
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

function* spansOf(file: Reading, size: number): Generator<Batch> {
	for (let start = 0, span = 0; start < size; start += spanBytes, span++)
		yield {
			type: "span",
			file,
			span,
			start,
			length: Math.min(spanBytes, size - start),
		};
}

export function taskOf(
	batch: Batch,
	id: number,
	claims: readonly SharedArrayBuffer[],
): FilesTask | SpanTask {
	if (batch.type === "files") return filesTask(batch.files, id, claims);
	const { directory, index } = batch.file;
	const stats = newStatColumns(1);
	copyStat(directory.stats, index, stats, 0);
	const path = directory.path + (directory.names[index] as string);
	return {
		type: "span",
		id,
		path,
		start: batch.start,
		length: batch.length,
		stats,
		claims,
	};
}

function filesTask(
	files: readonly Reading[],
	id: number,
	claims: readonly SharedArrayBuffer[],
): FilesTask {
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
	return { type: "files", id, directories, directoryOf, names, stats, claims };
}

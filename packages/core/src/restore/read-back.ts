import { contentLength, NodeKind } from "@varve/format";
import type { Progress } from "../progress.ts";
import type { Crew, ObjectReader } from "../repository.ts";
import { partsOf } from "./file-parts.ts";
import { type FilePart, FileWindow } from "./file-window.ts";
import { partColumns } from "./part-columns.ts";
import type { RestoreLog } from "./report.ts";
import type { TargetRoot } from "./target-tree.ts";
import type { PartColumns, RestoreReply, RestoreTask } from "./tasks.ts";
import type { Entry, NodeEntry } from "./walk.ts";

export interface ReadBackOptions {
	readonly objects: ObjectReader;
	readonly target: TargetRoot;
	readonly crew: Crew;
	readonly log: RestoreLog;
	readonly progress: Progress;
	readonly signal: AbortSignal | undefined;
}

const batchBytes = 16 * 1024 * 1024;
const batchParts = 1024;

/** Reads all restored files back and compares them with the ids of their chunks. What differs is a problem in the log. */
export async function readBack(
	entries: Iterable<Entry>,
	{ objects, target, crew, log, progress, signal }: ReadBackOptions,
): Promise<{ files: number; bytes: number }> {
	const sum = { files: 0, bytes: 0 };
	const given = new Map<number, PartColumns>();
	crew.onReply = (message) => {
		const reply = message as RestoreReply;
		const parts = given.get(reply.id);
		given.delete(reply.id);
		for (const { part, ...problem } of reply.problems) {
			const suffix = parts?.suffixes[part] as string;
			if (!log.absent.has(suffix)) log.problem(suffix, problem);
		}
		sum.files += reply.files;
		sum.bytes += reply.bytes;
		progress.addErrors(reply.problems.length);
		progress.add(reply.files, reply.bytes, undefined);
	};
	let id = 0;
	for (const parts of batchesOf(entries, objects, log)) {
		signal?.throwIfAborted();
		given.set(++id, parts);
		const task: RestoreTask = { type: "check", id, target, parts };
		await crew.submit(task);
	}
	await crew.idle();
	return sum;
}

function* batchesOf(
	entries: Iterable<Entry>,
	objects: ObjectReader,
	log: RestoreLog,
): Generator<PartColumns> {
	const window = new FileWindow(batchParts);
	const take = () => {
		const parts = Uint32Array.from({ length: window.parts }, (_, i) => i);
		const columns = partColumns(window, parts, undefined);
		window.clear();
		return columns;
	};
	let bytes = 0;
	for (const entry of entries) {
		if (entry.type !== "node" || entry.node.kind !== NodeKind.file) continue;
		if (log.absent.has(entry.suffix)) continue;
		for (const part of partsToCheck(entry, objects)) {
			window.add(part);
			bytes += contentLength(part.content);
			if (bytes < batchBytes && window.parts < batchParts) continue;
			yield take();
			bytes = 0;
		}
	}
	if (window.parts > 0) yield take();
}

function* partsToCheck(
	{ suffix, node }: NodeEntry,
	objects: ObjectReader,
): Generator<FilePart> {
	const length = contentLength(node.content);
	const whole = { suffix, node, descriptor: -1 };
	if (length === 0)
		yield { ...whole, content: node.content, position: 0, isLast: true };
	for (const { content, position } of partsOf(objects, node)) {
		const isLast = position + contentLength(content) === length;
		yield { ...whole, content, position, isLast };
	}
}

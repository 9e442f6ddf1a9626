import {
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type SnapshotRecord,
	type TreeId,
	toHex,
	type VarveError,
} from "@varve/format";
import { isDamage } from "../damage.ts";
import type { Progress } from "../progress.ts";
import type { Crew, Repository } from "../repository.ts";
import { flattenContent, largeBytes, partsOf } from "../restore/file-parts.ts";
import { FileWindow } from "../restore/file-window.ts";
import { planWindow } from "../restore/plan-window.ts";
import { readPages } from "../tree-pages.ts";
import type { Faults } from "./faults.ts";
import type { SimulationReply, SimulationTask } from "./tasks.ts";

export interface SimulationOptions {
	readonly repository: Repository;
	readonly crew: Crew;
	readonly faults: Faults;
	readonly progress: Progress;
	readonly signal: AbortSignal | undefined;
}

/** As in a restore: files and items whose chunks are looked up together, so that each frame is decoded once for all of them. */
const windowParts = 8 * 1024;
const windowItems = 64 * 1024;
const treesAtOnce = 64;

/**
 * Does what a restore does up to the writing: plans files in windows, decodes each frame once for a window, proves each chunk and its length,
 * in the order of each file. A directory that several snapshots have is gone through once.
 */
export class Simulation {
	readonly #options: SimulationOptions;
	readonly #window = new FileWindow(windowParts);
	/** Directories that were gone through. */
	readonly #seen = new Set<TreeId>();
	readonly #told = new Set<string>();
	#lastTask = 0;
	files = 0;
	/** Frames decoded, chunks proved and bytes of them. */
	frames = 0;
	chunks = 0;
	bytes = 0;

	constructor(options: SimulationOptions) {
		this.#options = options;
		options.crew.onReply = (reply) => this.#take(reply as SimulationReply);
	}

	async run(records: Iterable<SnapshotRecord>): Promise<void> {
		for (const { roots } of records)
			for (const { tree, path } of roots) await this.#walk(tree, path);
		await this.#flush();
		await this.#options.crew.idle();
	}

	async #walk(top: TreeId, root: string): Promise<void> {
		const stack = [{ tree: top, path: root === "/" ? "" : root }];
		let count = 0;
		for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
			const { tree, path } = next;
			if (this.#seen.has(tree)) continue;
			this.#seen.add(tree);
			if (++count % treesAtOnce === 0) await this.#giveTurn();
			// What is wrong with a directory is found by following references.
			for (const { nodes } of readPages(this.#options.repository.objects, tree))
				if (!(nodes instanceof Error))
					for (const node of nodes) {
						const name = `${path}/${decodeName(node.name)}`;
						if (node.tree !== undefined)
							stack.push({ tree: node.tree, path: name });
						else if (node.kind === NodeKind.file)
							await this.#addFile(node, name);
					}
		}
	}

	async #giveTurn(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#options.signal?.throwIfAborted();
	}

	async #addFile(node: Node, suffix: string): Promise<void> {
		const { objects } = this.#options.repository;
		const given = { suffix, node, descriptor: -1 };
		this.files++;
		try {
			if (contentLength(node.content) < largeBytes) {
				const content = flattenContent(objects, node);
				this.#window.add({ ...given, content, position: 0, isLast: true });
			} else
				for (const part of partsOf(objects, node)) {
					this.#window.add({ ...given, ...part, isLast: false });
					await this.#flushIfFull();
				}
		} catch (error) {
			if (!isDamage(error)) throw error;
			this.#fault(suffix, error);
		}
		await this.#flushIfFull();
	}

	async #flushIfFull(): Promise<void> {
		const { parts, items } = this.#window;
		if (parts >= windowParts || items >= windowItems) await this.#flush();
	}

	async #flush(): Promise<void> {
		const { crew, repository, signal } = this.#options;
		const { index } = repository;
		const window = this.#window;
		const { batches, missing } = planWindow(window, (ids) => index.places(ids));
		for (const { part, chunk } of missing)
			this.#lost(
				window.suffixes[part] as string,
				toHex(chunk),
				"is in no pack",
			);
		window.clear();
		for (const { frames, bases, parts } of batches) {
			signal?.throwIfAborted();
			const id = ++this.#lastTask;
			this.frames += frames.offset.length;
			const task: SimulationTask = { id, simulate: parts, frames, bases };
			await crew.submit(task);
		}
	}

	#take({ chunks, bytes, problems, path }: SimulationReply): void {
		const { progress } = this.#options;
		this.chunks += chunks;
		this.bytes += bytes;
		for (const { suffix, chunk, message } of problems)
			this.#lost(suffix, chunk, message);
		progress.add(0, bytes, path);
	}

	#fault(path: string, { message, details }: VarveError): void {
		const chunk = details["chunk"];
		if (typeof chunk === "string") this.#lost(path, chunk, message);
		else
			this.#options.faults.add({
				code: "NOT_RESTORABLE",
				message: `${path} cannot be restored: ${message}`,
				chunks: [],
			});
	}

	/** A chunk is told of once, however many files need it: they are found by following references. */
	#lost(path: string, chunk: string, message: string): void {
		if (this.#told.has(chunk)) return;
		this.#told.add(chunk);
		this.#options.progress.addErrors(1);
		this.#options.faults.add({
			code: "NOT_RESTORABLE",
			message: `${path} cannot be restored: the chunk ${chunk} ${message}`,
			chunks: [chunk],
		});
	}
}

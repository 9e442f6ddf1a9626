import {
	type Bytes,
	contentLength,
	type Node,
	NodeKind,
	toHex,
	type VarveError,
} from "@varve/format";
import { isDamage } from "../damage.ts";
import type { Progress } from "../progress.ts";
import type { Crew, Repository } from "../repository.ts";
import { flattenContent, largeBytes, partsOf } from "./file-parts.ts";
import type { LargeFiles } from "./large-files.ts";
import type { HardLinks } from "./links.ts";
import { type Batch, type Part, planWindow } from "./plan-window.ts";
import type { EntryProblem, RestoreLog } from "./report.ts";
import type { RestoreReply, RestoreTask } from "./tasks.ts";
import type { TreeMaker } from "./tree-maker.ts";
import type { Entry } from "./walk.ts";

export interface RestoreRunOptions {
	readonly repository: Repository;
	readonly crew: Crew;
	readonly log: RestoreLog;
	readonly progress: Progress;
	readonly maker: TreeMaker;
	readonly large: LargeFiles;
	readonly links: HardLinks;
	/** The path of an entry below its root. */
	readonly pathInRoot: (root: number, suffix: string) => string;
}

type NodeEntry = Entry & { type: "node" };

/** Files and items whose chunks are looked up together. Each frame is decoded once for all of them. */
const windowParts = 16 * 1024;
const windowItems = 128 * 1024;
/** The first windows are small, so that the workers begin soon. */
const firstWindowParts = 1024;
const maxOpenLarge = 64;
export const extendedAttributes = "extended attributes";

/** Takes the entries of a walk and makes them: files in windows, by the workers; the rest at once, in this thread. */
export class RestoreRun {
	readonly #options: RestoreRunOptions;
	/** Parts handed out, by task. */
	readonly #given = new Map<number, readonly Part[]>();
	#window: Part[] = [];
	#windowItems = 0;
	#windowLimit = firstWindowParts;
	#lastTask = 0;

	constructor(options: RestoreRunOptions) {
		this.#options = options;
		options.crew.onReply = (reply) => this.#takeReply(reply as RestoreReply);
	}

	/** Makes everything; directories still lack their attributes. */
	async make(entries: Iterable<Entry>): Promise<void> {
		const { crew, maker, links } = this.#options;
		for (const entry of entries) {
			if (entry.type === "directory") this.#makeDirectory(entry);
			else if (entry.type === "damaged")
				this.#problem(entry.suffix, damageOf(entry.error));
			else {
				const isLarge = this.#makeNode(entry);
				if (isLarge) await this.#makeLarge(entry);
				else if (this.#isWindowFull()) await this.#flush();
			}
		}
		await this.#flush();
		await crew.idle();
		maker.links(links);
	}

	#makeDirectory(entry: Entry & { type: "directory" }): void {
		const { maker, log } = this.#options;
		maker.directory(entry.suffix, entry.attributes);
		if (entry.xattrs > 0) log.lose(extendedAttributes);
	}

	/** True for a large file, which is not made here. */
	#makeNode({ suffix, root, node }: NodeEntry): boolean {
		const { maker, links, log, pathInRoot } = this.#options;
		if (node.xattrs.length > 0) log.lose(extendedAttributes);
		if (
			!links.isEmpty &&
			links.takes(root, pathInRoot(root, suffix), { suffix, node })
		)
			return false;
		if (node.kind === NodeKind.symlink) maker.symlink(suffix, node);
		else if (node.kind !== NodeKind.file) maker.special(suffix, node);
		else if (contentLength(node.content) >= largeBytes) return true;
		else this.#addFile(suffix, node);
		return false;
	}

	#addFile(suffix: string, node: Node): void {
		const { objects } = this.#options.repository;
		try {
			this.#add({
				suffix,
				node,
				content: flattenContent(objects, node),
				descriptor: -1,
				position: 0,
				isLast: true,
			});
		} catch (error) {
			if (!isDamage(error)) throw error;
			this.#problem(suffix, damageOf(error));
		}
	}

	async #makeLarge({ suffix, node }: NodeEntry): Promise<void> {
		const { large, crew, repository } = this.#options;
		if (large.openCount >= maxOpenLarge) {
			await this.#flush();
			await crew.idle();
		}
		const descriptor = large.open(suffix, node);
		if (descriptor === undefined) return;
		try {
			for (const part of partsOf(repository.objects, node)) {
				large.partGiven(descriptor);
				// The length of the whole is set when all parts are there.
				this.#add({ suffix, node, ...part, descriptor, isLast: false });
				if (this.#isWindowFull()) await this.#flush();
			}
		} catch (error) {
			if (!isDamage(error)) throw error;
			large.failed(descriptor, damageOf(error));
		}
		large.seal(descriptor);
	}

	#add(part: Part): void {
		this.#window.push(part);
		this.#windowItems += part.content.kinds.length;
	}

	#isWindowFull(): boolean {
		return (
			this.#window.length >= this.#windowLimit ||
			this.#windowItems >= windowItems
		);
	}

	/** Plans the window and hands it out. */
	async #flush(): Promise<void> {
		const { index } = this.#options.repository;
		const window = this.#window;
		this.#window = [];
		this.#windowItems = 0;
		this.#windowLimit = Math.min(this.#windowLimit * 2, windowParts);
		const plan = planWindow(window, (ids) => index.places(ids));
		for (const { part, chunk } of plan.missing)
			this.#partFailed(part, missingChunk(chunk));
		for (const batch of plan.batches) await this.#submit(batch);
	}

	async #submit({ parts, frames, columns }: Batch): Promise<void> {
		const id = ++this.#lastTask;
		this.#given.set(id, parts);
		const task: RestoreTask = { type: "write", id, frames, parts: columns };
		await this.#options.crew.submit(task);
	}

	#takeReply(reply: RestoreReply): void {
		const { log, large, progress } = this.#options;
		const parts = this.#given.get(reply.id) ?? [];
		this.#given.delete(reply.id);
		const failed = new Set<number>();
		for (const { part, ...problem } of reply.problems) {
			const { suffix, descriptor } = parts[part] as Part;
			failed.add(part);
			if (descriptor === -1) this.#problem(suffix, problem);
			else large.failed(descriptor, problem);
		}
		parts.forEach((part, i) => {
			if (part.descriptor !== -1) large.partDone(part.descriptor);
			else if (!failed.has(i))
				log.restored(part.suffix, contentLength(part.content));
		});
		log.files += reply.files;
		log.bytes += reply.bytes;
		log.loseAll(reply.losses);
		const current = parts[0] && log.pathOf(parts[0].suffix);
		progress.add(reply.files, reply.bytes, current);
	}

	#partFailed(part: Part, problem: Omit<EntryProblem, "path">): void {
		const { large } = this.#options;
		if (part.descriptor === -1) this.#problem(part.suffix, problem);
		else {
			large.failed(part.descriptor, problem);
			large.partDone(part.descriptor);
		}
	}

	#problem(suffix: string, problem: Omit<EntryProblem, "path">): void {
		this.#options.log.problem(suffix, problem);
		this.#options.progress.addErrors(1);
	}
}

function damageOf({ code, message }: VarveError): Omit<EntryProblem, "path"> {
	return { kind: "damaged", reason: code, message };
}

function missingChunk(chunk: Bytes): Omit<EntryProblem, "path"> {
	return {
		kind: "damaged",
		reason: "MISSING_CHUNK",
		message: `the chunk ${toHex(chunk)} is in no pack of the repository`,
	};
}

import {
	type Bytes,
	contentLength,
	type Node,
	NodeKind,
	toHex,
	type VarveError,
} from "@varve/format";
import { isDamage, isVanished } from "../damage.ts";
import type { Progress } from "../progress.ts";
import type { Crew, Repository } from "../repository.ts";
import { flattenContent, largeBytes, partsOf } from "./file-parts.ts";
import { FileWindow } from "./file-window.ts";
import type { LargeFiles } from "./large-files.ts";
import type { HardLinks } from "./links.ts";
import { lostEntries } from "./lost-entries.ts";
import { type Batch, planWindow } from "./plan-window.ts";
import {
	type EntryProblem,
	type RestoreLog,
	vanishedReason,
} from "./report.ts";
import type { TargetTree } from "./target-tree.ts";
import type {
	OwnerRules,
	PartColumns,
	RestoreReply,
	RestoreTask,
} from "./tasks.ts";
import type { TreeMaker } from "./tree-maker.ts";
import type { DirectoryEntry, Entry, NodeEntry } from "./walk.ts";

export interface RestoreRunOptions {
	readonly repository: Repository;
	readonly crew: Crew;
	readonly tree: TargetTree;
	readonly owners: OwnerRules;
	readonly log: RestoreLog;
	readonly progress: Progress;
	readonly maker: TreeMaker;
	readonly large: LargeFiles;
	readonly links: HardLinks;
	readonly signal: AbortSignal | undefined;
	/** The path of an entry below its root. */
	readonly pathInRoot: (root: number, suffix: string) => string;
}

type Problem = Omit<EntryProblem, "path">;

const barred: Problem = {
	kind: "unwritten",
	reason: "ENOTDIR",
	message: "what should be a directory above it is something else",
};

/**
 * Files and items whose chunks are looked up together: each frame is decoded once for all of them. What the threads have before
 * them (two batches each) lasts about as long as planning a window takes.
 */
const windowParts = 8 * 1024;
const windowItems = 64 * 1024;
const windowXattrBytes = 8 * 1024 * 1024;
/** The first windows are small, so that the workers begin soon. */
const firstWindowParts = 1024;
const maxOpenLarge = 64;

/** Takes the entries of a walk and makes them: files in windows, by the workers; the rest at once, in this thread. */
export class RestoreRun {
	readonly #options: RestoreRunOptions;
	/** Parts handed out, by task. */
	readonly #given = new Map<number, PartColumns>();
	readonly #window = new FileWindow(windowParts);
	#windowLimit = firstWindowParts;
	#lastTask = 0;
	/** What is made in the second go, and is known to be no further name of another file. */
	#lost: ReadonlySet<string> = new Set();

	constructor(options: RestoreRunOptions) {
		this.#options = options;
		options.crew.onReply = (reply) => this.#takeReply(reply as RestoreReply);
	}

	/**
	 * Makes everything; directories still lack their attributes. What packs that vanished have cost is tried once more with a new listing
	 * (`relist`). `entries` walks anew each time.
	 */
	async make(
		entries: () => Iterable<Entry>,
		relist: () => Promise<unknown>,
	): Promise<void> {
		const { log, maker, links } = this.#options;
		await this.#makeAll(entries());
		const lost = log.takeLost();
		if (lost.size > 0) {
			await relist();
			this.#lost = lost;
			const isSettled = (suffix: string) =>
				log.absent.has(suffix) || maker.isTaken(suffix);
			await this.#makeAll(lostEntries(entries(), lost, isSettled));
		}
		maker.links(links);
	}

	async #makeAll(entries: Iterable<Entry>): Promise<void> {
		const { crew, maker } = this.#options;
		for (const entry of entries) {
			if (maker.bars(entry.suffix)) this.#problem(entry.suffix, barred);
			else if (entry.type === "directory") this.#makeDirectory(entry);
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
		this.#options.signal?.throwIfAborted();
	}

	#makeDirectory({ suffix, attributes }: DirectoryEntry): void {
		this.#options.maker.directory(suffix, attributes);
	}

	/** True for a large file, which is not made here. */
	#makeNode(entry: NodeEntry): boolean {
		const { suffix, root, node } = entry;
		const { maker, links, pathInRoot } = this.#options;
		if (
			!links.isEmpty &&
			!this.#lost.has(suffix) &&
			links.takes(root, pathInRoot(root, suffix), entry)
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
			const content = flattenContent(objects, node);
			const whole = { descriptor: -1, position: 0, isLast: true };
			this.#window.add({ suffix, node, content, ...whole });
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
				this.#window.add({ suffix, node, ...part, descriptor, isLast: false });
				if (this.#isWindowFull()) await this.#flush();
			}
		} catch (error) {
			if (!isDamage(error)) throw error;
			large.failed(descriptor, damageOf(error));
		}
		large.seal(descriptor);
	}

	#isWindowFull(): boolean {
		return (
			this.#window.parts >= this.#windowLimit ||
			this.#window.items >= windowItems ||
			this.#window.xattrBytes >= windowXattrBytes
		);
	}

	/** Plans the window and hands it out. */
	async #flush(): Promise<void> {
		const { index } = this.#options.repository;
		const window = this.#window;
		const { batches, missing } = planWindow(window, (ids) => index.places(ids));
		for (const { part, chunk } of missing)
			this.#partMissing(
				window.suffixes[part] as string,
				window.descriptor[part] as number,
				chunk,
			);
		window.clear();
		this.#windowLimit = Math.min(this.#windowLimit * 2, windowParts);
		for (const batch of batches) await this.#submit(batch);
	}

	/** What is with a worker is ended: no file is left half written. */
	async #submit({ frames, bases, parts }: Batch): Promise<void> {
		this.#options.signal?.throwIfAborted();
		const id = ++this.#lastTask;
		this.#given.set(id, parts);
		const { crew, owners, tree } = this.#options;
		const target = tree.root;
		const task: RestoreTask = {
			...{ type: "write", id, target, owners },
			...{ frames, bases, parts },
		};
		await crew.submit(task);
	}

	#takeReply(reply: RestoreReply): void {
		const { log, large, progress } = this.#options;
		const parts = this.#given.get(reply.id);
		if (parts === undefined) return;
		this.#given.delete(reply.id);
		const failed = new Set<number>();
		for (const { part, ...problem } of reply.problems) {
			const descriptor = parts.descriptor[part] as number;
			if (problem.kind !== "unfaithful") failed.add(part);
			if (descriptor !== -1) large.failed(descriptor, problem);
			else this.#problem(parts.suffixes[part] as string, problem);
		}
		for (const descriptor of parts.descriptor)
			if (descriptor !== -1) large.partDone(descriptor);
		log.files += reply.files;
		log.bytes += reply.bytes;
		log.loseAll(reply.losses);
		if (log.isDetailed) tellRestored(parts, failed, log);
		const current = log.pathOf(parts.suffixes[0] ?? "");
		progress.add(reply.files, reply.bytes, current);
	}

	#partMissing(suffix: string, descriptor: number, chunk: Bytes): void {
		const { large } = this.#options;
		const problem: Problem = {
			kind: "damaged",
			reason: "MISSING_CHUNK",
			message: `the chunk ${toHex(chunk)} is in no pack of the repository`,
		};
		if (descriptor === -1) this.#problem(suffix, problem);
		else {
			large.failed(descriptor, problem);
			large.partDone(descriptor);
		}
	}

	#problem(suffix: string, problem: Problem): void {
		const isTold = this.#options.log.problem(suffix, problem);
		if (isTold) this.#options.progress.addErrors(1);
	}
}

function damageOf(error: VarveError): Problem {
	const { message } = error;
	const reason = isVanished(error) ? vanishedReason : error.code;
	return { kind: "damaged", reason, message };
}

/** Large files are told when they are whole. */
function tellRestored(
	{ suffixes, descriptor, firstItem, length }: PartColumns,
	failed: ReadonlySet<number>,
	log: RestoreLog,
): void {
	suffixes.forEach((suffix, part) => {
		if (failed.has(part) || descriptor[part] !== -1) return;
		const items = length.subarray(firstItem[part], firstItem[part + 1]);
		log.restored(
			suffix,
			items.reduce((sum, bytes) => sum + bytes, 0),
		);
	});
}

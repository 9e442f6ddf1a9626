import { ftruncateSync, unlinkSync } from "node:fs";
import { contentLength, type Node } from "@varve/format";
import { createMode, giveAttributes } from "./entry-attributes.ts";
import { attemptRemoval, failureOf } from "./failed-call.ts";
import { inheritsAcl } from "./inherited-acl.ts";
import { openFileEntry } from "./open-entry.ts";
import { createFlags } from "./part-writer.ts";
import type { EntryProblem } from "./report.ts";
import { countLosses } from "./tally.ts";
import type { TreeMakerOptions } from "./tree-maker.ts";

type Problem = Omit<EntryProblem, "path">;

interface LargeFile {
	readonly suffix: string;
	readonly node: Node;
	/** Parts that are handed out and not replied to. */
	left: number;
	/** All parts are handed out. */
	isSealed: boolean;
	problem: Problem | undefined;
}

/**
 * Files that several workers write together. This thread opens them, all threads of the process share the descriptor, and the
 * last part to be replied to ends them: with their attributes, or, where a part failed, with their removal.
 */
export class LargeFiles {
	readonly #options: TreeMakerOptions;
	readonly #files = new Map<number, LargeFile>();

	constructor(options: TreeMakerOptions) {
		this.#options = options;
	}

	get openCount(): number {
		return this.#files.size;
	}

	/** The descriptor of a new file, or undefined if it cannot be made. */
	open(suffix: string, node: Node): number | undefined {
		try {
			const fd = this.#options.tree.open(suffix, createFlags, createMode);
			this.#files.set(fd, {
				suffix,
				node,
				left: 0,
				isSealed: false,
				problem: undefined,
			});
			this.#makeRoom(fd, node);
			return fd;
		} catch (error) {
			this.#options.log.problem(suffix, this.#problemOf(error));
			return undefined;
		}
	}

	/** As in PartWriter. */
	#makeRoom(fd: number, { holes, content }: Node): void {
		try {
			if (holes) ftruncateSync(fd, contentLength(content));
		} catch (error) {
			this.failed(fd, this.#problemOf(error));
		}
	}

	partGiven(fd: number): void {
		this.#file(fd).left++;
	}

	partDone(fd: number): void {
		this.#file(fd).left--;
		this.#endIfDone(fd);
	}

	failed(fd: number, problem: Problem): void {
		this.#file(fd).problem ??= problem;
	}

	/** No further part will be given. */
	seal(fd: number): void {
		this.#file(fd).isSealed = true;
		this.#endIfDone(fd);
	}

	/** Removes what is not whole. */
	abandon(): void {
		for (const [fd, { suffix }] of this.#files) {
			this.#options.tree.shut(fd);
			this.#remove(suffix);
		}
		this.#files.clear();
	}

	#endIfDone(fd: number): void {
		const file = this.#file(fd);
		if (file.left > 0 || !file.isSealed) return;
		this.#files.delete(fd);
		try {
			if (file.problem === undefined) this.#complete(fd, file);
		} catch (error) {
			file.problem = this.#problemOf(error);
		} finally {
			this.#options.tree.shut(fd);
		}
		if (file.problem === undefined) return;
		this.#remove(file.suffix);
		this.#options.log.problem(file.suffix, file.problem);
	}

	#complete(fd: number, { suffix, node }: LargeFile): void {
		const { tree, owners, calls, log } = this.#options;
		const length = contentLength(node.content);
		ftruncateSync(fd, length);
		owners.judge(node.mode, node.uid, node.gid);
		const lose = (what: string) => log.lose(what);
		countLosses(owners, lose);
		const attempt = (change: () => void) => {
			try {
				change();
			} catch (error) {
				const { reason, message } = this.#problemOf(error);
				log.problem(suffix, { kind: "unfaithful", reason, message });
			}
		};
		giveAttributes(
			openFileEntry(fd, calls),
			{
				owners,
				kind: "file",
				seconds: node.mtime,
				nanoseconds: node.mtimeNs,
				xattrs: node.xattrs,
				inheritsAcl: inheritsAcl(tree, suffix, calls),
			},
			{ attempt, lose },
		);
		log.files++;
		log.restored(suffix, length);
	}

	#problemOf(error: unknown): Problem {
		const { path } = this.#options.tree.root;
		return { kind: "unwritten", ...failureOf(error, path) };
	}

	#file(fd: number): LargeFile {
		const file = this.#files.get(fd);
		if (file === undefined) throw new Error(`no large file ${fd} is open`);
		return file;
	}

	#remove(suffix: string): void {
		attemptRemoval(() => unlinkSync(this.#options.tree.path(suffix)));
	}
}

import type { BigIntStats } from "node:fs";
import {
	type Bytes,
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type Root,
	type SnapshotRecord,
} from "@varve/format";
import { isJournalName } from "../../journal-folder.ts";
import type { ObjectReader } from "../../repository.ts";
import {
	createFilter,
	type DirectoryRules,
	type Filter,
	type FilterFs,
} from "../../snapshot/exclude.ts";

/** An ignore file that is longer is taken for something else, as a snapshot does. */
const maxSmallFile = 1024 * 1024;

/** What a snapshot leaves out of one directory: by the ignore files that lie there now, and by those it holds itself. */
export interface ScopeRules {
	readonly now: DirectoryRules;
	readonly past: DirectoryRules;
}

/** A directory as it is, and as it was. */
export interface ScopedDirectory {
	/** Absolute path in the snapshot, with "/" at its end. */
	readonly path: string;
	readonly names: readonly string[];
	readonly readSmall: (name: string) => Bytes | undefined;
	/** undefined if the snapshot has no such directory. */
	readonly nodes: readonly Node[] | undefined;
}

export interface DeletionScopeOptions {
	readonly record: Pick<SnapshotRecord, "scope" | "roots" | "unread">;
	readonly objects: Pick<ObjectReader, "bytes">;
	/** Sees what lies above the roots. */
	readonly fs: FilterFs;
	/** Directories of the repository and of the client, as `dev:ino`. */
	readonly own: ReadonlySet<string>;
}

/**
 * Tells what of the target a snapshot would have captured, had it been there: only that may be deleted because the snapshot has it not.
 * What it left out by its rules may have been there then, and so may what could not be read.
 */
export class DeletionScope {
	readonly #options: DeletionScopeOptions;
	readonly #filter: Filter;
	readonly #unread: ReadonlySet<string>;
	readonly #roots: readonly string[];

	constructor(options: DeletionScopeOptions) {
		const { record, fs } = options;
		this.#options = options;
		this.#filter = createFilter(record.scope, fs);
		this.#unread = new Set(record.unread.map(({ path }) => path));
		this.#roots = record.roots.map(({ path }) => path);
	}

	above(root: Root): ScopeRules {
		return { now: this.#filter.above(root), past: this.#filter.above(root) };
	}

	enter(
		{ now, past }: ScopeRules,
		{ path, names, readSmall, nodes }: ScopedDirectory,
	): ScopeRules {
		return {
			now: this.#filter.enter(now, { path, names, readSmallFile: readSmall }),
			past:
				nodes === undefined
					? this.#filter.enter(past, {
							path,
							names: [],
							readSmallFile: () => undefined,
						})
					: this.#filter.enter(past, {
							path,
							names: nodes.map(({ name }) => decodeName(name)),
							readSmallFile: (name) => this.#stored(nodes, name),
						}),
		};
	}

	/** Nobody knows what lay in this directory: it could not be read. */
	isUnread(path: string): boolean {
		return this.#unread.has(path);
	}

	/** True if the snapshot would hold this entry, which is none of it. What lies below is asked for itself. */
	captures(
		rules: ScopeRules,
		path: string,
		{ name, stat }: { readonly name: string; readonly stat: BigIntStats },
	): boolean {
		if (isJournalName(name) || this.#unread.has(path)) return false;
		if (this.#options.own.has(`${stat.dev}:${stat.ino}`)) return false;
		// Another root has its own entries.
		if (this.#roots.includes(path)) return false;
		const size = Number(stat.size);
		const excludes = (by: DirectoryRules) =>
			!by.inert && by.excludes(name, stat.isDirectory(), size);
		return !excludes(rules.now) && !excludes(rules.past);
	}

	#stored(nodes: readonly Node[], name: string): Bytes | undefined {
		const node = nodes.find((n) => decodeName(n.name) === name);
		if (node?.kind !== NodeKind.file) return undefined;
		const length = contentLength(node.content);
		if (length > maxSmallFile) return undefined;
		const whole = new Uint8Array(length);
		let at = 0;
		for (const bytes of this.#options.objects.bytes(node.content)) {
			whole.set(bytes, at);
			at += bytes.length;
		}
		return whole;
	}
}

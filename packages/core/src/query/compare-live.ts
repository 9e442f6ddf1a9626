import {
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type SnapshotRecord,
} from "@varve/format";
import { XattrReader } from "../native/xattr-reader.ts";
import type { PriorRows } from "../snapshot/judge.ts";
import type { SourceFs } from "../snapshot/source-fs.ts";
import { newStatColumns, setStat } from "../snapshot/stat-columns.ts";
import { codeOf } from "../system.ts";
import type { ContentComparer } from "./compare-content.ts";
import { nodeChanges } from "./compare-nodes.ts";
import type { EntryChange } from "./diff.ts";
import { type PlacedNode, toEntry } from "./entry.ts";
import { type LiveEntry, liveNode } from "./live-entries.ts";
import type { Pair } from "./merge-entries.ts";
import { modifierOf } from "./modifier.ts";

/** An entry that cannot be looked at, so that nobody can say whether it changed. */
export interface UnreadableEntry {
	readonly type: "unreadable";
	readonly path: string;
	/** A word of errno. */
	readonly reason: string;
}

export type StatusItem = EntryChange | UnreadableEntry;

/** An entry of a snapshot and what has its name on disk. */
export type LivePair = Pair<PlacedNode, LiveEntry>;

export interface Surroundings {
	readonly root: number;
	/** What the scan state says of the directory. */
	readonly prior: PriorRows | undefined;
}

interface Change extends Pick<EntryChange, "modifier" | "changes"> {
	readonly before: PlacedNode | undefined;
	readonly after: PlacedNode | undefined;
}

/** Compares single entries of a snapshot with those on disk. */
export class LiveComparer {
	readonly #record: SnapshotRecord;
	readonly #fs: SourceFs;
	readonly #contents: ContentComparer;
	readonly #xattrs = new XattrReader();
	readonly #row = newStatColumns(1);

	constructor(record: SnapshotRecord, fs: SourceFs, contents: ContentComparer) {
		this.#record = record;
		this.#fs = fs;
		this.#contents = contents;
	}

	/** undefined if they are the same. */
	compare(pair: LivePair, surroundings: Surroundings): StatusItem | undefined {
		const { before, after } = pair;
		const path = (before ?? after)?.path ?? "";
		if (after?.reason !== undefined)
			return { type: "unreadable", path, reason: after.reason };
		try {
			const now = after && this.#placedNow(after, before?.node, surroundings);
			return this.#changeOf(before, now);
		} catch (error) {
			const reason = codeOf(error);
			if (reason === undefined) throw error;
			return { type: "unreadable", path, reason };
		}
	}

	/** What a snapshot would make of it now, with the content of before if it still has that. */
	#placedNow(
		after: LiveEntry,
		before: Node | undefined,
		surroundings: Surroundings,
	): PlacedNode | undefined {
		const live = liveNode(this.#fs, after, before);
		if (live === undefined) return undefined;
		const isVouchedFor = this.#isVouchedFor(after, surroundings);
		const xattrs = isVouchedFor ? live.xattrs : this.#xattrsOf(after, live);
		const node = { ...live, xattrs };
		const placed = { path: after.path, root: surroundings.root };
		return this.#hasContentOf(node, before, { after, isVouchedFor })
			? { ...placed, node: { ...node, content: before.content } }
			: { ...placed, node };
	}

	/** Those that the entry has now, unless nobody can tell, or nobody asked when the snapshot was taken. */
	#xattrsOf({ path }: LiveEntry, { xattrs }: Node): Node["xattrs"] {
		const wasAsked = this.#record.kept.includes("xattrs");
		return wasAsked && this.#xattrs.available
			? this.#xattrs.ofPath(path).xattrs
			: xattrs;
	}

	#hasContentOf(
		node: Node,
		before: Node | undefined,
		live: { readonly after: LiveEntry; readonly isVouchedFor: boolean },
	): before is Node {
		if (node.kind !== NodeKind.file || before?.kind !== NodeKind.file)
			return false;
		if (contentLength(node.content) !== contentLength(before.content))
			return false;
		return (
			live.isVouchedFor ||
			this.#contents.isSame(live.after.path, before.content)
		);
	}

	#isVouchedFor({ name, stat }: LiveEntry, { prior }: Surroundings): boolean {
		if (prior === undefined || stat === undefined) return false;
		setStat(this.#row, 0, stat);
		return prior.judge(decodeName(name), this.#row, 0) === "unchanged";
	}

	#changeOf(
		before: PlacedNode | undefined,
		after: PlacedNode | undefined,
	): EntryChange | undefined {
		if (before === undefined && after === undefined) return undefined;
		if (before === undefined || after === undefined) {
			const modifier = before === undefined ? "+" : "-";
			return this.#item({ modifier, changes: [], before, after });
		}
		const changes = nodeChanges(before.node, after.node).filter(
			// A directory's own time changes with every entry that comes or goes.
			(change) => change !== "mtime" || after.node.kind !== NodeKind.directory,
		);
		const modifier = modifierOf(before.node, after.node, changes);
		return modifier && this.#item({ modifier, changes, before, after });
	}

	#item({ modifier, changes, before, after }: Change): EntryChange {
		return {
			type: "change",
			path: (after ?? before)?.path ?? "",
			modifier,
			changes,
			before: before && toEntry(before, this.#record),
			after: after && toEntry(after, this.#record),
		};
	}
}

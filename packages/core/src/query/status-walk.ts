import {
	decodeName,
	NodeKind,
	type Root,
	type SnapshotRecord,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { isJournalName } from "../journal-folder.ts";
import type { ObjectReader } from "../repository.ts";
import type { Located } from "../restore/locate.ts";
import {
	createFilter,
	type DirectoryRules,
	type Filter,
} from "../snapshot/exclude.ts";
import { PriorRows } from "../snapshot/judge.ts";
import type { PreviousScan } from "../snapshot/previous.ts";
import type { SourceFs } from "../snapshot/source-fs.ts";
import { ContentComparer } from "./compare-content.ts";
import {
	LiveComparer,
	type LivePair,
	type StatusItem,
	type Surroundings,
} from "./compare-live.ts";
import { liveEntries, liveEntry, liveNames } from "./live-entries.ts";
import { mergeByName } from "./merge-entries.ts";
import { childrenOf, nodeOf } from "./placed-nodes.ts";

export interface StatusSums {
	/** Entries. */
	readonly same: number;
	readonly added: number;
	readonly removed: number;
	/** Of another type or with other content. */
	readonly modified: number;
	/** With other attributes only. */
	readonly metadata: number;
	readonly unreadable: number;
	/** What was read to compare content. */
	readonly filesRead: number;
	readonly bytesRead: number;
}

export interface StatusParts {
	readonly objects: ObjectReader;
	readonly tools: Pick<Toolbox, "sha256">;
	readonly record: SnapshotRecord;
	readonly fs: SourceFs;
	/** undefined to vouch for nothing. */
	readonly scan: PreviousScan | undefined;
	/** Folder of the repository, which is never part of a snapshot. */
	readonly own: string | undefined;
}

/** A directory that is being compared. */
interface Level extends Surroundings {
	readonly pairs: Iterator<LivePair>;
	/** undefined where there is no directory on disk. */
	readonly rules: DirectoryRules | undefined;
}

/** Compares what was located in a snapshot with what is on disk. */
export class StatusWalk {
	readonly #parts: StatusParts;
	readonly #filter: Filter;
	readonly #contents: ContentComparer;
	readonly #comparer: LiveComparer;
	/** The repository's folder, by device and inode. */
	readonly #own: string;
	readonly #sums = {
		same: 0,
		added: 0,
		removed: 0,
		modified: 0,
		metadata: 0,
		unreadable: 0,
	};

	constructor(parts: StatusParts) {
		const { objects, tools, record, fs, own } = parts;
		this.#parts = parts;
		this.#filter = createFilter(record.scope, fs);
		this.#contents = new ContentComparer(objects, tools);
		this.#comparer = new LiveComparer(record, fs, this.#contents);
		const stat = own === undefined ? undefined : fs.lstat(own);
		this.#own = stat === undefined ? "" : `${stat.dev}:${stat.ino}`;
	}

	get sums(): StatusSums {
		const { filesRead, bytesRead } = this.#contents;
		return { ...this.#sums, filesRead, bytesRead };
	}

	/** undefined for each entry that is the same. To be called for what was located in the order of the roots. */
	*compare(located: Located): Generator<StatusItem | undefined> {
		const open = [this.#top(located)];
		for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
			const { value: pair, done } = level.pairs.next();
			if (done === true) {
				open.pop();
				continue;
			}
			if (this.#isLeftOut(pair, level)) continue;
			yield this.#count(this.#comparer.compare(pair, level));
			const next = this.#enter(pair, level);
			if (next === undefined) continue;
			if ("type" in next) yield this.#count(next);
			else open.push(next);
		}
	}

	#count(item: StatusItem | undefined): StatusItem | undefined {
		this.#sums[sumOf(item)]++;
		return item;
	}

	/** A level above what was located, with nothing else in it. */
	#top(located: Located): Level {
		const { record, fs } = this.#parts;
		const before = nodeOf(located);
		const { path, root } = before;
		const source = record.roots[root] as Root;
		const names = relativeTo(source, path).split("/").filter(Boolean);
		let rules = this.#filter.above(source);
		let directory = source.path === "/" ? "/" : `${source.path}/`;
		for (const name of names) {
			const listed = liveNames(fs, directory);
			rules = this.#rulesOf(rules, directory, "reason" in listed ? [] : listed);
			directory += `${name}/`;
		}
		const isFile = located.type === "entry";
		const parent = names.slice(0, -1).join("/");
		const prior = isFile ? this.#priorOf(root, parent) : undefined;
		const name = path.slice(path.lastIndexOf("/") + 1);
		const after = liveEntry(fs, path, name);
		return { root, pairs: [{ before, after }].values(), rules, prior };
	}

	/** New, and not to be in a snapshot: by its rules, as another root, as the repository itself. */
	#isLeftOut({ before, after }: LivePair, { rules, root }: Level): boolean {
		if (before !== undefined || after?.stat === undefined) return false;
		const { path, name, stat } = after;
		if (`${stat.dev}:${stat.ino}` === this.#own) return true;
		if (stat.isDirectory() && isJournalName(decodeName(name))) return true;
		const isOther = (other: Root, i: number) =>
			i !== root && other.kind === "directory" && other.path === path;
		if (this.#parts.record.roots.some(isOther)) return true;
		if (rules === undefined || rules.inert) return false;
		const size = Number(stat.size);
		return rules.excludes(decodeName(name), stat.isDirectory(), size);
	}

	/** What is below a pair; undefined if nothing can be. */
	#enter(pair: LivePair, level: Level): Level | StatusItem | undefined {
		const { objects, record, fs } = this.#parts;
		const { before, after } = pair;
		const isThere = after?.stat?.isDirectory() === true;
		const wasThere = before?.node.kind === NodeKind.directory;
		if ((!isThere && !wasThere) || after?.reason !== undefined)
			return undefined;
		const path = (before ?? after)?.path ?? "";
		const start = path === "/" ? path : `${path}/`;
		const listed = isThere ? this.#namesIn(pair, start, level) : [];
		if ("reason" in listed)
			return { type: "unreadable", path, reason: listed.reason };
		const rules =
			isThere && level.rules !== undefined
				? this.#rulesOf(level.rules, start, listed)
				: undefined;
		const { root } = level;
		const relative = relativeTo(record.roots[root] as Root, path);
		const prior =
			isThere && wasThere ? this.#priorOf(root, relative) : undefined;
		const pairs = mergeByName(
			wasThere ? childrenOf(objects, before, record) : [],
			liveEntries(fs, start, listed),
			{ before: ({ node }) => node.name, after: ({ name }) => name },
		);
		return { root, pairs, rules, prior };
	}

	/** Names to look at: of a root of single entries those alone, of a directory beyond the file system to stay on none. */
	#namesIn({ before, after }: LivePair, start: string, { root }: Level) {
		const { objects, record, fs } = this.#parts;
		const source = record.roots[root] as Root;
		if (
			before !== undefined &&
			source.kind === "entries" &&
			before.path === source.path
		)
			return [...childrenOf(objects, before, record)].map(({ node }) =>
				decodeName(node.name),
			);
		const isForeign =
			record.scope.oneFileSystem &&
			after?.stat?.dev !== fs.lstat(source.path)?.dev;
		return isForeign ? [] : liveNames(fs, start);
	}

	#rulesOf(
		parent: DirectoryRules,
		path: string,
		names: readonly string[],
	): DirectoryRules {
		const readSmallFile = (name: string) =>
			this.#parts.fs.readSmall(path + name, 1024 * 1024);
		return this.#filter.enter(parent, { path, names, readSmallFile });
	}

	#priorOf(root: number, path: string): PriorRows | undefined {
		const { scan } = this.#parts;
		return scan && new PriorRows(scan.take(root, path));
	}
}

function relativeTo({ path: root }: Root, path: string): string {
	return path.slice(root.length).replace(/^\/+/, "");
}

function sumOf(item: StatusItem | undefined) {
	if (item === undefined) return "same";
	if (item.type === "unreadable") return "unreadable";
	switch (item.modifier) {
		case "+":
			return "added";
		case "-":
			return "removed";
		case "U":
			return "metadata";
		default:
			return "modified";
	}
}

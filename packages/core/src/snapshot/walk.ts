import {
	type Bytes,
	encodeName,
	maxTreeNodes,
	PageBoundaries,
	type ScanBlock,
	utf8,
} from "@varve/format";
import { codeOf, isGone } from "../system.ts";
import { Directory, type Page } from "./directory.ts";
import {
	type DirectoryListing,
	readListing,
	rowsBetween,
} from "./directory-listing.ts";
import type { DirectoryReader } from "./directory-reader.ts";
import type { DirectoryRules, Filter } from "./exclude.ts";
import type { PreviousScan } from "./previous.ts";
import type { ScanWriter } from "./scan-writer.ts";
import { type Selection, selectEntries } from "./selection.ts";
import type { SourceFs } from "./source-fs.ts";
import type { StatColumns } from "./stat-columns.ts";

/** What a walk needs to know about a directory before it looks into it. */
export interface Entrance {
	readonly parent: Directory | undefined;
	readonly indexInParent: number;
	readonly root: number;
	/** Absolute, with "/" at the end. */
	readonly path: string;
	readonly relative: string;
	readonly rules: DirectoryRules;
	/** Of a root of kind "entries": the only names to look at. */
	readonly only: readonly string[] | undefined;
}

/** What the walk reports of each entry that is not a directory or is left out. */
export interface WalkSink {
	/** An entry with more than one link. */
	linked(
		directory: Directory,
		index: number,
		stat: { dev: bigint; ino: bigint },
	): void;
	unreadable(path: string, reason: string): void;
	excluded(path: string): void;
	vanished(path: string): void;
}

export interface WalkParts {
	readonly fs: SourceFs;
	readonly reader: DirectoryReader;
	readonly filter: Filter;
	/** The parent's scan state, if there is one. */
	readonly previous: () => PreviousScan | undefined;
	readonly scan: ScanWriter;
	readonly sink: WalkSink;
	/** The listing of a directory, if another thread has read it already. Throws if it could not. */
	readonly scouted: (path: string) => DirectoryListing | undefined;
	/** ns since 1970: what changed after this moment may change again unseen. */
	readonly racyFrom: bigint;
	/** Device to stay on, by root; undefined to go everywhere. */
	readonly deviceOf: (root: number) => bigint | undefined;
	/** Directories that are never entered: the repository itself, by device and inode. */
	readonly avoid: ReadonlySet<string>;
}

/** Why a directory was not entered: it is gone since its own directory was listed, or it cannot be read. */
export type NotEntered = "gone" | "unreadable";

/** Reads one directory: names, rules, lstat of each, and how all that compares with the parent snapshot. */
export function enterDirectory(
	entrance: Entrance,
	parts: WalkParts,
): Directory | NotEntered {
	const { previous, scan, sink } = parts;
	const prior = previous()?.take(entrance.root, entrance.relative) ?? [];
	const listing = listingOf(entrance, parts);
	if (typeof listing === "string") return listing;
	for (const { name, reason } of listing.failed)
		if (isGone(reason)) sink.vanished(entrance.path + name);
		else sink.unreadable(entrance.path + name, reason);
	const rules = rulesOf(entrance, listing.names, parts);
	const selection = selectEntries(listing, {
		rules,
		avoid: parts.avoid,
		device: parts.deviceOf(entrance.root),
		excluded: (name) => sink.excluded(entrance.path + name),
	});
	const directory = new Directory({
		parent: entrance.parent,
		indexInParent: entrance.indexInParent,
		root: entrance.root,
		path: entrance.path,
		relative: entrance.relative,
		rules,
		selection,
		pages: pagesOf(selection, prior, scan),
		prior,
	});
	for (const [index, stat] of selection.linked)
		sink.linked(directory, index, stat);
	return directory;
}

function listingOf(
	{ path, only, parent }: Entrance,
	{ reader, scouted, racyFrom, sink }: WalkParts,
): DirectoryListing | NotEntered {
	try {
		// What was scouted are all entries.
		const whole = only === undefined ? scouted(path) : undefined;
		const follow = parent === undefined;
		return whole ?? readListing(reader, { path, only, racyFrom, follow });
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		// No directory any more: a file or a link has taken its place.
		if (isGone(reason) && parent !== undefined) {
			sink.vanished(path);
			return "gone";
		}
		sink.unreadable(path, reason);
		return "unreadable";
	}
}

function rulesOf(
	entrance: Entrance,
	names: readonly string[],
	{ fs, filter }: WalkParts,
): DirectoryRules {
	return filter.enter(entrance.rules, {
		path: entrance.path,
		names,
		readSmallFile: (name) => fs.readSmall(entrance.path + name, 1024 * 1024),
	});
}

function pagesOf(
	listed: Selection,
	prior: readonly ScanBlock[],
	scan: ScanWriter,
): Page[] {
	if (listed.names.length <= maxTreeNodes)
		return [onePage(listed, prior, scan)];
	const pages: Page[] = [];
	const boundaries = new PageBoundaries();
	const byNames = new Map(
		prior.map((block) => [Buffer.from(block.names).toString("latin1"), block]),
	);
	let start = 0;
	listed.names.forEach((name, i) => {
		if (!boundaries.endsAfter(encodeName(name)) && i + 1 < listed.names.length)
			return;
		const end = i + 1;
		const names = joinNames(listed.names.slice(start, end));
		const before = byNames.get(Buffer.from(names).toString("latin1"));
		const rows = rowsOf(listed.stats, start, end);
		pages.push({
			start,
			end,
			names,
			same: sameBlock(before, names, rows),
			slot: scan.slot(),
		});
		start = end;
	});
	return pages;
}

function onePage(
	{ names, stats }: Selection,
	prior: readonly ScanBlock[],
	scan: ScanWriter,
): Page {
	const joined = joinNames(names);
	const before = prior.length === 1 ? prior[0] : undefined;
	return {
		start: 0,
		end: names.length,
		names: joined,
		same: sameBlock(before, joined, stats.bytes),
		slot: scan.slot(),
	};
}

function sameBlock(
	before: ScanBlock | undefined,
	names: Bytes,
	rows: Bytes,
): ScanBlock | undefined {
	if (before === undefined || before.rows.length !== rows.length)
		return undefined;
	return Buffer.compare(before.rows, rows) === 0 &&
		Buffer.compare(before.names, names) === 0
		? before
		: undefined;
}

function joinNames(names: readonly string[]): Bytes {
	const joined = names.join("\0");
	return /[\udc80-\udcff]/.test(joined) ? encodeName(joined) : utf8(joined);
}

/** The rows of a page, as they stand in a scan state block. */
export function rowsOf(
	stats: StatColumns,
	start: number,
	end: number,
): Uint8Array {
	return rowsBetween(stats, start, end).bytes;
}

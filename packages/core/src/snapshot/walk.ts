import type { BigIntStats } from "node:fs";
import {
	type Bytes,
	encodeName,
	maxTreeNodes,
	PageBoundaries,
	type ScanBlock,
	utf8,
} from "@varve/format";
import { type Directory, isDirectory, type Page } from "./directory.ts";
import type { DirectoryRules, Filter } from "./exclude.ts";
import type { PreviousScan } from "./previous.ts";
import { codeOf } from "./read-file.ts";
import type { ScanWriter } from "./scan-writer.ts";
import type { SourceFs } from "./source-fs.ts";
import { newStatColumns, type StatColumns, setStat } from "./stat-columns.ts";

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
	readonly filter: Filter;
	/** The parent's scan state, if there is one. */
	readonly previous: () => PreviousScan | undefined;
	readonly scan: ScanWriter;
	readonly sink: WalkSink;
	/** ns since 1970: what changed after this moment may change again unseen. */
	readonly racyFrom: bigint;
	/** Device to stay on, by root; undefined to go everywhere. */
	readonly deviceOf: (root: number) => bigint | undefined;
	/** Directories that are never entered: the repository itself, by device and inode. */
	readonly avoid: ReadonlySet<string>;
}

const emptyNames: readonly string[] = [];

/** Reads one directory: names, rules, lstat of each, and how all that compares with the parent snapshot. undefined if it cannot be read. */
export function enterDirectory(
	entrance: Entrance,
	parts: WalkParts,
): Directory | undefined {
	const { fs, previous, scan, sink } = parts;
	const prior = previous()?.take(entrance.root, entrance.relative) ?? [];
	let names: readonly string[];
	try {
		names = entrance.only ?? fs.readDirectory(entrance.path);
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		if (reason === "ENOENT" && entrance.parent !== undefined)
			sink.vanished(entrance.path);
		else sink.unreadable(entrance.path, reason);
		return undefined;
	}
	const rules = rulesOf(entrance, names, parts);
	const listed = listEntries(entrance, names, rules, parts);
	const pages = pagesOf(listed, prior, scan);
	const directory: Directory = {
		...entrance,
		names: listed.names,
		stats: listed.stats,
		pages,
		rules,
		children: listed.children,
		foreign: listed.foreign,
		childChanged: false,
		nextChild: 0,
		reads: new Map(),
		targets: new Map(),
		fresh: new Set(),
		devices: new Map(),
		childTrees: new Map(),
		dropped: new Set(),
		untrusted: listed.untrusted,
		sparse: listed.sparse,
		filesPending: 0,
		childrenPending: 1,
		previousTree: undefined,
		prior,
	};
	for (const [index, stat] of listed.linked)
		sink.linked(directory, index, stat);
	return directory;
}

function rulesOf(
	entrance: Entrance,
	names: readonly string[],
	{ fs, filter }: WalkParts,
): DirectoryRules {
	const small = (name: string) =>
		fs.readSmall(entrance.path + name, 1024 * 1024);
	return filter.enter(entrance.rules, {
		path: entrance.path,
		names,
		readSmallFile: small,
	});
}

interface Listed {
	readonly names: readonly string[];
	readonly stats: StatColumns;
	readonly children: number[];
	readonly foreign: number[];
	readonly untrusted: Set<number>;
	readonly sparse: Set<number>;
	readonly linked: [number, { dev: bigint; ino: bigint }][];
}

function listEntries(
	entrance: Entrance,
	names: readonly string[],
	rules: DirectoryRules,
	parts: WalkParts,
): Listed {
	const stats = newStatColumns(names.length);
	const kept: string[] = [];
	const children: number[] = [];
	const foreign: number[] = [];
	const untrusted = new Set<number>();
	const sparse = new Set<number>();
	const linked: Listed["linked"] = [];
	for (const name of names) {
		const stat = lstatEntry(entrance.path + name, parts);
		if (stat === undefined || leaveOut(entrance, { name, stat, rules }, parts))
			continue;
		const index = kept.push(name) - 1;
		setStat(stats, index, stat);
		if (stat.ctimeNs >= parts.racyFrom || stat.mtimeNs >= parts.racyFrom)
			untrusted.add(index);
		if (isDirectory(Number(stat.mode))) {
			(isForeign(stat, entrance.root, parts) ? foreign : children).push(index);
			continue;
		}
		if (stat.nlink > 1n) linked.push([index, { dev: stat.dev, ino: stat.ino }]);
		if (stat.size >= 65_536n && stat.blocks * 512n < stat.size)
			sparse.add(index);
	}
	return {
		names: kept.length === 0 ? emptyNames : kept,
		stats: shrink(stats, kept.length),
		children,
		foreign,
		untrusted,
		sparse,
		linked,
	};
}

function lstatEntry(
	path: string,
	{ fs, sink }: WalkParts,
): BigIntStats | undefined {
	try {
		const stat = fs.lstat(path);
		if (stat === undefined) sink.vanished(path);
		return stat;
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		sink.unreadable(path, reason);
		return undefined;
	}
}

function leaveOut(
	entrance: Entrance,
	{
		name,
		stat,
		rules,
	}: { name: string; stat: BigIntStats; rules: DirectoryRules },
	{ avoid, sink }: WalkParts,
): boolean {
	const directory = isDirectory(Number(stat.mode));
	if (directory && avoid.size > 0 && avoid.has(`${stat.dev}:${stat.ino}`))
		return true;
	if (rules.inert || !rules.excludes(name, directory, Number(stat.size)))
		return false;
	sink.excluded(entrance.path + name);
	return true;
}

/** A directory on another file system is kept, and not entered. */
function isForeign(
	stat: BigIntStats,
	root: number,
	{ deviceOf }: WalkParts,
): boolean {
	const device = deviceOf(root);
	return device !== undefined && stat.dev !== device;
}

/** The columns for fewer entries than there was room for. */
function shrink(stats: StatColumns, count: number): StatColumns {
	if (count === stats.count) return stats;
	const smaller = newStatColumns(count);
	for (let c = 0; c < 4; c++)
		smaller.wide.set(
			stats.wide.subarray(c * stats.count, c * stats.count + count),
			c * count,
		);
	for (let c = 0; c < 3; c++)
		smaller.narrow.set(
			stats.narrow.subarray(c * stats.count, c * stats.count + count),
			c * count,
		);
	return smaller;
}

function pagesOf(
	listed: Listed,
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
	{ names, stats }: Listed,
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
	return part(stats, start, end).bytes;
}

function part(stats: StatColumns, start: number, end: number): StatColumns {
	const count = end - start;
	if (count === stats.count) return stats;
	const rows = newStatColumns(count);
	for (let c = 0; c < 4; c++)
		rows.wide.set(
			stats.wide.subarray(c * stats.count + start, c * stats.count + end),
			c * count,
		);
	for (let c = 0; c < 3; c++)
		rows.narrow.set(
			stats.narrow.subarray(c * stats.count + start, c * stats.count + end),
			c * count,
		);
	return rows;
}

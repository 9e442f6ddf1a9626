import { constants } from "node:fs";
import { codeOf } from "./read-file.ts";
import type { SourceFs } from "./source-fs.ts";
import { newStatColumns, type StatColumns, setStat } from "./stat-columns.ts";

/** What the file system says of one directory: a plain object that crosses threads. */
export interface DirectoryListing {
	/** Entries that lstat found, sorted by bytes. */
	readonly names: readonly string[];
	readonly stats: StatColumns;
	/** Indices of the entries that are directories. */
	readonly directories: readonly number[];
	/** Indices of the entries with a time of `racyFrom` or later. */
	readonly racy: readonly number[];
	/** Device of the first entry; entries elsewhere are odd. */
	readonly device: bigint;
	readonly odd: readonly OddEntry[];
	readonly failed: readonly FailedEntry[];
}

/** An entry of which more must be known: other device, several links, holes, a device node. */
export interface OddEntry {
	readonly index: number;
	readonly device: bigint;
	readonly linked: boolean;
	readonly sparse: boolean;
	/** st_rdev. */
	readonly node: number;
	/** ns since 1970, if it does not fit the columns: before 1677 or after 2262. */
	readonly farTime: bigint | undefined;
}

export interface FailedEntry {
	readonly name: string;
	/** A word of errno; ENOENT for one that vanished. */
	readonly reason: string;
}

export interface ListingRequest {
	/** Absolute, with "/" at the end. */
	readonly path: string;
	/** Looks at these names only. */
	readonly only: readonly string[] | undefined;
	/** ns since 1970. */
	readonly racyFrom: bigint;
}

const { S_IFMT, S_IFDIR, S_IFCHR, S_IFBLK } = constants;
/** Smaller files are not worth a hole. */
const minSparse = 65_536n;

/** Throws an error with an errno code if the directory itself cannot be read. */
export function readListing(
	fs: SourceFs,
	{ path, only, racyFrom }: ListingRequest,
): DirectoryListing {
	const all = only ?? fs.readDirectory(path);
	const columns = newStatColumns(all.length);
	const failed: FailedEntry[] = [];
	const names: string[] = [];
	const directories: number[] = [];
	const racy: number[] = [];
	const odd: OddEntry[] = [];
	let device: bigint | undefined;
	for (const name of all) {
		const stat = lstatOf(fs, path + name);
		if (typeof stat === "string") {
			failed.push({ name, reason: stat });
			continue;
		}
		const index = names.push(name) - 1;
		setStat(columns, index, stat);
		device ??= stat.dev;
		if (stat.ctimeNs >= racyFrom || stat.mtimeNs >= racyFrom) racy.push(index);
		const type = Number(stat.mode) & S_IFMT;
		if (type === S_IFDIR) directories.push(index);
		const linked = type !== S_IFDIR && stat.nlink > 1n;
		const sparse = stat.size >= minSparse && stat.blocks * 512n < stat.size;
		const isNode = type === S_IFCHR || type === S_IFBLK;
		const farTime = fits(stat.mtimeNs) ? undefined : stat.mtimeNs;
		if (
			linked ||
			sparse ||
			isNode ||
			farTime !== undefined ||
			stat.dev !== device
		)
			odd.push({
				index,
				device: stat.dev,
				linked,
				sparse,
				node: isNode ? Number(stat.rdev) : 0,
				farTime,
			});
	}
	const stats = shrinkColumns(columns, names.length);
	return { names, stats, directories, racy, device: device ?? 0n, odd, failed };
}

function fits(time: bigint): boolean {
	return BigInt.asIntN(64, time) === time;
}

function lstatOf(fs: SourceFs, path: string) {
	try {
		return fs.lstat(path) ?? "ENOENT";
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		return reason;
	}
}

/** The columns for fewer entries than there was room for. */
function shrinkColumns(stats: StatColumns, count: number): StatColumns {
	return count === stats.count ? stats : rowsBetween(stats, 0, count);
}

/** Columns of the entries from `start` to before `end`. */
export function rowsBetween(
	stats: StatColumns,
	start: number,
	end: number,
): StatColumns {
	const count = end - start;
	if (count === stats.count) return stats;
	const rows = newStatColumns(count);
	for (let c = 0; c < 4; c++) {
		const at = c * stats.count;
		rows.wide.set(stats.wide.subarray(at + start, at + end), c * count);
	}
	for (let c = 0; c < 3; c++) {
		const at = c * stats.count;
		rows.narrow.set(stats.narrow.subarray(at + start, at + end), c * count);
	}
	return rows;
}

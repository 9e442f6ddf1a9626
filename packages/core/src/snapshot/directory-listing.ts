import { constants } from "node:fs";
import { type Moment, splitTime } from "../time.ts";
import type { DirectoryReader, EntryStat } from "./directory-reader.ts";
import { newStatColumns, type StatColumns } from "./stat-columns.ts";

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
	/** The path may be that of a link to the directory: what a user named is taken as it was named. */
	readonly follow?: boolean;
}

const { S_IFMT, S_IFDIR, S_IFCHR, S_IFBLK } = constants;
/** Smaller files are not worth a hole. */
const minSparse = 65_536;

/** Throws an error with an errno code if the directory itself cannot be read. */
export function readListing(
	reader: DirectoryReader,
	{ path, only, racyFrom, follow = true }: ListingRequest,
): DirectoryListing {
	if (only === undefined)
		return listOpen(reader, reader.open(path, follow), racyFrom);
	reader.openOnly(path);
	return listOpen(reader, only, racyFrom);
}

/** Closes the directory at the end. */
function listOpen(
	reader: DirectoryReader,
	all: readonly string[],
	racyFrom: bigint,
): DirectoryListing {
	const listing = new ListingBuilder(all.length, racyFrom);
	try {
		for (const name of all) {
			const reason = reader.look(name);
			if (reason === undefined) listing.add(name, reader.entry);
			else listing.fail(name, reason);
		}
	} finally {
		reader.close();
	}
	return listing.finish();
}

class ListingBuilder {
	readonly #names: string[] = [];
	readonly #columns: StatColumns;
	readonly #directories: number[] = [];
	readonly #racy: number[] = [];
	readonly #odd: OddEntry[] = [];
	readonly #failed: FailedEntry[] = [];
	readonly #racyFrom: Moment;
	#device: bigint | undefined;

	constructor(room: number, racyFrom: bigint) {
		this.#columns = newStatColumns(room);
		this.#racyFrom = splitTime(racyFrom);
	}

	add(name: string, entry: EntryStat): void {
		const index = this.#names.push(name) - 1;
		entry.put(this.#columns, index);
		if (entry.touchedSince(this.#racyFrom)) this.#racy.push(index);
		const type = entry.mode & S_IFMT;
		if (type === S_IFDIR) this.#directories.push(index);
		const { device, farTime } = entry;
		this.#device ??= device;
		const linked = type !== S_IFDIR && entry.links > 1;
		const sparse = entry.size >= minSparse && entry.allocated < entry.size;
		const isNode = type === S_IFCHR || type === S_IFBLK;
		if (
			linked ||
			sparse ||
			isNode ||
			farTime !== undefined ||
			device !== this.#device
		) {
			const node = isNode ? entry.node : 0;
			this.#odd.push({ index, device, linked, sparse, node, farTime });
		}
	}

	fail(name: string, reason: string): void {
		this.#failed.push({ name, reason });
	}

	finish(): DirectoryListing {
		return {
			names: this.#names,
			stats: shrinkColumns(this.#columns, this.#names.length),
			directories: this.#directories,
			racy: this.#racy,
			device: this.#device ?? 0n,
			odd: this.#odd,
			failed: this.#failed,
		};
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
	rows.births.set(stats.births.subarray(2 * start, 2 * end));
	for (let c = 0; c < 3; c++) {
		const at = c * stats.count;
		rows.narrow.set(stats.narrow.subarray(at + start, at + end), c * count);
	}
	return rows;
}

import { isJournalName } from "../journal-folder.ts";
import type { DirectoryListing, OddEntry } from "./directory-listing.ts";
import type { DirectoryRules } from "./exclude.ts";
import {
	copyStat,
	inodeOf,
	newStatColumns,
	type StatColumns,
	sizeOf,
} from "./stat-columns.ts";

/** What of a listing belongs to the snapshot. */
export interface Selection {
	readonly names: readonly string[];
	readonly stats: StatColumns;
	/** Directories to go into. */
	readonly children: readonly number[];
	/** Directories that are kept and not entered. */
	readonly foreign: readonly number[];
	/** Entries whose next snapshot must read them again. */
	readonly untrusted: readonly number[];
	readonly sparse: readonly number[];
	/** st_rdev of device nodes. */
	readonly devices: ReadonlyMap<number, number>;
	/** mtimes that do not fit the columns. */
	readonly farTimes: ReadonlyMap<number, bigint>;
	readonly linked: readonly (readonly [number, { dev: bigint; ino: bigint }])[];
}

export interface SelectionRules {
	readonly rules: DirectoryRules;
	/** Directories that are never looked at, by device and inode: the repository itself. Journals of restores are none either. */
	readonly avoid: ReadonlySet<string>;
	/** The device to stay on; undefined to go everywhere. */
	readonly device: bigint | undefined;
	readonly excluded: (name: string) => void;
}

export function selectEntries(
	listing: DirectoryListing,
	{ rules, avoid, device, excluded }: SelectionRules,
): Selection {
	const left = leftOut(listing, { rules, avoid, excluded });
	const kept = left.size === 0 ? listing : without(listing, left);
	const { names, stats, directories, racy: untrusted, odd } = kept;
	const foreign = foreignIn(kept, device);
	const children =
		foreign.length === 0
			? directories
			: directories.filter((index) => !foreign.includes(index));
	return {
		names,
		stats,
		children,
		foreign,
		untrusted,
		...oddities(odd, stats),
	};
}

const noOddities: Pick<
	Selection,
	"sparse" | "devices" | "farTimes" | "linked"
> = { sparse: [], devices: new Map(), farTimes: new Map(), linked: [] };

/** Most directories have none. */
function oddities(
	odd: readonly OddEntry[],
	stats: StatColumns,
): typeof noOddities {
	if (odd.length === 0) return noOddities;
	return {
		sparse: odd.filter((e) => e.sparse).map((e) => e.index),
		devices: new Map(
			odd.filter((e) => e.node !== 0).map((e) => [e.index, e.node]),
		),
		farTimes: new Map(
			odd.flatMap(({ index, farTime }) =>
				farTime === undefined ? [] : [[index, farTime] as const],
			),
		),
		linked: odd
			.filter((e) => e.linked)
			.map(({ index, device: dev }) => [
				index,
				{ dev, ino: inodeOf(stats, index) },
			]),
	};
}

/** Directories that are not on the device to stay on. */
function foreignIn(
	{ directories, odd, device: usual }: DirectoryListing,
	device: bigint | undefined,
): number[] {
	if (device === undefined) return [];
	const byIndex = oddById(odd);
	return directories.filter(
		(index) => (byIndex.get(index)?.device ?? usual) !== device,
	);
}

function oddById(odd: readonly OddEntry[]): Map<number, OddEntry> {
	return new Map(odd.map((entry) => [entry.index, entry]));
}

function leftOut(
	listing: DirectoryListing,
	{
		rules,
		avoid,
		excluded,
	}: Pick<SelectionRules, "rules" | "avoid" | "excluded">,
): ReadonlySet<number> {
	const { names, stats, directories } = listing;
	const avoided = avoidedIn(listing, avoid);
	if (rules.inert) return avoided;
	const left = new Set(avoided);
	const isDirectory = new Set(directories);
	names.forEach((name, index) => {
		if (left.has(index)) return;
		if (!rules.excludes(name, isDirectory.has(index), sizeOf(stats, index)))
			return;
		left.add(index);
		excluded(name);
	});
	return left;
}

const none: ReadonlySet<number> = new Set();

function avoidedIn(
	{ names, stats, directories, odd, device }: DirectoryListing,
	avoid: ReadonlySet<string>,
): ReadonlySet<number> {
	if (directories.length === 0) return none;
	const byIndex = oddById(odd);
	const found = directories.filter((index) => {
		if (isJournalName(names[index] as string)) return true;
		if (avoid.size === 0) return false;
		const dev = byIndex.get(index)?.device ?? device;
		const inode = BigInt.asUintN(64, inodeOf(stats, index));
		return avoid.has(`${dev}:${inode}`);
	});
	return found.length === 0 ? none : new Set(found);
}

/** The listing as if these entries were not there. */
function without(
	listing: DirectoryListing,
	left: ReadonlySet<number>,
): DirectoryListing {
	const keep: number[] = [];
	const newIndex = new Map<number, number>();
	for (let index = 0; index < listing.names.length; index++)
		if (!left.has(index)) newIndex.set(index, keep.push(index) - 1);
	const stats = newStatColumns(keep.length);
	keep.forEach((from, to) => {
		copyStat(listing.stats, from, stats, to);
	});
	const moved = (indices: readonly number[]) =>
		indices.flatMap((index) => newIndex.get(index) ?? []);
	return {
		...listing,
		names: keep.map((index) => listing.names[index] as string),
		stats,
		directories: moved(listing.directories),
		racy: moved(listing.racy),
		odd: listing.odd.flatMap((entry) => {
			const index = newIndex.get(entry.index);
			return index === undefined ? [] : { ...entry, index };
		}),
	};
}

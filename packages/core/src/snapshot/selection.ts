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
	readonly untrusted: Set<number>;
	readonly sparse: Set<number>;
	/** st_rdev of device nodes. */
	readonly devices: Map<number, number>;
	/** mtimes that do not fit the columns. */
	readonly farTimes: Map<number, bigint>;
	readonly linked: readonly (readonly [number, { dev: bigint; ino: bigint }])[];
}

export interface SelectionRules {
	readonly rules: DirectoryRules;
	/** Directories that are never looked at, by device and inode: the repository itself. */
	readonly avoid: ReadonlySet<string>;
	/** The device to stay on; undefined to go everywhere. */
	readonly device: bigint | undefined;
	readonly excluded: (name: string) => void;
}

export function selectEntries(
	listing: DirectoryListing,
	{ rules, avoid, device, excluded }: SelectionRules,
): Selection {
	const odd = new Map(listing.odd.map((entry) => [entry.index, entry]));
	const left = leftOut(listing, odd, { rules, avoid, excluded });
	const kept = left.size === 0 ? listing : without(listing, left);
	const oddKept = kept === listing ? odd : oddById(kept.odd);
	const deviceOf = (index: number) =>
		oddKept.get(index)?.device ?? listing.device;
	const isForeign = (index: number) =>
		device !== undefined && deviceOf(index) !== device;
	const children = kept.directories;
	const linked = kept.odd.filter((entry) => entry.linked);
	return {
		names: kept.names,
		stats: kept.stats,
		children:
			device === undefined ? children : children.filter((i) => !isForeign(i)),
		foreign: device === undefined ? [] : children.filter(isForeign),
		untrusted: new Set(kept.racy),
		sparse: new Set(kept.odd.filter((e) => e.sparse).map((e) => e.index)),
		devices: new Map(
			kept.odd.filter((e) => e.node !== 0).map((e) => [e.index, e.node]),
		),
		farTimes: new Map(
			kept.odd.flatMap(({ index, farTime }) =>
				farTime === undefined ? [] : [[index, farTime] as const],
			),
		),
		linked: linked.map(({ index, device: dev }) => [
			index,
			{ dev, ino: inodeOf(kept.stats, index) },
		]),
	};
}

function oddById(odd: readonly OddEntry[]): Map<number, OddEntry> {
	return new Map(odd.map((entry) => [entry.index, entry]));
}

function leftOut(
	{ names, stats, directories, device }: DirectoryListing,
	odd: ReadonlyMap<number, OddEntry>,
	{
		rules,
		avoid,
		excluded,
	}: Pick<SelectionRules, "rules" | "avoid" | "excluded">,
): Set<number> {
	const left = new Set<number>();
	const isDirectory = new Set(directories);
	if (avoid.size > 0)
		for (const index of directories) {
			const dev = odd.get(index)?.device ?? device;
			const inode = BigInt.asUintN(64, inodeOf(stats, index));
			if (avoid.has(`${dev}:${inode}`)) left.add(index);
		}
	if (rules.inert) return left;
	names.forEach((name, index) => {
		if (left.has(index)) return;
		if (!rules.excludes(name, isDirectory.has(index), sizeOf(stats, index)))
			return;
		left.add(index);
		excluded(name);
	});
	return left;
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

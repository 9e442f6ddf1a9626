import {
	type BigIntStats,
	closeSync,
	constants,
	fstatSync,
	openSync,
	statfsSync,
} from "node:fs";
import { minZeroRun } from "@varve/format";
import { ExtentFinder, type Extents } from "../native/extents.ts";
import { reach } from "../native/long-path.ts";
import { codeOf } from "../system.ts";

/** From `start` to before `end`, in bytes. */
export interface Hole {
	readonly start: number;
	readonly end: number;
}

/** A hole between two stretches of data is read this far from either end: what is found there must be zeros. */
export const holeMargin = minZeroRun;
/** Shorter holes are read. */
export const minHole = 4 * holeMargin;
/** Shorter files are read. */
export const minSparseFile = 1024 * 1024;

/**
 * File systems of statfs(2) that say exactly where their data is, written or not yet, and count it in st_blocks at once: ext2 to 4,
 * xfs, btrfs, tmpfs.
 */
const exactTypes: ReadonlySet<number> = new Set([
	0xef53, 0x58465342, 0x9123683e, 0x01021994,
]);
/** Asking takes a microsecond or two for each, in which the walk stands still. */
const maxExtents = 65_536;
const openFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** What lstat said, by which it is known that a file is still what it was. */
export type Identity = Pick<
	BigIntStats,
	"ino" | "size" | "mtimeNs" | "ctimeNs"
>;

export interface AllocatedFile {
	readonly size: number;
	/** st_blocks in bytes. */
	readonly allocated: number;
	/** Of the file system. */
	readonly blockBytes: number;
}

/** Finds the holes of files that need not be read. */
export class HoleFinder {
	readonly #extents: ExtentFinder;

	constructor(extents = new ExtentFinder()) {
		this.#extents = extents;
	}

	/** None if there are none to be believed, for whatever reason: then all is read, which also tells what is wrong. */
	of(path: string, identity: Identity): readonly Hole[] {
		try {
			return reach(path, (reached) => this.#look(reached, identity));
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			return [];
		}
	}

	#look(path: string | Buffer, identity: Identity): readonly Hole[] {
		const { type, bsize } = statfsSync(path);
		if (!exactTypes.has(type)) return [];
		const fd = openSync(path, openFlags);
		try {
			const before = fstatSync(fd, { bigint: true });
			if (!before.isFile() || !isSame(before, identity)) return [];
			const size = Number(before.size);
			const extents = this.#extents.of(fd, size, maxExtents);
			const after = fstatSync(fd, { bigint: true });
			if (extents === undefined || !isSame(after, identity)) return [];
			if (after.blocks !== before.blocks) return [];
			const allocated = Number(after.blocks) * 512;
			return believedHoles(extents, { size, allocated, blockBytes: bsize });
		} finally {
			closeSync(fd);
		}
	}
}

function isSame(a: Identity, b: Identity): boolean {
	return (
		a.ino === b.ino &&
		a.size === b.size &&
		a.mtimeNs === b.mtimeNs &&
		a.ctimeNs === b.ctimeNs
	);
}

/**
 * What lies between the extents, if the data found there is all that the file has: were there data in what is called a hole, the file would have more blocks than its
 * extents. What a file system needs for its own lists of blocks counts as blocks of the file: less than a 256th of the data, and some.
 */
export function believedHoles(
	extents: Extents,
	{ size, allocated, blockBytes }: AllocatedFile,
): Hole[] {
	const holes: Hole[] = [];
	let data = 0;
	let at = 0;
	for (let i = 0; i <= extents.length; i += 2) {
		const start = extents[i] ?? size;
		const end = extents[i + 1] ?? size;
		if (start - at >= minHole) holes.push({ start: at, end: start });
		data += Math.ceil((end - start) / blockBytes) * blockBytes;
		at = end;
	}
	return allocated <= data + data / 256 + holeMargin ? holes : [];
}

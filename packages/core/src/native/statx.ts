import type { StatColumns } from "../snapshot/stat-columns.ts";
import type { Moment } from "../time.ts";
import { type Foreign, type ForeignLibrary, terminated } from "./foreign.ts";

/** AT_SYMLINK_NOFOLLOW and AT_NO_AUTOMOUNT, as lstat(2) has them. */
const asLstat = 0x100 | 0x800;
/** STATX_BASIC_STATS. */
const basicStats = 0x7ff;
/** And STATX_BTIME, which not every file system has. */
const wanted = 0x800 | basicStats;

/** Words of 32 bits in struct statx (linux/stat.h), which is the same on all machines. */
const at = {
	mask: 0,
	links: 4,
	uid: 5,
	gid: 6,
	/** 16 bits. */
	mode: 7,
	inode: 8,
	size: 10,
	/** Of 512 bytes. */
	blocks: 12,
	/** Seconds in two words, then nanoseconds; likewise the other times. Zero if it is not known. */
	birth: 20,
	ctime: 24,
	mtime: 28,
	nodeMajor: 32,
	nodeMinor: 33,
	major: 34,
	minor: 35,
} as const;
const words = 64;
const wordRange = 2 ** 32;
/** What lies further from 1970 does not fit 64 bits of nanoseconds. */
const farSeconds = 9_223_372_036;

/**
 * statx(2) through the C library, into a buffer that is used again: without the objects that Node makes for each call, a third of
 * the time of lstat. What was asked last stands in the fields.
 */
export class Statx {
	readonly #library: ForeignLibrary;
	readonly #byText: Foreign;
	readonly #byBytes: Foreign;
	readonly #words = new Uint32Array(words);
	readonly #signed = new Int32Array(this.#words.buffer);
	readonly #bytes = new Uint8Array(this.#words.buffer);
	#major = -1;
	#minor = -1;
	#device = 0n;

	/** Throws if the C library has no statx. */
	constructor(library: ForeignLibrary) {
		this.#library = library;
		const declare = (path: string) =>
			library.func(
				`int statx(int dirfd, const ${path}, int flags, uint mask, uint8_t *buffer)`,
			);
		this.#byText = declare("char *path");
		this.#byBytes = declare("uint8_t *path");
	}

	/** lstat of a name in the open directory; a word of errno if that fails. */
	entry(directory: number, name: string): string | undefined {
		const result = name.isWellFormed()
			? this.#byText(directory, name, asLstat, wanted, this.#bytes)
			: this.#byBytes(
					directory,
					terminated(name),
					asLstat,
					wanted,
					this.#bytes,
				);
		return result === 0 ? undefined : this.#library.code();
	}

	/** The system filled in all of it. */
	get complete(): boolean {
		return (this.#word(at.mask) & basicStats) === basicStats;
	}

	get mode(): number {
		return this.#word(at.mode) & 0xffff;
	}

	get links(): number {
		return this.#word(at.links);
	}

	get size(): number {
		return this.#word(at.size) + this.#word(at.size + 1) * wordRange;
	}

	/** Bytes on disk. */
	get allocated(): number {
		return (
			(this.#word(at.blocks) + this.#word(at.blocks + 1) * wordRange) * 512
		);
	}

	/** st_dev. */
	get device(): bigint {
		const major = this.#word(at.major);
		const minor = this.#word(at.minor);
		// Nearly always that of the entry before.
		if (major !== this.#major || minor !== this.#minor) {
			this.#major = major;
			this.#minor = minor;
			this.#device = BigInt(deviceNumber(major, minor));
		}
		return this.#device;
	}

	/** st_rdev. */
	get node(): number {
		return deviceNumber(this.#word(at.nodeMajor), this.#word(at.nodeMinor));
	}

	/** mtime in ns, if it does not fit the columns. */
	get farTime(): bigint | undefined {
		const seconds = this.#seconds(at.mtime);
		if (Math.abs(seconds) < farSeconds) return undefined;
		const time =
			BigInt(seconds) * 1_000_000_000n + BigInt(this.#word(at.mtime + 2));
		return BigInt.asIntN(64, time) === time ? undefined : time;
	}

	/** True if mtime or ctime is this moment or later. */
	touchedSince({ seconds, nanoseconds }: Moment): boolean {
		return (
			this.#isSince(at.ctime, seconds, nanoseconds) ||
			this.#isSince(at.mtime, seconds, nanoseconds)
		);
	}

	/** Puts inode, size, times, mode and owner into a row. */
	put({ halves, narrow, births, count }: StatColumns, index: number): void {
		const w = this.#words;
		halves[2 * index] = w[at.inode] as number;
		halves[2 * index + 1] = w[at.inode + 1] as number;
		halves[2 * (count + index)] = w[at.size] as number;
		halves[2 * (count + index) + 1] = w[at.size + 1] as number;
		this.#putTime(at.mtime, halves, 2 * (2 * count + index));
		this.#putTime(at.ctime, halves, 2 * (3 * count + index));
		this.#putTime(at.birth, births, 2 * index);
		narrow[index] = this.mode;
		narrow[count + index] = w[at.uid] as number;
		narrow[2 * count + index] = w[at.gid] as number;
	}

	#word(index: number): number {
		return this.#words[index] as number;
	}

	#seconds(index: number): number {
		return this.#word(index) + (this.#signed[index + 1] as number) * wordRange;
	}

	#isSince(index: number, seconds: number, nanoseconds: number): boolean {
		const s = this.#seconds(index);
		return (
			s > seconds || (s === seconds && this.#word(index + 2) >= nanoseconds)
		);
	}

	/**
	 * Nanoseconds since 1970 as 64 bits, the lower half first: in doubles, whose 53 bits are kept by splitting the seconds at 16 bits,
	 * because a BigInt for each file would cost more than the call.
	 */
	#putTime(index: number, halves: Uint32Array, to: number): void {
		const seconds = this.#seconds(index);
		const upper = Math.floor(seconds / 65_536);
		const lowerNs = (seconds - upper * 65_536) * 1e9;
		const upperNs = upper * 1e9;
		const high = Math.floor(upperNs / 65_536);
		const low =
			(upperNs - high * 65_536) * 65_536 + lowerNs + this.#word(index + 2);
		const carry = Math.floor(low / wordRange);
		halves[to] = low - carry * wordRange;
		halves[to + 1] = high + carry;
	}
}

/** makedev of the C library. */
function deviceNumber(major: number, minor: number): number {
	return (
		(minor & 0xff) +
		(major & 0xfff) * 2 ** 8 +
		(minor >>> 8) * 2 ** 20 +
		(major >>> 12) * 2 ** 44
	);
}

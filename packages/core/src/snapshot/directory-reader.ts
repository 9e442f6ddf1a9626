import type { BigIntStats } from "node:fs";
import { codeOf } from "../system.ts";
import type { Moment } from "../time.ts";
import type { SourceFs } from "./source-fs.ts";
import { type StatColumns, setStat } from "./stat-columns.ts";

/** Reads directories, one after the other. */
export interface DirectoryReader {
	/**
	 * Opens a directory, by its path with "/" at the end, and returns its names, sorted by bytes. Throws errors with an errno code. With `follow` set to false,
	 * a link at the path is ENOTDIR, as far as the platform can tell.
	 */
	open(path: string, follow?: boolean): readonly string[];
	/** Opens it to look at entries whose names are known. */
	openOnly(path: string): void;
	/** lstat of an entry of the open directory: stands in `entry` then. A word of errno if that fails. */
	look(name: string): string | undefined;
	readonly entry: EntryStat;
	close(): void;
}

/** What lstat said of the entry looked at last. */
export interface EntryStat {
	readonly mode: number;
	readonly links: number;
	readonly size: number;
	/** Bytes on disk. */
	readonly allocated: number;
	/** st_dev. */
	readonly device: bigint;
	/** st_rdev. */
	readonly node: number;
	/** mtime in ns since 1970, if it does not fit the columns: before 1677 or after 2262. */
	readonly farTime: bigint | undefined;
	/** True if mtime or ctime is this moment or later. */
	touchedSince(moment: Moment): boolean;
	put(columns: StatColumns, index: number): void;
}

/** By Node's own calls, on any platform. */
export function portableReader(fs: SourceFs): DirectoryReader {
	return new PortableReader(fs);
}

class PortableReader implements DirectoryReader {
	readonly #fs: SourceFs;
	readonly entry = new NodeStat();
	#path = "";

	constructor(fs: SourceFs) {
		this.#fs = fs;
	}

	open(path: string): readonly string[] {
		this.#path = path;
		return this.#fs.readDirectory(path);
	}

	openOnly(path: string): void {
		this.#path = path;
	}

	look(name: string): string | undefined {
		try {
			const stat = this.#fs.lstat(this.#path + name);
			if (stat === undefined) return "ENOENT";
			this.entry.stat = stat;
			return undefined;
		} catch (error) {
			const reason = codeOf(error);
			if (reason === undefined) throw error;
			return reason;
		}
	}

	close(): void {}
}

class NodeStat implements EntryStat {
	stat: BigIntStats | undefined;

	get mode(): number {
		return Number(this.#stat.mode);
	}

	get links(): number {
		return Number(this.#stat.nlink);
	}

	get size(): number {
		return Number(this.#stat.size);
	}

	get allocated(): number {
		return Number(this.#stat.blocks) * 512;
	}

	get device(): bigint {
		return this.#stat.dev;
	}

	get node(): number {
		return Number(this.#stat.rdev);
	}

	get farTime(): bigint | undefined {
		const { mtimeNs } = this.#stat;
		return BigInt.asIntN(64, mtimeNs) === mtimeNs ? undefined : mtimeNs;
	}

	touchedSince({ seconds, nanoseconds }: Moment): boolean {
		const moment = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
		const { ctimeNs, mtimeNs } = this.#stat;
		return ctimeNs >= moment || mtimeNs >= moment;
	}

	put(columns: StatColumns, index: number): void {
		setStat(columns, index, this.#stat);
	}

	get #stat(): BigIntStats {
		return this.stat as BigIntStats;
	}
}

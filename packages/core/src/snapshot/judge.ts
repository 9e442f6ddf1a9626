import {
	compareNames,
	decodeName,
	type ScanBlock,
	scanRowBytes,
} from "@varve/format";
import { type StatColumns, sameStat, statColumnsOf } from "./stat-columns.ts";

/** The parent's rows of one directory, to be asked name by name in ascending order. */
export class PriorRows {
	readonly #blocks: readonly ScanBlock[];
	#block = -1;
	#names: readonly string[] = [];
	#stats: StatColumns | undefined;
	#at = 0;

	constructor(blocks: readonly ScanBlock[]) {
		this.#blocks = blocks;
		this.#load();
	}

	/** "new": not there before. "changed": lstat says something else, or must not be trusted. "unchanged": as it was. */
	judge(name: string, stats: StatColumns, index: number): Judgement {
		for (;;) {
			const candidate = this.#names[this.#at];
			if (candidate === undefined) {
				if (!this.#load()) return "new";
				continue;
			}
			if (candidate === name) {
				const same = sameStat(
					this.#stats as StatColumns,
					this.#at,
					stats,
					index,
				);
				return same ? "unchanged" : "changed";
			}
			if (compareNames(candidate, name) > 0) return "new";
			this.#at++;
		}
	}

	#load(): boolean {
		const block = this.#blocks[this.#block + 1];
		if (block === undefined) return false;
		this.#block++;
		this.#names = block.count === 0 ? [] : decodeName(block.names).split("\0");
		this.#stats = statColumnsOf(
			block.rows.subarray(0, block.count * scanRowBytes),
			block.count,
		);
		this.#at = 0;
		return true;
	}
}

export type Judgement = "new" | "changed" | "unchanged";

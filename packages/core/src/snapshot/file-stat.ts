import { type BigIntStats, fstatSync } from "node:fs";
import { newStatColumns, setStat } from "./stat-columns.ts";

/** fstat, into a row that is used again. */
export class FileStat {
	/** What the last look found. */
	readonly row = newStatColumns(1);
	#stat: BigIntStats | undefined;

	/** Throws errors with an errno code. */
	look(fd: number): void {
		this.#stat = fstatSync(fd, { bigint: true });
		setStat(this.row, 0, this.#stat);
	}

	/** Of any size: what the row has is only its lower 64 bits. */
	get mtimeNs(): bigint {
		return (this.#stat as BigIntStats).mtimeNs;
	}

	get birthNs(): bigint {
		return (this.#stat as BigIntStats).birthtimeNs;
	}

	/** Fewer blocks than bytes. */
	get sparse(): boolean {
		const stat = this.#stat as BigIntStats;
		return stat.blocks * 512n < stat.size;
	}
}

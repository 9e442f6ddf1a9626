import { type Bytes, idBytes } from "@varve/format";
import type { ChunkRanks } from "@varve/store";
import { sortIds } from "../../sort-ids.ts";

const batchChunks = 64 * 1024;

/** Chunks in the order of a walk, each with one that it is to stand beside; they get their ranks many at a time. */
export class RankBatch {
	readonly #ranks: ChunkRanks;
	readonly #ids = new Uint8Array(batchChunks * idBytes);
	readonly #anchors = new Uint8Array(batchChunks * idBytes);
	/** 1 for each that has such a one. */
	readonly #anchored = new Uint8Array(batchChunks);
	#count = 0;

	constructor(ranks: ChunkRanks) {
		this.#ranks = ranks;
	}

	/** `anchor`: the row of `anchors` whose rank it gets, if that one has any by the next `flush`; undefined for a rank of its own. */
	add(id: Bytes, anchors: Bytes, anchor: number | undefined): void {
		if (this.#count === batchChunks) this.flush();
		const to = this.#count * idBytes;
		this.#ids.set(id, to);
		this.#anchored[this.#count] = anchor === undefined ? 0 : 1;
		if (anchor !== undefined) {
			const at = anchor * idBytes;
			this.#anchors.set(anchors.subarray(at, at + idBytes), to);
		}
		this.#count++;
	}

	/** The same for one that has a rank: it gets that of the other instead. */
	move(id: Bytes, beside: Bytes): void {
		if (this.#count === batchChunks) this.flushMoves();
		const to = this.#count * idBytes;
		this.#ids.set(id, to);
		this.#anchors.set(beside, to);
		this.#anchored[this.#count++] = 1;
	}

	/** Gives those of `move` their ranks. */
	flushMoves(): void {
		this.#settle((rank, beside) => beside || rank);
	}

	/** Gives ranks to those that have none. */
	flush(): void {
		this.#settle((rank, beside) => rank || beside || this.#ranks.next());
	}

	/** Ranks are 0 where there is none: of the chunk, and of what it lies beside. */
	#settle(rankFrom: (rank: number, beside: number) => number): void {
		const count = this.#count;
		this.#count = 0;
		if (count === 0) return;
		const { ids, rankOf } = sortIds(this.#ids, count);
		const ranks = this.#ranks.of(ids);
		const beside = this.#ranksOfAnchors(count);
		for (let i = 0; i < count; i++) {
			const at = rankOf[i] as number;
			ranks[at] = rankFrom(ranks[at] as number, beside[i] as number);
		}
		this.#ranks.set(ids, ranks);
	}

	#ranksOfAnchors(count: number): Uint32Array {
		const ranks = new Uint32Array(count);
		if (!this.#anchored.subarray(0, count).includes(1)) return ranks;
		const { ids, rankOf } = sortIds(this.#anchors, count);
		const known = this.#ranks.of(ids);
		for (let i = 0; i < count; i++)
			if (this.#anchored[i] === 1)
				ranks[i] = known[rankOf[i] as number] as number;
		return ranks;
	}
}

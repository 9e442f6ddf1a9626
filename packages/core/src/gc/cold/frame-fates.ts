import { idBytes, type PackFrame, type PackId } from "@varve/format";
import type { ChunkTable } from "@varve/store";
import { type ColdSizes, isDense, isLargeDelta } from "./cold-frames.ts";

/** What a frame tells by which its fate is decided. */
type FrameFacts = Pick<
	PackFrame,
	"offset" | "storedLength" | "rawLength" | "bases"
>;

/** What becomes of the frames of packs that are put together anew. */
export class FrameFates {
	readonly #table: ChunkTable;
	readonly #packs: ReadonlySet<PackId>;
	/** Short frames that are as good as cold, by their keys. */
	readonly #crowded: ReadonlySet<string>;
	readonly #sizes: ColdSizes;
	/** Of frames with bases. */
	readonly #known = new WeakMap<FrameFacts, boolean>();

	constructor(
		table: ChunkTable,
		given: {
			readonly packs: ReadonlySet<PackId>;
			readonly crowded: ReadonlySet<string>;
			readonly sizes: ColdSizes;
		},
	) {
		this.#table = table;
		this.#packs = given.packs;
		this.#crowded = given.crowded;
		this.#sizes = given.sizes;
	}

	static keyOf(pack: PackId, offset: number): string {
		return `${pack}${offset}`;
	}

	isCold(pack: PackId, { offset, rawLength, bases }: FrameFacts): boolean {
		if (bases.length > 0) return false;
		return (
			rawLength >= this.#sizes.least ||
			(this.#crowded.size > 0 &&
				this.#crowded.has(FrameFates.keyOf(pack, offset)))
		);
	}

	/** Whether what is old in the frame goes into cold frames: else the frame stays as it is, wherever it lies then. */
	isGathered(pack: PackId, frame: FrameFacts): boolean {
		if (!this.#packs.has(pack) || this.isCold(pack, frame)) return false;
		if (frame.bases.length === 0) return !isDense(frame);
		let gathered = this.#known.get(frame);
		if (gathered === undefined) {
			gathered = isLargeDelta(frame) && this.movesWithBases(frame);
			this.#known.set(frame, gathered);
		}
		return gathered;
	}

	/** Whether all its bases go into cold frames now: far from what it was made with, content would take all its room. */
	movesWithBases({ bases }: Pick<FrameFacts, "bases">): boolean {
		for (let at = 0; at < bases.length; at += idBytes) {
			const place = this.#table.find(bases, at);
			if (place === undefined || place.bases.length > 0) return false;
			if (!this.isGathered(place.pack, place)) return false;
		}
		return true;
	}
}

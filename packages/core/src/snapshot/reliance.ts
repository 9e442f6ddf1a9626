import { type Bytes, idBytes, type Place } from "@varve/format";
import type { ChunkLookup } from "@varve/store";

/** Frames whose bases are not looked up again. */
const maxRemembered = 16_384;

/** What a snapshot relies on in packs that were there before. */
export class Reliance {
	readonly #lookup: ChunkLookup;
	readonly #referred = new Set<string>();
	/** Frames with bases whose bases have been referred to. */
	readonly #basesReferred = new Set<string>();
	readonly #tell: (pack: string, size: number) => void;

	/** `tell` is called once for each pack, with its size. */
	constructor(lookup: ChunkLookup, tell: (pack: string, size: number) => void) {
		this.#lookup = lookup;
		this.#tell = tell;
	}

	/** Where the chunk is stored, if it can be relied on: the frame it lies in has no bases, or they are all there. */
	find(ids: Bytes, at: number): Place | undefined {
		if (this.#lookup.empty) return undefined;
		const place = this.#lookup.find(ids, at);
		if (place === undefined || !this.#referToBases(place)) return undefined;
		return place;
	}

	/** The barrier makes sure of this pack before the record is written. */
	refer({ pack, packSize }: Pick<Place, "pack" | "packSize">): void {
		if (this.#referred.has(pack)) return;
		this.#referred.add(pack);
		this.#tell(pack, packSize);
	}

	/** False if one of the bases lies in no frame without bases: then the chunk does not count as stored. */
	#referToBases({ pack, offset, bases }: Place): boolean {
		if (bases.length === 0) return true;
		const key = `${pack}${offset}`;
		if (this.#basesReferred.has(key)) return true;
		for (let at = 0; at < bases.length; at += idBytes) {
			const base = this.#lookup.find(bases, at);
			if (base === undefined || base.bases.length > 0) return false;
			this.refer(base);
		}
		if (this.#basesReferred.size >= maxRemembered) this.#basesReferred.clear();
		this.#basesReferred.add(key);
		return true;
	}
}

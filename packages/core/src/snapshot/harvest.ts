import { type Bytes, idBytes, type PackFrame, type Place } from "@varve/format";
import type { PackWriter, WrittenPack } from "@varve/kernel";
import type { ChunkLookup } from "@varve/store";

/** What one thread stored since it was last asked. */
export interface IngestYield {
	readonly packs: WrittenPack[];
	/** Packs of the repository that the snapshot relies on: 32 bytes in hex and size. */
	readonly referred: [string, number][];
	chunksAdded: number;
	bytesAdded: number;
}

/** Frames whose bases are not looked up again. */
const maxRemembered = 16_384;

/** Where the frames of a thread end up, and what they and its chunks refer to in packs that were there before. */
export class Harvest {
	readonly #packs: PackWriter;
	readonly #lookup: ChunkLookup;
	readonly #referred = new Set<string>();
	/** Frames with bases whose bases have been referred to. */
	readonly #basesReferred = new Set<string>();
	#yield = emptyYield();

	constructor(packs: PackWriter, lookup: ChunkLookup) {
		this.#packs = packs;
		this.#lookup = lookup;
	}

	countChunk(length: number): void {
		this.#yield.chunksAdded++;
		this.#yield.bytesAdded += length;
	}

	/** Where the chunk is stored, if it can be relied on: its pack and those of its bases are referred to from now on. */
	find(ids: Bytes, at: number): Place | undefined {
		if (this.#lookup.empty) return undefined;
		const place = this.#lookup.find(ids, at);
		if (place === undefined || !this.#referToBases(place)) return undefined;
		this.refer(place);
		return place;
	}

	/** The barrier makes sure of this pack before the record is written. */
	refer({ pack, packSize }: Pick<Place, "pack" | "packSize">): void {
		if (this.#referred.has(pack)) return;
		this.#referred.add(pack);
		this.#yield.referred.push([pack, packSize]);
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

	add(
		frame: Bytes,
		chunks: Pick<PackFrame, "ids" | "lengths" | "bases" | "rawLength">,
	): void {
		const full = this.#packs.add(frame, chunks);
		if (full !== undefined) this.#yield.packs.push(full);
	}

	closePack(): void {
		const pack = this.#packs.finish();
		if (pack !== undefined) this.#yield.packs.push(pack);
	}

	/** What has come in since the last call. */
	take(): IngestYield {
		const taken = this.#yield;
		this.#yield = emptyYield();
		return taken;
	}
}

function emptyYield(): IngestYield {
	return { packs: [], referred: [], chunksAdded: 0, bytesAdded: 0 };
}

import type { Bytes, PackFrame, Place } from "@varve/format";
import type { PackWriter, WrittenPack } from "@varve/kernel";
import type { ChunkLookup } from "@varve/store";
import { Reliance } from "./reliance.ts";

/** What one thread stored since it was last asked. */
export interface IngestYield {
	readonly packs: WrittenPack[];
	/** Packs of the repository that the snapshot relies on: 32 bytes in hex and size. */
	readonly referred: [string, number][];
	chunksAdded: number;
	bytesAdded: number;
}

/** Where the frames of a thread end up, and what they and its chunks refer to in packs that were there before. */
export class Harvest {
	readonly #packs: PackWriter;
	readonly #reliance: Reliance;
	#yield = emptyYield();

	constructor(packs: PackWriter, lookup: ChunkLookup) {
		this.#packs = packs;
		this.#reliance = new Reliance(lookup, (pack, size) =>
			this.#yield.referred.push([pack, size]),
		);
	}

	countChunk(length: number): void {
		this.#yield.chunksAdded++;
		this.#yield.bytesAdded += length;
	}

	/** Where the chunk is stored, if it can be relied on: its pack and those of its bases are referred to from now on. */
	find(ids: Bytes, at: number): Place | undefined {
		const place = this.#reliance.find(ids, at);
		if (place !== undefined) this.refer(place);
		return place;
	}

	/** The barrier makes sure of this pack before the record is written. */
	refer(place: Pick<Place, "pack" | "packSize">): void {
		this.#reliance.refer(place);
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

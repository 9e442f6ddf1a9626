import {
	type Bytes,
	type Hash64,
	idAt,
	idBytes,
	type PackId,
} from "@varve/format";
import { ChunkPlace, FramePlace } from "./chunk-place.ts";
import { better, type ChunkSource, type Counts } from "./chunk-source.ts";
import { basesKey, DamagedValue, openValue } from "./level-values.ts";
import type { PackListing } from "./pack-listing.ts";
import { PlaceReader, packPrefixBytes } from "./place-values.ts";

/** Frames remembered as objects; then all are forgotten, so that memory stays bounded. */
const framesKept = 65_536;
const noBytes = new Uint8Array(0);

export interface LevelSourceOptions {
	/** Undefined if there is no such key. */
	readonly get: (key: Bytes) => Bytes | undefined;
	readonly packs: PackListing;
	readonly hash64: Hash64;
	/** The same chunks, in segments: asked from the moment LevelDB shows damage. */
	readonly instead: (cause: unknown) => ChunkSource;
}

/** What LevelDB knows. Only places whose checksum is right and whose pack is listed are answered. */
export class LevelSource implements ChunkSource {
	readonly #options: LevelSourceOptions;
	readonly #places: PlaceReader;
	readonly #frames = new Map<number, FramePlace>();
	readonly #key = new Uint8Array(1 + idBytes);
	#instead: ChunkSource | undefined;

	constructor(options: LevelSourceOptions) {
		this.#options = options;
		this.#places = new PlaceReader(options.hash64);
		this.#key[0] = "c".charCodeAt(0);
	}

	find(ids: Bytes, at: number, counts: Counts): ChunkPlace | undefined {
		const places = this.#instead ? undefined : this.#placesOf(ids, at);
		if (this.#instead) return this.#instead.find(ids, at, counts);
		let best: ChunkPlace | undefined;
		for (const place of places ?? [])
			if (counts(place.frame)) best = better(best, place);
		return best;
	}

	/** All of them are read before one is judged: to judge may need bases, and so this reader again. */
	#placesOf(ids: Bytes, at: number): ChunkPlace[] | undefined {
		this.#key.set(ids.subarray(at, at + idBytes), 1);
		try {
			const value = this.#options.get(this.#key);
			return value === undefined ? undefined : this.#decode(value);
		} catch (cause) {
			this.#instead = this.#options.instead(cause);
			return undefined;
		}
	}

	#decode(value: Bytes): ChunkPlace[] {
		const reader = this.#places;
		const places: ChunkPlace[] = [];
		reader.start(value);
		while (reader.next()) {
			const pack = this.#packOf(reader);
			if (pack < 0) continue;
			const { ordinal, length } = reader;
			places.push(new ChunkPlace(this.#frame(pack, reader), ordinal, length));
		}
		return places;
	}

	/** Index of the pack of a place, -1 if it is not listed. A place that fits no pack with its prefix is damaged. */
	#packOf(reader: PlaceReader): number {
		const { packs } = this.#options;
		const { value, prefixAt } = reader;
		let index = packs.firstFrom(value, prefixAt, packPrefixBytes);
		if (!packs.beginsWith(index, value, prefixAt, packPrefixBytes)) return -1;
		do {
			if (reader.isOf(this.#key, packs.idOf(index))) return index;
		} while (packs.beginsWith(++index, value, prefixAt, packPrefixBytes));
		throw new DamagedValue("bad checksum of a place");
	}

	#frame(pack: number, reader: PlaceReader): FramePlace {
		const key = pack * 0x1_0000_0000 + reader.offset;
		let frame = this.#frames.get(key);
		if (frame === undefined) {
			if (this.#frames.size >= framesKept) this.#frames.clear();
			frame = this.#makeFrame(pack, reader);
			this.#frames.set(key, frame);
		}
		return frame;
	}

	#makeFrame(pack: number, reader: PlaceReader): FramePlace {
		const { packs } = this.#options;
		const { kind, based, offset, storedLength, rawLength } = reader;
		const id = packs.idOf(pack);
		return new FramePlace({
			pack: idAt<PackId>(id),
			packSize: packs.sizeOf(pack),
			kind,
			offset,
			storedLength,
			rawLength,
			bases: based ? this.#bases(id, offset) : noBytes,
		});
	}

	#bases(pack: Bytes, offset: number): Bytes {
		const { get, hash64 } = this.#options;
		const key = basesKey(pack, offset);
		const value = get(key);
		if (value === undefined) throw new DamagedValue("bases are missing");
		const bases = openValue(key, value, hash64);
		if (bases.length === 0 || bases.length % idBytes !== 0)
			throw new DamagedValue("bases are cut off");
		return bases.slice();
	}

	close(): void {
		this.#instead?.close();
	}
}

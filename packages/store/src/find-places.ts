import { type Bytes, idBytes } from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import type { ChunkSource, Counts } from "./chunk-source.ts";
import { joinSegment } from "./join-segment.ts";
import type { SegmentSource } from "./segment-source.ts";

/** Chunks of a segment that are read by in the time one is searched for: see docs/adr/0002-index.md. */
const rowsPerSearch = 256;
/** The same for a look-up in LevelDB, and for opening one more segment; with the check of its hash. */
const rowsPerLevelGet = 60;
const rowsPerSegment = 3000;

export interface PlacesOptions {
	/** Searched in any case. */
	readonly segments: readonly SegmentSource[];
	/** Undefined if it holds nothing. */
	readonly level: ChunkSource | undefined;
	/** Segments that LevelDB holds, opened when they are needed. */
	readonly merged: MergedSegments;
	readonly counts: Counts;
	/** LevelDB did not know a chunk that a segment it holds knows. */
	readonly onLevelMiss: () => void;
}

export interface MergedSegments {
	readonly count: number;
	readonly chunks: number;
	open(): readonly SegmentSource[];
}

/** Places of many chunks, in the order of `ids`, which is ascending. */
export function findPlaces(
	ids: Bytes,
	options: PlacesOptions,
): (ChunkPlace | undefined)[] {
	const search = new PlacesSearch(ids, options.counts);
	for (const segment of options.segments) search.inSegment(segment);
	const { level, merged } = options;
	if (level === undefined || search.needed === 0) return search.places;
	if (isJoinCheaper(search.needed, merged)) {
		for (const segment of merged.open()) search.inSegment(segment);
		return search.places;
	}
	search.oneByOne(level);
	const { missing } = search;
	if (missing === 0) return search.places;
	// A chunk that is nowhere would be damage of the repository: it is not claimed on the word of a cache.
	for (const segment of merged.open()) search.inSegment(segment);
	if (search.missing < missing) options.onLevelMiss();
	return search.places;
}

function isJoinCheaper(needed: number, merged: MergedSegments): boolean {
	return (
		merged.chunks + merged.count * rowsPerSegment < needed * rowsPerLevelGet
	);
}

class PlacesSearch {
	readonly places: (ChunkPlace | undefined)[];
	/** Ids without a place. */
	missing: number;
	/** Ids without a place in a frame without bases. */
	needed: number;
	readonly #ids: Bytes;
	readonly #counts: Counts;

	constructor(ids: Bytes, counts: Counts) {
		this.#ids = ids;
		this.#counts = counts;
		this.missing = ids.length / idBytes;
		this.needed = this.missing;
		this.places = new Array(this.missing).fill(undefined);
	}

	readonly #needs = (index: number) => !this.places[index]?.frame.plain;

	inSegment(segment: SegmentSource): void {
		const { search } = segment;
		if (this.needed * rowsPerSearch < search.chunks) this.oneByOne(segment);
		else
			joinSegment(search, {
				ids: this.#ids,
				needs: this.#needs,
				found: (index, place) => {
					if (this.#counts(place.frame)) this.#keep(index, place);
				},
			});
	}

	/** One look-up for each id that needs one. */
	oneByOne(source: ChunkSource): void {
		for (let i = 0; i < this.places.length && this.needed > 0; i++) {
			if (!this.#needs(i)) continue;
			const place = source.find(this.#ids, i * idBytes, this.#counts);
			if (place !== undefined) this.#keep(i, place);
		}
	}

	#keep(index: number, place: ChunkPlace): void {
		const known = this.places[index];
		if (known !== undefined && !place.frame.plain) return;
		if (known === undefined) this.missing--;
		if (place.frame.plain) this.needed--;
		this.places[index] = place;
	}
}

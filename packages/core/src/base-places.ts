import { type Bytes, idBytes, type Place, toHex } from "@varve/format";
import type { PlaceOptions } from "@varve/store";
import { sortIds } from "./sort-ids.ts";

/** Where bases of frames lie: for threads, which have no index. Crosses threads. */
export interface BasePlaces {
	/** 32 bytes each. */
	readonly ids: Bytes;
	/** undefined: it lies in no pack. */
	readonly places: readonly (Place | undefined)[];
}

/** RepositoryIndex.places. */
export type FindPlaces = (
	ids: Bytes,
	options?: PlaceOptions,
) => readonly (Place | undefined)[];

/** Asks for all bases of some frames at once, with ids in ascending order; undefined if they have none. */
export function placesOfBases(
	frames: Iterable<Pick<Place, "bases">>,
	findPlaces: FindPlaces,
): BasePlaces | undefined {
	const all: Bytes[] = [];
	let length = 0;
	for (const { bases } of frames) {
		if (bases.length === 0) continue;
		all.push(bases);
		length += bases.length;
	}
	if (length === 0) return undefined;
	const joined = new Uint8Array(length);
	let at = 0;
	for (const bases of all) {
		joined.set(bases, at);
		at += bases.length;
	}
	// A copy: what was sorted may be a view of more.
	const ids = sortIds(joined, length / idBytes).ids.slice();
	return { ids, places: findPlaces(ids, { plain: true }).map(plainPlace) };
}

/** What is known of chunks, ids ascending, without those that have no place. */
export function knownPlaces(
	ids: Bytes,
	places: readonly (Place | undefined)[],
): BasePlaces | undefined {
	const known = places.flatMap((place, i) => (place === undefined ? [] : [i]));
	if (known.length === 0) return undefined;
	const own = new Uint8Array(known.length * idBytes);
	known.forEach((i, k) => {
		own.set(ids.subarray(i * idBytes, (i + 1) * idBytes), k * idBytes);
	});
	return { ids: own, places: known.map((i) => plainPlace(places[i])) };
}

/** One for all places of a message, which then crosses once. */
const noBytes = new Uint8Array(0);

/** An index may answer with getters, which do not cross threads. */
function plainPlace(place: Place | undefined): Place | undefined {
	if (place === undefined) return undefined;
	const { pack, packSize, kind, offset, storedLength } = place;
	const { rawLength, bases, ordinal, length } = place;
	return {
		pack,
		packSize,
		kind,
		offset,
		storedLength,
		rawLength,
		bases: bases.length === 0 ? noBytes : bases.slice(),
		ordinal,
		length,
	};
}

/** Answers where bases lie, as told last. */
export class BaseTable {
	readonly #places = new Map<string, Place>();

	tell(bases: BasePlaces | undefined): void {
		this.#places.clear();
		bases?.places.forEach((place, i) => {
			const at = i * idBytes;
			if (place !== undefined)
				this.#places.set(toHex(bases.ids, at, at + idBytes), place);
		});
	}

	find(ids: Bytes, at: number): Place | undefined {
		return this.#places.get(toHex(ids, at, at + idBytes));
	}
}

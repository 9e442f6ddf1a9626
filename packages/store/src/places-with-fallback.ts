import { type Bytes, idBytes } from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";

type Places = (ChunkPlace | undefined)[];

export interface FallbackOptions {
	/** Of each id, as far as it has one in a pack that counts. */
	readonly places: Places;
	/** Only a place in a frame without bases will do. */
	readonly plain: boolean;
	/** Asked with the ids that have no place, in ascending order. */
	readonly fallback: (ids: Bytes) => Places;
}

/** Places of ids, and of those that have none the ones that `fallback` knows. */
export function placesWithFallback(
	ids: Bytes,
	{ places, plain, fallback }: FallbackOptions,
): Places {
	const lacks = (place: ChunkPlace | undefined) =>
		place === undefined || (plain && !place.frame.plain);
	const without: number[] = [];
	places.forEach((place, index) => {
		if (lacks(place)) without.push(index);
	});
	if (without.length === 0) return places;
	const rest = new Uint8Array(without.length * idBytes);
	without.forEach((index, i) => {
		const at = index * idBytes;
		rest.set(ids.subarray(at, at + idBytes), i * idBytes);
	});
	fallback(rest).forEach((place, i) => {
		const index = without[i] as number;
		if (places[index] === undefined || !lacks(place)) places[index] = place;
	});
	return places;
}

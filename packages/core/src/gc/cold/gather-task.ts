import { type Bytes, idBytes, type Place } from "@varve/format";
import type { ChunkPlace } from "@varve/store";
import { placesOfBases } from "../../base-places.ts";
import type { GatheredChunk } from "./frame-cutter.ts";
import type { FrameFates } from "./frame-fates.ts";
import type { GatherTask, SourceFrame } from "./gather-tasks.ts";

export interface TaskParts {
	readonly id: number;
	readonly fates: FrameFates;
	readonly findBases: (ids: Bytes) => (Place | undefined)[];
}

/** What a worker needs to make one frame; of no memory but its own. */
export function gatherTask(
	chunks: readonly GatheredChunk[],
	{ id, fates, findBases }: TaskParts,
): GatherTask {
	const placeCount = chunks.reduce((n, { places }) => n + places.length, 0);
	const ids = new Uint8Array(chunks.length * idBytes);
	const first = new Uint32Array(chunks.length + 1);
	const frameOf = new Uint32Array(placeCount);
	const ordinalOf = new Uint16Array(placeCount);
	const frames = new FrameNumbers(fates);
	let at = 0;
	for (const [row, chunk] of chunks.entries()) {
		ids.set(chunk.id, row * idBytes);
		first[row] = at;
		for (const place of chunk.places) {
			frameOf[at] = frames.numberOf(place);
			ordinalOf[at++] = place.ordinal;
		}
	}
	first[chunks.length] = at;
	const bases = placesOfBases(frames.places, findBases);
	return {
		...{ type: "gather", id, ids, first, frameOf, ordinalOf, bases },
		frames: frames.sources,
	};
}

/** Numbers frames as they are met. */
class FrameNumbers {
	readonly sources: SourceFrame[] = [];
	readonly places: ChunkPlace[] = [];
	readonly #fates: FrameFates;
	readonly #numbers = new Map<string, number>();

	constructor(fates: FrameFates) {
		this.#fates = fates;
	}

	numberOf(place: ChunkPlace): number {
		const { pack, offset, storedLength, rawLength, frame } = place;
		const key = `${pack}${offset}`;
		const known = this.#numbers.get(key);
		if (known !== undefined) return known;
		const number = this.sources.length;
		const isCold = this.#fates.isCold(pack, frame);
		this.#numbers.set(key, number);
		this.sources.push({ pack, offset, storedLength, rawLength, isCold });
		this.places.push(place);
		return number;
	}
}

import {
	type Bytes,
	encodeSegment,
	idBytes,
	type LeaseId,
	type PackId,
	type SegmentPack,
} from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import { ChunkRanks } from "./chunk-ranks.ts";
import type { PackFrames, PackUse } from "./pack-use.ts";
import { PageCache } from "./page-cache.ts";
import { type Remakes, remakeFrames } from "./remake-frames.ts";
import { segmentInMemory } from "./segment-file.ts";
import { SegmentSearch } from "./segment-search.ts";
import { TablePart } from "./table-part.ts";

export interface TableInput {
	/** Named by segments; opened, and to be closed by the caller. */
	readonly segments: readonly SegmentSearch[];
	/** In no segment, as their own directories tell. */
	readonly adopted: readonly SegmentPack[];
	/** Size of each pack that counts. */
	readonly packs: ReadonlyMap<string, number>;
}

/** A place of an object that was not visited before, in a frame without bases if there is one. */
export type FoundNew = (index: number, place: ChunkPlace) => void;

/**
 * All chunks that segments name, with two bits for each: live or not, visited or not. A chunk that lies in several packs is live in each of them.
 * Memory: two bits for each chunk, 13 bytes for each frame.
 */
export class ChunkTable {
	readonly #parts: TablePart[];

	constructor({ segments, adopted, packs }: TableInput) {
		this.#parts = segments.map((search) => new TablePart(search, packs, true));
		if (adopted.length === 0) return;
		const bytes = encodeSegment(noLease, adopted).slice();
		const search = new SegmentSearch(
			segmentInMemory("adopted", bytes),
			new PageCache(64),
		);
		this.#parts.push(new TablePart(search, packs, false));
	}

	/**
	 * Makes chunks live: `ids` holds 32 bytes each, ascending, none twice. Returns the indices of those that are in no pack that
	 * counts; with `plainOnly`, in no frame without bases of such a pack.
	 */
	mark(ids: Bytes, plainOnly = false): number[] {
		const met = new MetPlaces(ids.length / idBytes);
		for (const part of this.#parts)
			part.each(ids, (index, row) => {
				if (plainOnly && part.isBased(row.frame)) return;
				met.add(index, part, row.frame);
				part.setLive(row.number);
			});
		return met.missing();
	}

	/**
	 * Makes trees and lists live and tells which of them are new: those that were not visited before. That content with the same bytes is live
	 * says nothing of what they refer to.
	 */
	visit(ids: Bytes, foundNew: FoundNew): number[] {
		const count = ids.length / idBytes;
		const met = new MetPlaces(count);
		const places: (ChunkPlace | undefined)[] = new Array(count).fill(undefined);
		for (const part of this.#parts)
			part.each(ids, (index, row) => {
				met.add(index, part, row.frame);
				part.setLive(row.number);
				if (!part.setVisited(row.number)) return;
				const best = places[index];
				if (
					best === undefined ||
					(!best.frame.plain && !part.isBased(row.frame))
				)
					places[index] = row.place();
			});
		places.forEach((place, index) => {
			if (place !== undefined) foundNew(index, place);
		});
		return met.missing();
	}

	/** A place of the chunk whose id stands at `at`, in a frame without bases if there is one. */
	find(ids: Bytes, at: number): ChunkPlace | undefined {
		const id = ids.subarray(at, at + idBytes);
		let best: ChunkPlace | undefined;
		for (const part of this.#parts)
			part.each(id, (_, row) => {
				if (
					best === undefined ||
					(!best.frame.plain && !part.isBased(row.frame))
				)
					best = row.place();
			});
		return best;
	}

	/** What is live now has been so for long: frames with something of it may be made anew, others are left as they are. */
	settle(): void {
		for (const part of this.#parts) part.settle();
	}

	/**
	 * Decides which frames with bases are to be made anew, from packs that can be moved: `bases` names those of the others only. To be called
	 * when all is marked but bases.
	 */
	remakeFrames(isMovable: (pack: PackId) => boolean): Remakes {
		return remakeFrames(this.#parts, isMovable);
	}

	/** All frames stay as they are after all; their bases are to be marked again. */
	remakeNone(): void {
		for (const part of this.#parts) part.baseUse?.keepAll();
	}

	/** True if the chunk whose id stands at `at` is live in a frame without bases. */
	isLivePlain(ids: Bytes, at: number): boolean {
		let found = false;
		for (const part of this.#parts)
			part.each(ids.subarray(at, at + idBytes), (_, { number, frame }) => {
				found ||= part.isLive(number) && !part.isBased(frame);
			});
		return found;
	}

	/** Bases of all frames that hold a live chunk, as rows of 32 bytes. */
	*bases(): Generator<Bytes> {
		for (const part of this.#parts) yield* part.bases();
	}

	/**
	 * Frames with one of these bases count no more, since it is in no frame without bases: nothing in them is live. Yields the ids of
	 * what was, which must be looked for elsewhere, 32 bytes each.
	 */
	*discount(bases: ReadonlySet<string>): Generator<Bytes> {
		for (const part of this.#parts) yield* part.discount(bases);
	}

	/** An order for its chunks, empty at first. */
	ranks(): ChunkRanks {
		return new ChunkRanks(this.#parts);
	}

	/** What of each pack is live; of a pack that several segments name, once. */
	use(): PackUse[] {
		const seen = new Set<string>();
		const uses: PackUse[] = [];
		for (const part of this.#parts)
			for (const use of part.use())
				if (!seen.has(use.id)) {
					seen.add(use.id);
					uses.push(use);
				}
		return uses;
	}

	/** Frames of these packs, pack by pack. */
	*framesOf(packs: ReadonlySet<string>): Generator<PackFrames> {
		const seen = new Set<string>();
		for (const part of this.#parts)
			for (const one of part.framesOf(packs)) {
				if (seen.has(one.pack)) continue;
				seen.add(one.pack);
				yield one;
			}
	}

	/** A place of each chunk in one of the packs that count here, in a frame without bases if there is one: `ids` ascending, 32 bytes each. */
	placesIn(
		ids: Bytes,
		counts: (pack: PackId) => boolean,
	): (ChunkPlace | undefined)[] {
		const places: (ChunkPlace | undefined)[] = new Array(
			ids.length / idBytes,
		).fill(undefined);
		for (const part of this.#parts)
			part.each(ids, (index, row) => {
				const best = places[index];
				if (best !== undefined && (best.frame.plain || part.isBased(row.frame)))
					return;
				const place = row.place();
				if (counts(place.pack)) places[index] = place;
			});
		return places;
	}
}

/** Where chunks have been met that were asked for together: one that is met again lies twice. */
class MetPlaces {
	readonly #parts: (TablePart | undefined)[];
	readonly #frames: Uint32Array;

	constructor(count: number) {
		this.#parts = new Array(count).fill(undefined);
		this.#frames = new Uint32Array(count);
	}

	add(index: number, part: TablePart, frame: number): void {
		const before = this.#parts[index];
		if (before !== undefined) {
			before.setCopied(this.#frames[index] as number);
			part.setCopied(frame);
		}
		this.#parts[index] = part;
		this.#frames[index] = frame;
	}

	/** Indices of those that have not been met. */
	missing(): number[] {
		const missing: number[] = [];
		this.#parts.forEach((part, index) => {
			if (part === undefined) missing.push(index);
		});
		return missing;
	}
}

const noLease = "0".repeat(32) as LeaseId;

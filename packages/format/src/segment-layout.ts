import type { PackId } from "./id.ts";
import type { PackFrame, PackKind } from "./pack.ts";

/**
 * A segment says where the chunks of some packs lie. Its id is the SHA-256 of the file. Fixed-width tables, little endian:
 *
 * Header, 64 bytes: "VARVESEG" (8), version 1 (4), packs P (4), frames F (4), bases B (4), chunks N (4), zero (4),
 * lease of the writer (16), zero (16).
 *
 *     packs   P × 56  id (32), size of the file (8), first frame (4), frame count (4), kind (1), zero (7)
 *     frames  F × 24  offset in the pack (4), stored length with header (4), raw length (4), first base (4), base count (2), zero (2), pack (4)
 *     bases   B × 32  ids
 *     fan-out 256 × 4 entry i: chunks whose id begins with a byte of at most i
 *     ids     N × 32  ascending
 *     places  N × 10  frame (4), length (4), ordinal in the frame (2)
 */
export const segmentMagic = "VARVESEG";
export const segmentHeaderBytes = 64;
export const packRow = 56;
export const frameRow = 24;
export const placeRow = 10;
export const fanOutBytes = 1024;

export interface SegmentPack {
	readonly id: PackId;
	/** Of the file, in bytes. */
	readonly size: number;
	readonly kind: PackKind;
	readonly frames: readonly PackFrame[];
}

export interface SegmentLayout {
	readonly packs: number;
	readonly frames: number;
	readonly bases: number;
	readonly chunks: number;
	readonly packsAt: number;
	readonly framesAt: number;
	readonly basesAt: number;
	readonly fanOutAt: number;
	readonly idsAt: number;
	readonly placesAt: number;
	/** Of the whole file. */
	readonly size: number;
}

/** Where the tables of so many rows begin. */
export function layoutOf(rows: {
	readonly packs: number;
	readonly frames: number;
	readonly bases: number;
	readonly chunks: number;
}): SegmentLayout {
	const { packs, frames, bases, chunks } = rows;
	const packsAt = segmentHeaderBytes;
	const framesAt = packsAt + packs * packRow;
	const basesAt = framesAt + frames * frameRow;
	const fanOutAt = basesAt + bases * 32;
	const idsAt = fanOutAt + fanOutBytes;
	const placesAt = idsAt + chunks * 32;
	const size = placesAt + chunks * placeRow;
	return {
		packs,
		frames,
		bases,
		chunks,
		packsAt,
		framesAt,
		basesAt,
		fanOutAt,
		idsAt,
		placesAt,
		size,
	};
}

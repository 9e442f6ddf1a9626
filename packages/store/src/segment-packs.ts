import {
	CorruptError,
	idBytes,
	type PackFrame,
	type SegmentPack,
} from "@varve/format";
import { SegmentBlock } from "./join-segment.ts";
import type { SegmentSearch } from "./segment-search.ts";

const blockRows = 4096;

/** The packs of a segment with their frames, as their directories tell: what `encodeSegment` was given. */
export function packsOfSegment(search: SegmentSearch): SegmentPack[] {
	const { reader } = search;
	const frames = framesOf(search);
	return Array.from({ length: reader.layout.packs }, (_, i) => {
		const { id, size, kind, firstFrame, frameCount } = reader.pack(i);
		return {
			id,
			size,
			kind,
			frames: frames.slice(firstFrame, firstFrame + frameCount),
		};
	});
}

function framesOf(search: SegmentSearch): PackFrame[] {
	const { reader } = search;
	const counts = new Uint32Array(reader.layout.frames);
	forEachRow(search, (frame) => {
		counts[frame] = (counts[frame] as number) + 1;
	});
	const frames = Array.from(counts, (count, i) => {
		const { offset, storedLength, rawLength, bases } = reader.frame(i);
		const ids = new Uint8Array(count * idBytes);
		const lengths = new Uint32Array(count);
		return { offset, storedLength, rawLength, bases, ids, lengths };
	});
	forEachRow(search, (number, block, row) => {
		const { ordinal, length } = block.place(row);
		const frame = frames[number] as PackFrame;
		if (ordinal >= frame.lengths.length)
			throw new CorruptError(
				"BAD_SEGMENT",
				`the segment ${search.file.name} leaves out a chunk`,
			);
		frame.lengths[ordinal] = length;
		const at = row * idBytes;
		frame.ids.set(block.ids.subarray(at, at + idBytes), ordinal * idBytes);
	});
	return frames;
}

function forEachRow(
	search: SegmentSearch,
	visit: (frame: number, block: SegmentBlock, row: number) => void,
): void {
	const block = new SegmentBlock(search, blockRows);
	for (let first = 0; first < search.chunks; first += block.capacity) {
		block.load(first);
		for (let row = 0; row < block.rows; row++)
			visit(block.frameNumber(row), block, row);
	}
}

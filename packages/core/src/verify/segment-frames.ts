import {
	type Bytes,
	CorruptError,
	equalBytes,
	idBytes,
	type PackFrame,
	type PackId,
	type PackKind,
	SegmentReader,
} from "@varve/format";

const placeRow = 10;

export interface PackInSegment {
	readonly id: PackId;
	readonly size: number;
	readonly kind: PackKind;
	/** As `decodeDirectory` would give them. */
	readonly frames: readonly PackFrame[];
}

/**
 * The packs of a whole segment with their frames, built from its tables. Throws a CorruptError for tables that contradict each
 * other: what a segment is made of is proved by its id, but not that it was made well.
 */
export function* packsOfSegment(bytes: Bytes): Generator<PackInSegment> {
	const reader = new SegmentReader(
		(at, length) => bytes.subarray(at, at + length),
		bytes.length,
	);
	requireAscending(reader, bytes);
	const chunks = chunksByFrame(reader, bytes);
	let nextFrame = 0;
	for (let p = 0; p < reader.layout.packs; p++) {
		const { firstFrame, frameCount, ...pack } = reader.pack(p);
		if (firstFrame !== nextFrame) throw bad("its packs leave out a frame");
		nextFrame += frameCount;
		const frames = Array.from({ length: frameCount }, (_, f) =>
			frameOf(reader, bytes, chunks, firstFrame + f),
		);
		yield { id: pack.id, size: pack.size, kind: pack.kind, frames };
	}
	if (nextFrame !== reader.layout.frames)
		throw bad("it has a frame that belongs to no pack");
}

interface ChunksByFrame {
	/** Chunk indices of frame f: `order` from `first[f]` up to `first[f + 1]`, by ordinal. */
	readonly first: Uint32Array;
	readonly order: Uint32Array;
}

/** Sorts by counting: memory is 8 bytes for each chunk. */
function chunksByFrame(reader: SegmentReader, bytes: Bytes): ChunksByFrame {
	const { frames, chunks, placesAt } = reader.layout;
	const view = new DataView(bytes.buffer, bytes.byteOffset + placesAt);
	const first = new Uint32Array(frames + 1);
	for (let c = 0; c < chunks; c++) {
		const frame = view.getUint32(c * placeRow, true);
		if (frame >= frames) throw bad("a chunk lies in no frame of it");
		first[frame + 1] = (first[frame + 1] as number) + 1;
	}
	for (let f = 0; f < frames; f++)
		first[f + 1] = (first[f + 1] as number) + (first[f] as number);
	const order = new Uint32Array(chunks).fill(0xffff_ffff);
	for (let c = 0; c < chunks; c++) {
		const frame = view.getUint32(c * placeRow, true);
		const at =
			(first[frame] as number) + view.getUint16(c * placeRow + 8, true);
		if (at >= (first[frame + 1] as number) || order[at] !== 0xffff_ffff)
			throw bad("two of its chunks claim one place, or a place is left out");
		order[at] = c;
	}
	return { first, order };
}

function frameOf(
	reader: SegmentReader,
	bytes: Bytes,
	{ first, order }: ChunksByFrame,
	frame: number,
): PackFrame {
	const { idsAt, placesAt } = reader.layout;
	const { offset, storedLength, rawLength, bases } = reader.frame(frame);
	const own = order.subarray(first[frame], first[frame + 1]);
	const ids = new Uint8Array(own.length * idBytes);
	const lengths = new Uint32Array(own.length);
	const view = new DataView(bytes.buffer, bytes.byteOffset + placesAt);
	for (let ordinal = 0; ordinal < own.length; ordinal++) {
		const chunk = own[ordinal] as number;
		const at = idsAt + chunk * idBytes;
		ids.set(bytes.subarray(at, at + idBytes), ordinal * idBytes);
		lengths[ordinal] = view.getUint32(chunk * placeRow + 4, true);
	}
	return { offset, storedLength, rawLength, bases, ids, lengths };
}

/** Ids in ascending order, and a fan-out that counts them rightly: else a search would miss some. */
function requireAscending(reader: SegmentReader, bytes: Bytes): void {
	const { chunks, idsAt, fanOutAt } = reader.layout;
	const fanOut = new DataView(bytes.buffer, bytes.byteOffset + fanOutAt);
	let c = 0;
	for (let byte = 0; byte < 256; byte++) {
		for (; c < chunks && bytes[idsAt + c * idBytes] === byte; c++)
			if (c > 0 && isDescending(bytes, idsAt + c * idBytes))
				throw bad("its chunks are not in order");
		if (fanOut.getUint32(byte * 4, true) !== c)
			throw bad("its fan-out does not count its chunks");
	}
}

/** True if the id before the one at `at` is greater. */
function isDescending(bytes: Bytes, at: number): boolean {
	for (let i = at; i < at + idBytes; i++) {
		const d = (bytes[i] as number) - (bytes[i - idBytes] as number);
		if (d !== 0) return d < 0;
	}
	return false;
}

function bad(problem: string): CorruptError {
	return new CorruptError("BAD_SEGMENT", `the segment is damaged: ${problem}`);
}

/** Offsets of the frames in which two accounts of one pack differ; frames that only one has count. */
export function differingFrames(
	a: readonly PackFrame[],
	b: readonly PackFrame[],
): number[] {
	const others = new Map(b.map((frame) => [frame.offset, frame]));
	const differing: number[] = [];
	for (const frame of a) {
		const other = others.get(frame.offset);
		others.delete(frame.offset);
		if (other === undefined || !isSameFrame(frame, other))
			differing.push(frame.offset);
	}
	return [...differing, ...others.keys()];
}

function isSameFrame(a: PackFrame, b: PackFrame): boolean {
	return (
		a.storedLength === b.storedLength &&
		a.rawLength === b.rawLength &&
		equalBytes(a.ids, b.ids) &&
		equalBytes(a.bases, b.bases) &&
		a.lengths.every((length, i) => length === b.lengths[i])
	);
}

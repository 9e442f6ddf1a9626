import { ByteReader, type Bytes, ByteWriter, compareBytes } from "./bytes.ts";
import { CorruptError, UnsupportedError } from "./errors.ts";
import {
	idAt,
	idBytes,
	idToBytes,
	type LeaseId,
	leaseIdBytes,
	type PackId,
} from "./id.ts";
import type { PackFrame, PackKind } from "./pack.ts";

/**
 * A segment says where the chunks of some packs lie. Its id is the SHA-256 of the file. Fixed-width tables, little endian:
 *
 * Header, 64 bytes: "VARVESEG" (8), version 1 (1), zero (3), packs P (4), frames F (4), bases B (4), chunks N (4), zero (4),
 * lease of the writer (16), zero (16).
 *
 *     packs   P × 56  id (32), size of the file (8), first frame (4), frame count (4), kind (1), zero (7)
 *     frames  F × 24  offset in the pack (4), stored length with header (4), raw length (4), first base (4), base count (2), zero (2), pack (4)
 *     bases   B × 32  ids
 *     fan-out 256 × 4 entry i: chunks whose id begins with a byte of at most i
 *     ids     N × 32  ascending
 *     places  N × 10  frame (4), length (4), ordinal in the frame (2)
 */

export const segmentHeaderBytes = 64;
const packRow = 56;
const frameRow = 24;
const placeRow = 10;
const magic = "VARVESEG";

export interface SegmentPack {
	readonly id: PackId;
	/** Of the file, in bytes. */
	readonly size: number;
	readonly kind: PackKind;
	readonly frames: readonly PackFrame[];
}

/** Where a chunk lies: everything but the pack's bytes themselves. */
export interface Place {
	readonly pack: PackId;
	readonly packSize: number;
	readonly kind: PackKind;
	/** Of the frame, in the pack. */
	readonly offset: number;
	/** Of the frame with its header. */
	readonly storedLength: number;
	/** Of all chunks of the frame. */
	readonly rawLength: number;
	/** 32 bytes for each base of the frame. */
	readonly bases: Bytes;
	/** Which chunk of the frame it is. */
	readonly ordinal: number;
	/** Of the chunk. */
	readonly length: number;
}

export function encodeSegment(
	lease: LeaseId,
	packs: readonly SegmentPack[],
): Bytes {
	const frames = packs.flatMap((p, pack) =>
		p.frames.map((frame) => ({ frame, pack })),
	);
	const bases = frames.reduce(
		(sum, { frame }) => sum + frame.bases.length / idBytes,
		0,
	);
	const chunks = frames.reduce(
		(sum, { frame }) => sum + frame.lengths.length,
		0,
	);
	const w = new ByteWriter(
		layoutOf(packs.length, frames.length, bases, chunks).size,
	);
	for (let i = 0; i < magic.length; i++) w.u8(magic.charCodeAt(i));
	w.u32(1);
	for (const n of [packs.length, frames.length, bases, chunks, 0]) w.u32(n);
	w.bytes(idToBytes(lease));
	w.reserve(16);
	encodePacks(w, packs);
	encodeFrames(w, frames);
	for (const { frame } of frames) w.bytes(frame.bases);
	encodeChunks(w, frames, chunks);
	return w.finish();
}

function encodePacks(w: ByteWriter, packs: readonly SegmentPack[]): void {
	let first = 0;
	for (const pack of packs) {
		w.bytes(idToBytes(pack.id));
		w.u64(pack.size);
		w.u32(first);
		w.u32(pack.frames.length);
		w.u8(pack.kind);
		w.reserve(7);
		first += pack.frames.length;
	}
}

type FrameOfPack = { readonly frame: PackFrame; readonly pack: number };

function encodeFrames(w: ByteWriter, frames: readonly FrameOfPack[]): void {
	let firstBase = 0;
	for (const { frame, pack } of frames) {
		const bases = frame.bases.length / idBytes;
		w.u32(frame.offset);
		w.u32(frame.storedLength);
		w.u32(frame.rawLength);
		w.u32(firstBase);
		w.u16(bases);
		w.u16(0);
		w.u32(pack);
		firstBase += bases;
	}
}

function encodeChunks(
	w: ByteWriter,
	frames: readonly FrameOfPack[],
	count: number,
): void {
	const ids = new Uint8Array(count * idBytes);
	const frameOf = new Uint32Array(count);
	const lengthOf = new Uint32Array(count);
	const ordinalOf = new Uint16Array(count);
	let at = 0;
	frames.forEach(({ frame }, index) => {
		ids.set(frame.ids, at * idBytes);
		for (let ordinal = 0; ordinal < frame.lengths.length; ordinal++, at++) {
			frameOf[at] = index;
			lengthOf[at] = frame.lengths[ordinal] as number;
			ordinalOf[at] = ordinal;
		}
	});
	const order = orderOfIds(ids, count);
	const fanOut = new Uint32Array(256);
	for (const i of order) (fanOut[ids[i * idBytes] as number] as number)++;
	for (let i = 0, sum = 0; i < 256; i++) {
		sum += fanOut[i] as number;
		w.u32(sum);
	}
	for (const i of order) w.bytes(ids.subarray(i * idBytes, (i + 1) * idBytes));
	for (const i of order) {
		w.u32(frameOf[i] as number);
		w.u32(lengthOf[i] as number);
		w.u16(ordinalOf[i] as number);
	}
}

/** Indices of `count` ids in ascending order, equal ones in the order given: buckets by two bytes, then a sort of each. */
function orderOfIds(ids: Bytes, count: number): Uint32Array {
	const starts = new Uint32Array(65_537);
	const bucket = (i: number) =>
		(ids[i * idBytes] as number) * 256 + (ids[i * idBytes + 1] as number);
	for (let i = 0; i < count; i++) (starts[bucket(i) + 1] as number)++;
	for (let b = 0; b < 65_536; b++)
		(starts[b + 1] as number) += starts[b] as number;
	const order = new Uint32Array(count);
	const next = starts.slice(0, 65_536);
	for (let i = 0; i < count; i++) order[(next[bucket(i)] as number)++] = i;
	const byId = (a: number, b: number) => compareIds(ids, a, b) || a - b;
	for (let b = 0; b < 65_536; b++) {
		const start = starts[b] as number;
		const end = starts[b + 1] as number;
		if (end - start > 1) order.subarray(start, end).sort(byId);
	}
	return order;
}

function compareIds(ids: Bytes, a: number, b: number): number {
	for (let k = 0; k < idBytes; k++) {
		const d =
			(ids[a * idBytes + k] as number) - (ids[b * idBytes + k] as number);
		if (d !== 0) return d;
	}
	return 0;
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

function layoutOf(
	packs: number,
	frames: number,
	bases: number,
	chunks: number,
): SegmentLayout {
	const packsAt = segmentHeaderBytes;
	const framesAt = packsAt + packs * packRow;
	const basesAt = framesAt + frames * frameRow;
	const fanOutAt = basesAt + bases * idBytes;
	const idsAt = fanOutAt + 1024;
	const placesAt = idsAt + chunks * idBytes;
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

/**
 * Searches a segment where it lies. `read` returns `length` bytes at `at`, a view of memory or bytes of a file; they are used
 * before the next call.
 */
export class SegmentReader {
	readonly layout: SegmentLayout;
	readonly lease: LeaseId;
	readonly #read: (at: number, length: number) => Bytes;
	readonly #fanOut: Uint32Array;

	/** `size` is the size of the file; anything that does not fit it is a CorruptError. */
	constructor(read: (at: number, length: number) => Bytes, size: number) {
		this.#read = read;
		if (size < segmentHeaderBytes)
			throw new CorruptError("BAD_SEGMENT", "the segment is too short");
		const r = new ByteReader(read(0, segmentHeaderBytes), "segment header");
		for (let i = 0; i < magic.length; i++)
			if (r.u8() !== magic.charCodeAt(i)) r.fail(`does not hold ${magic}`);
		const version = r.u32();
		if (version !== 1)
			throw new UnsupportedError(
				"UNKNOWN_SEGMENT",
				`the segment is of a newer kind (${version})`,
				{
					feature: `segment-${version}`,
				},
			);
		this.layout = layoutOf(r.u32(), r.u32(), r.u32(), r.u32());
		if (this.layout.size !== size)
			throw new CorruptError(
				"BAD_SEGMENT",
				`the segment has ${size} bytes instead of ${this.layout.size}`,
			);
		r.skip(4);
		this.lease = toLease(r.bytes(leaseIdBytes));
		const fan = new ByteReader(
			read(this.layout.fanOutAt, 1024),
			"segment fan-out",
		);
		this.#fanOut = Uint32Array.from({ length: 256 }, () => fan.u32());
	}

	/** Index of the first chunk with this id, or -1. */
	find(id: Bytes): number {
		const first = id[0] as number;
		let low = first === 0 ? 0 : (this.#fanOut[first - 1] as number);
		let high = Math.min(this.#fanOut[first] as number, this.layout.chunks);
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (compareBytes(this.idBytesOf(middle), id) < 0) low = middle + 1;
			else high = middle;
		}
		return low < this.layout.chunks &&
			compareBytes(this.idBytesOf(low), id) === 0
			? low
			: -1;
	}

	/** A view of the id of a chunk. */
	idBytesOf(chunk: number): Bytes {
		return this.#read(this.layout.idsAt + chunk * idBytes, idBytes);
	}

	/** Place of the chunk with this index. */
	place(chunk: number): Place {
		const row = new ByteReader(
			this.#read(this.layout.placesAt + chunk * placeRow, placeRow),
			"segment place",
		);
		const frame = row.u32();
		const length = row.u32();
		const ordinal = row.u16();
		return { ...this.frame(frame), ordinal, length };
	}

	frame(frame: number): Omit<Place, "ordinal" | "length"> {
		if (frame >= this.layout.frames)
			throw new CorruptError(
				"BAD_SEGMENT",
				`the segment has no frame ${frame}`,
			);
		const row = new ByteReader(
			this.#read(this.layout.framesAt + frame * frameRow, frameRow),
			"segment frame",
		);
		const offset = row.u32();
		const storedLength = row.u32();
		const rawLength = row.u32();
		const firstBase = row.u32();
		const baseCount = row.u16();
		row.skip(2);
		const pack = this.pack(row.u32());
		if (firstBase + baseCount > this.layout.bases)
			throw new CorruptError(
				"BAD_SEGMENT",
				"the segment names a base it does not hold",
			);
		const bases =
			baseCount === 0
				? noBytes
				: this.#read(
						this.layout.basesAt + firstBase * idBytes,
						baseCount * idBytes,
					).slice();
		return {
			pack: pack.id,
			packSize: pack.size,
			kind: pack.kind,
			offset,
			storedLength,
			rawLength,
			bases,
		};
	}

	pack(pack: number): {
		id: PackId;
		size: number;
		kind: PackKind;
		firstFrame: number;
		frameCount: number;
	} {
		if (pack >= this.layout.packs)
			throw new CorruptError("BAD_SEGMENT", `the segment has no pack ${pack}`);
		const row = new ByteReader(
			this.#read(this.layout.packsAt + pack * packRow, packRow),
			"segment pack",
		);
		const id = idAt<PackId>(row.bytes(idBytes));
		return {
			id,
			size: row.u64(),
			firstFrame: row.u32(),
			frameCount: row.u32(),
			kind: row.u8() as PackKind,
		};
	}
}

const noBytes = new Uint8Array(0);

function toLease(bytes: Bytes): LeaseId {
	let text = "";
	for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
	return text as LeaseId;
}

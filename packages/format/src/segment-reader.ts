import { ByteReader } from "./byte-reader.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import { CorruptError, UnsupportedError } from "./errors.ts";
import { frameHeaderBytes, maxFrameRaw } from "./frame.ts";
import { toHex } from "./hex.ts";
import {
	idAt,
	idBytes,
	type LeaseId,
	leaseIdBytes,
	type PackId,
} from "./id.ts";
import { readMagic, requireUnsealed } from "./magic.ts";
import { type PackKind, packHeaderBytes, requirePackKind } from "./pack.ts";
import {
	fanOutBytes,
	frameRow,
	layoutOf,
	packRow,
	placeRow,
	type SegmentLayout,
	segmentHeaderBytes,
	segmentMagic,
} from "./segment-layout.ts";

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

interface PackOfSegment {
	readonly id: PackId;
	readonly size: number;
	readonly firstFrame: number;
	readonly frameCount: number;
	readonly kind: PackKind;
}

/** Ids that are looked at together: ids are evenly spread, so that the one looked for is nearly always among those where it should stand. */
const windowIds = 256;
/** Guesses by that rule; what takes more is not evenly spread and halved instead. */
const maxGuesses = 8;

const noBytes = new Uint8Array(0);

/**
 * Searches a segment where it lies. `read` returns `length` bytes at `at`, a view of memory or bytes of a file; they are used
 * before the next call. Rows are checked as they are read: whatever the bytes are, the answer is a Place that can exist, none, or a CorruptError.
 */
export class SegmentReader {
	readonly layout: SegmentLayout;
	readonly lease: LeaseId;
	readonly #read: (at: number, length: number) => Bytes;
	readonly #fanOut: Uint32Array;
	readonly #packs: PackOfSegment[] = [];

	/** `size` is the size of the file; anything that does not fit it is a CorruptError. */
	constructor(read: (at: number, length: number) => Bytes, size: number) {
		this.#read = read;
		if (size < segmentHeaderBytes) fail("is too short");
		const header = read(0, segmentHeaderBytes);
		requireUnsealed(header, "the segment");
		const r = new ByteReader(header, "segment header");
		readMagic(r, segmentMagic);
		requireVersion(r.u32());
		this.layout = layoutOf({
			packs: r.u32(),
			frames: r.u32(),
			bases: r.u32(),
			chunks: r.u32(),
		});
		if (this.layout.size !== size)
			fail(`has ${size} bytes instead of ${this.layout.size}`);
		r.zeros(4);
		this.lease = toHex(r.bytes(leaseIdBytes)) as LeaseId;
		r.zeros(16);
		this.#fanOut = this.#readFanOut();
	}

	#readFanOut(): Uint32Array {
		const { fanOutAt, chunks } = this.layout;
		const r = new ByteReader(
			this.#read(fanOutAt, fanOutBytes),
			"segment fan-out",
		);
		const fanOut = Uint32Array.from({ length: 256 }, () => r.u32());
		for (let i = 1; i < 256; i++)
			if ((fanOut[i] as number) < (fanOut[i - 1] as number))
				r.fail("is not ascending");
		if (fanOut[255] !== chunks) r.fail("does not count all chunks");
		return fanOut;
	}

	/** Index of the first chunk with this id, or -1. */
	find(id: Bytes): number {
		const first = id[0] as number;
		let low = first === 0 ? 0 : (this.#fanOut[first - 1] as number);
		let high = this.#fanOut[first] as number;
		// The first chunk whose id is not below `id` has an index from `low` to `high`.
		const fraction = fractionOf(id);
		let left = 0;
		let right = 1;
		for (let guesses = 0; low < high; guesses++) {
			const count = Math.min(high - low, windowIds);
			const share =
				guesses < maxGuesses ? (fraction - left) / (right - left) : 0.5;
			const start = low + startOfWindow(share, high - low, count);
			const ids = this.#read(
				this.layout.idsAt + start * idBytes,
				count * idBytes,
			);
			if (compareAt(ids, count - 1, id) < 0) {
				low = start + count;
				left = fractionAt(ids, count - 1);
			} else if (start > low && compareAt(ids, 0, id) >= 0) {
				high = start;
				right = fractionAt(ids, 0);
			} else {
				const found = firstNotBelow(ids, count, id);
				return compareAt(ids, found, id) === 0 ? start + found : -1;
			}
		}
		return this.#isAt(low, id) ? low : -1;
	}

	#isAt(chunk: number, id: Bytes): boolean {
		return (
			chunk < this.layout.chunks &&
			compareBytes(this.idBytesOf(chunk), id) === 0
		);
	}

	/** A view of the id of a chunk. */
	idBytesOf(chunk: number): Bytes {
		return this.#read(this.layout.idsAt + chunk * idBytes, idBytes);
	}

	/** Place of the chunk with this index. */
	place(chunk: number): Place {
		if (chunk >= this.layout.chunks) fail(`has no chunk ${chunk}`);
		const row = this.#read(this.layout.placesAt + chunk * placeRow, placeRow);
		const frame = u32(row, 0);
		const length = u32(row, 4);
		const ordinal = u16(row, 8);
		const { pack, packSize, kind, offset, storedLength, rawLength, bases } =
			this.frame(frame);
		if (length < 1 || length > rawLength || ordinal > rawLength - length)
			fail(`names an impossible place of chunk ${chunk}`);
		return {
			pack,
			packSize,
			kind,
			offset,
			storedLength,
			rawLength,
			bases,
			ordinal,
			length,
		};
	}

	frame(frame: number): Omit<Place, "ordinal" | "length"> {
		if (frame >= this.layout.frames) fail(`has no frame ${frame}`);
		const row = this.#read(this.layout.framesAt + frame * frameRow, frameRow);
		const offset = u32(row, 0);
		const storedLength = u32(row, 4);
		const rawLength = u32(row, 8);
		const firstBase = u32(row, 12);
		const baseCount = u16(row, 16);
		const unused = u16(row, 18);
		const pack = this.pack(u32(row, 20));
		if (
			offset < packHeaderBytes ||
			storedLength <= frameHeaderBytes ||
			offset + storedLength > pack.size ||
			rawLength < 1 ||
			rawLength > maxFrameRaw ||
			unused !== 0
		)
			fail(`names an impossible frame ${frame}`);
		return {
			pack: pack.id,
			packSize: pack.size,
			kind: pack.kind,
			offset,
			storedLength,
			rawLength,
			bases: this.#bases(firstBase, baseCount),
		};
	}

	#bases(first: number, count: number): Bytes {
		if (first + count > this.layout.bases)
			fail("names a base it does not hold");
		return count === 0
			? noBytes
			: this.#read(
					this.layout.basesAt + first * idBytes,
					count * idBytes,
				).slice();
	}

	pack(pack: number): PackOfSegment {
		const known = this.#packs[pack];
		if (known !== undefined) return known;
		if (pack >= this.layout.packs) fail(`has no pack ${pack}`);
		const row = new ByteReader(
			this.#read(this.layout.packsAt + pack * packRow, packRow),
			"segment pack",
		);
		const id = idAt<PackId>(row.bytes(idBytes));
		const size = row.u64();
		const firstFrame = row.u32();
		const frameCount = row.u32();
		const kind = row.u8();
		row.zeros(7);
		requirePackKind(kind);
		if (firstFrame + frameCount > this.layout.frames)
			fail(`names frames of pack ${pack} that it does not hold`);
		const read = { id, size, firstFrame, frameCount, kind };
		this.#packs[pack] = read;
		return read;
	}
}

function fail(problem: string): never {
	throw new CorruptError("BAD_SEGMENT", `the segment ${problem}`);
}

function requireVersion(version: number): void {
	if (version !== 1)
		throw new UnsupportedError(
			"UNKNOWN_SEGMENT",
			`the segment is of a newer kind (${version})`,
			{ feature: `segment-${version}` },
		);
}

function u16(bytes: Bytes, at: number): number {
	return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function u32(bytes: Bytes, at: number): number {
	return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** Where an id stands among all that begin with the same byte: 0 to 1. */
function fractionOf(id: Bytes): number {
	return fractionAt(id, 0);
}

function fractionAt(ids: Bytes, index: number): number {
	const at = index * idBytes;
	const [a, b, c, d] = [ids[at + 1], ids[at + 2], ids[at + 3], ids[at + 4]];
	return (
		((((d ?? 0) / 256 + (c ?? 0)) / 256 + (b ?? 0)) / 256 + (a ?? 0)) / 256
	);
}

/** Of a window of `count` out of `total`, around `share` of them. */
function startOfWindow(share: number, total: number, count: number): number {
	const start = Math.floor(share * total - count / 2);
	// Not a number if the ends are equal.
	return start > 0 ? Math.min(start, total - count) : 0;
}

function compareAt(ids: Bytes, index: number, id: Bytes): number {
	const at = index * idBytes;
	for (let k = 0; k < idBytes; k++) {
		const d = (ids[at + k] as number) - (id[k] as number);
		if (d !== 0) return d;
	}
	return 0;
}

/** Index of the first of `count` ids that is not below `id`; the last is not. */
function firstNotBelow(ids: Bytes, count: number, id: Bytes): number {
	let low = 0;
	let high = count - 1;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (compareAt(ids, middle, id) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}

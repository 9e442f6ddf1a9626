import {
	type Bytes,
	CorruptError,
	dictionaryPrefixBytes,
	equalBytes,
	idAt,
	idBytes,
	isVarveError,
	maxBaseRaw,
	maxFrameRaw,
	type PackId,
	type Place,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { BlockingReads, ChunkLookup } from "@varve/store";
import { attemptRead } from "./damage.ts";
import { FramePool } from "./frame-pool.ts";

/** Where a frame lies: the part of a Place that all its chunks share. */
export type FramePlace = Pick<
	Place,
	"pack" | "offset" | "storedLength" | "rawLength"
> & {
	/** The copy of the pack is read instead of the pack. */
	readonly from?: "copies/packs" | undefined;
	/** Copies of packs give its bases, as far as they have them; with `from` they do so too. */
	readonly basesFrom?: "copies/packs" | undefined;
};

/** What frames are read with: synchronous, for one thread. */
export interface FrameSources {
	readonly reads: BlockingReads;
	readonly tools: Pick<Toolbox, "sha256" | "decoder">;
	/** Asked only for the bases of frames that have some. */
	readonly lookup: Pick<ChunkLookup, "find">;
}

/** A decoded frame. It is overwritten when it leaves the cache, so use it before another frame is asked for. */
export class CachedFrame {
	readonly raw: Bytes;
	readonly lengths: Uint32Array;
	/** Raw bytes with room to spare; goes to the next frame. */
	readonly buffer: Bytes;
	readonly #starts: Uint32Array;
	readonly #hashes: (Bytes | undefined)[] = [];

	constructor(raw: Bytes, lengths: Uint32Array, buffer: Bytes) {
		this.raw = raw;
		this.lengths = lengths;
		this.buffer = buffer;
		this.#starts = startsOf(lengths);
	}

	/** Where chunk `ordinal` begins in `raw`. */
	startOf(ordinal: number): number {
		return this.#starts[ordinal] as number;
	}

	/** Bytes of a chunk, not yet proved. CorruptError if the frame has no such chunk. */
	chunk(ordinal: number): Bytes {
		const start = this.#starts[ordinal];
		if (start === undefined || ordinal >= this.lengths.length)
			throw new CorruptError("BAD_CHUNK", `a frame has no chunk ${ordinal}`, {
				ordinal,
			});
		return this.raw.subarray(start, start + (this.lengths[ordinal] as number));
	}

	/** SHA-256 of a chunk, calculated once. What it is compared with is up to whoever asks. */
	hash(ordinal: number, sha256: (bytes: Bytes) => Bytes): Bytes {
		const known = this.#hashes[ordinal];
		if (known !== undefined) return known;
		const hash = sha256(this.chunk(ordinal));
		this.#hashes[ordinal] = hash;
		return hash;
	}
}

function startsOf(lengths: Uint32Array): Uint32Array {
	const starts = new Uint32Array(lengths.length);
	let at = 0;
	for (let i = 0; i < lengths.length; i++) {
		starts[i] = at;
		at += lengths[i] as number;
	}
	return starts;
}

/** Room a frame takes beside its raw bytes. */
const maxFrameOverhead = 8 * 1024 * 1024;
/** Frames with bases are small, the frames of their bases are not: each sort would push the other out of its buffers. */
const smallFrame = 512 * 1024;
const smallShare = 1 / 4;

/** Decoded frames, the last used ones up to `limit` bytes. Buffers are used again, so that memory does not grow by garbage. */
export class FrameCache {
	readonly #sources: FrameSources;
	readonly #large: FramePool<CachedFrame>;
	readonly #small: FramePool<CachedFrame>;
	#ahead = new Uint8Array(0);
	#range = { pack: "", at: 0, length: 0 };
	/** Stored bytes of one frame that lies outside of what was read ahead. */
	#single = new Uint8Array(0);
	/** The same for a base, which is read while the frame that needs it waits. */
	#base = new Uint8Array(0);
	/** Begins with zeros, which are never written over. */
	#dictionary = new Uint8Array(0);

	constructor(sources: FrameSources, limit: number) {
		this.#sources = sources;
		this.#large = new FramePool(limit * (1 - smallShare));
		this.#small = new FramePool(limit * smallShare);
	}

	/**
	 * Reads a part of a pack that several frames asked for next lie in, so that they need one read.
	 * Throws as BlockingReads does.
	 */
	readAhead(pack: PackId, at: number, length: number): void {
		this.#range = { pack: "", at: 0, length: 0 };
		this.#ahead = atLeast(this.#ahead, length);
		const target = this.#ahead.subarray(0, length);
		this.#sources.reads.readInto("packs", pack, at, target);
		this.#range = { pack, at, length };
	}

	/** True if the frame's stored bytes have been read ahead. */
	isAhead({ pack, offset, storedLength, from }: FramePlace): boolean {
		const range = this.#range;
		if (from !== undefined) return false;
		const start = offset - range.at;
		return (
			range.pack === pack && start >= 0 && start + storedLength <= range.length
		);
	}

	/** The decoded frame; valid until the next call. CorruptError, NotFoundError or StorageError as they come. */
	frame(place: FramePlace): CachedFrame {
		return this.#frame(place, false);
	}

	/** True if asking for the frame costs nothing. */
	has(place: FramePlace): boolean {
		return this.#poolOf(place).has(keyOf(place));
	}

	#poolOf({ rawLength }: FramePlace): FramePool<CachedFrame> {
		return rawLength <= smallFrame ? this.#small : this.#large;
	}

	#frame(place: FramePlace, isBase: boolean): CachedFrame {
		const key = keyOf(place);
		const pool = this.#poolOf(place);
		const cached = pool.find(key);
		if (cached !== undefined) return cached;
		requireLengths(place);
		const frame = this.#decode(place, this.#read(place, isBase));
		pool.keep(key, frame);
		return frame;
	}

	#decode(place: FramePlace, stored: Bytes): CachedFrame {
		const pool = this.#poolOf(place);
		const buffer = pool.take(place.rawLength);
		try {
			const { raw, lengths } = this.#sources.tools.decoder.decode(stored, {
				dictionary: (ids) =>
					this.dictionary(ids, place.from ?? place.basesFrom),
				target: buffer,
			});
			if (raw.length !== place.rawLength)
				throw new CorruptError(
					"BAD_FRAME",
					`the frame at byte ${place.offset} of pack ${place.pack} holds ${raw.length} bytes instead of ${place.rawLength}`,
					{ pack: place.pack, offset: place.offset },
				);
			return new CachedFrame(raw, lengths, buffer);
		} catch (error) {
			pool.giveBack(buffer);
			throw asDamage(error, place);
		}
	}

	#read(place: FramePlace, isBase: boolean): Bytes {
		const { pack, offset, storedLength } = place;
		if (this.isAhead(place)) {
			const start = offset - this.#range.at;
			return this.#ahead.subarray(start, start + storedLength);
		}
		const buffer = atLeast(isBase ? this.#base : this.#single, storedLength);
		if (isBase) this.#base = buffer;
		else this.#single = buffer;
		const target = buffer.subarray(0, storedLength);
		this.#sources.reads.readInto(place.from ?? "packs", pack, offset, target);
		return target;
	}

	/**
	 * Eight zero bytes, and then the bytes of the base chunks in the order of `ids`; valid until the next call. They are not proved: the
	 * chunks decoded with them are.
	 */
	dictionary(ids: Bytes, from?: "copies/packs"): Bytes {
		const places = this.#placesOf(ids);
		const length = places.reduce((sum, place) => sum + place.length, 0);
		if (length > maxBaseRaw)
			throw new CorruptError("BAD_FRAME", "the bases of a frame are too long");
		this.#dictionary = atLeast(
			this.#dictionary,
			dictionaryPrefixBytes + length,
		);
		let at = dictionaryPrefixBytes;
		for (const [i, place] of places.entries()) {
			const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
			const chunk =
				(from && this.#copyOf(place, id)) ??
				this.#frame(place, true).chunk(place.ordinal);
			if (chunk.length !== place.length)
				throw new CorruptError(
					"BAD_FRAME",
					`a base of a frame has ${chunk.length} bytes instead of ${place.length}`,
				);
			this.#dictionary.set(chunk, at);
			at += chunk.length;
		}
		return this.#dictionary.subarray(0, at);
	}

	/** undefined if there is none that is what was stored. */
	#copyOf(place: Place, id: Bytes): Bytes | undefined {
		const { pack, offset, storedLength, rawLength, ordinal } = place;
		const from = "copies/packs" as const;
		const chunk = attemptRead(() => {
			const copy = { pack, offset, storedLength, rawLength, from };
			const frame = this.#frame(copy, true);
			const { sha256 } = this.#sources.tools;
			const hash = frame.hash(ordinal, (bytes) => sha256(bytes));
			return equalBytes(hash, id) ? frame.chunk(ordinal) : undefined;
		});
		return chunk instanceof Uint8Array ? chunk : undefined;
	}

	#placesOf(ids: Bytes): Place[] {
		const places: Place[] = [];
		for (let at = 0; at < ids.length; at += idBytes) {
			const place = this.#sources.lookup.find(ids, at);
			if (place === undefined || place.bases.length > 0)
				throw new CorruptError(
					"MISSING_BASE",
					`the base ${idAt(ids, at)} of a frame is not there`,
					{ chunk: idAt(ids, at) },
				);
			places.push(place);
		}
		return places;
	}
}

/** What a newer program may write is named in the config; in a repository that names nothing of it, an unknown codec is a flipped bit. */
function asDamage(error: unknown, { pack, offset }: FramePlace): unknown {
	if (
		!isVarveError(error) ||
		error.name !== "UnsupportedError" ||
		error.code === "SEALED"
	)
		return error;
	return new CorruptError(
		"BAD_FRAME",
		`the frame at byte ${offset} of pack ${pack} is damaged: ${error.message}`,
		{ pack, offset },
		{ cause: error },
	);
}

function keyOf(place: FramePlace): string {
	const { from, basesFrom, pack, offset } = place;
	return `${from ?? ""} ${basesFrom ?? ""} ${pack} ${offset}`;
}

function requireLengths(place: FramePlace): void {
	if (
		place.storedLength > maxFrameRaw + maxFrameOverhead ||
		place.rawLength > maxFrameRaw
	)
		throw new CorruptError(
			"BAD_FRAME",
			`the frame at byte ${place.offset} of pack ${place.pack} is said to be impossibly long`,
			{ pack: place.pack, offset: place.offset },
		);
}

function atLeast(buffer: Uint8Array<ArrayBuffer>, length: number) {
	return buffer.length >= length ? buffer : new Uint8Array(length);
}

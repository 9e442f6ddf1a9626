import {
	type Bytes,
	CorruptError,
	idBytes,
	type PackId,
	toHex,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { isDamage } from "../damage.ts";
import type { CachedFrame, FrameCache } from "../frame-cache.ts";
import { standsAt } from "../prove-chunks.ts";
import type { FrameColumns, PartColumns } from "./tasks.ts";

/** Neighbouring frames of a pack are read at once, up to this many bytes. */
const readAheadBytes = 4 * 1024 * 1024;
/** Bytes between two frames that are read along rather than skipped. */
const gapBytes = 64 * 1024;

/** Chunks of a batch, proved, frame by frame. */
export class BatchFrames {
	readonly #cache: FrameCache;
	readonly #sha256: (bytes: Bytes) => Bytes;
	readonly #frames: FrameColumns;
	readonly #failed = new Map<number, unknown>();
	#current = -1;
	#frame: CachedFrame | undefined;

	constructor(
		cache: FrameCache,
		tools: Pick<Toolbox, "sha256">,
		frames: FrameColumns,
	) {
		this.#cache = cache;
		this.#sha256 = (bytes) => tools.sha256(bytes);
		this.#frames = frames;
	}

	/** The frame of an item that is a chunk, the chunk proved; valid until the next call. Throws what is wrong with it. */
	proved(parts: PartColumns, item: number): CachedFrame {
		const frame = this.#frameOf(parts.frame[item] as number);
		const ordinal = parts.ordinal[item] as number;
		const hash = frame.hash(ordinal, this.#sha256);
		if (!standsAt(hash, parts.ids, item * idBytes))
			throw badChunk("does not match its id", parts.ids, item);
		const length = frame.lengths[ordinal];
		if (length !== parts.length[item])
			throw badChunk(`has ${length} bytes`, parts.ids, item);
		return frame;
	}

	#frameOf(index: number): CachedFrame {
		if (index === this.#current && this.#frame !== undefined)
			return this.#frame;
		if (this.#failed.has(index)) throw this.#failed.get(index);
		const place = this.#placeOf(index);
		this.#frame = undefined;
		if (!this.#cache.has(place)) this.#readAhead(index);
		try {
			this.#frame = this.#cache.frame(place);
		} catch (error) {
			this.#failed.set(index, error);
			throw error;
		}
		this.#current = index;
		return this.#frame;
	}

	#placeOf(index: number) {
		const { packs, pack, offset, storedLength, rawLength } = this.#frames;
		return {
			pack: packs[pack[index] as number] as PackId,
			offset: offset[index] as number,
			storedLength: storedLength[index] as number,
			rawLength: rawLength[index] as number,
		};
	}

	/** Reads the run of frames that begins here, unless it is read already. */
	#readAhead(index: number): void {
		const first = this.#placeOf(index);
		if (this.#cache.isAhead(first)) return;
		let end = first.offset + first.storedLength;
		for (let i = index + 1; i < this.#frames.offset.length; i++) {
			const next = this.#placeOf(i);
			const nextEnd = next.offset + next.storedLength;
			if (
				next.pack !== first.pack ||
				next.offset > end + gapBytes ||
				nextEnd - first.offset > readAheadBytes
			)
				break;
			end = nextEnd;
		}
		try {
			this.#cache.readAhead(first.pack, first.offset, end - first.offset);
		} catch (error) {
			// Some frame of the run cannot be read: each is tried alone, and fails alone.
			if (!isDamage(error)) throw error;
		}
	}
}

function badChunk(problem: string, ids: Bytes, item: number): CorruptError {
	const chunk = toHex(ids, item * idBytes, (item + 1) * idBytes);
	return new CorruptError("BAD_CHUNK", `the chunk ${chunk} ${problem}`, {
		chunk,
	});
}

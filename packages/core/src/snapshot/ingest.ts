import {
	type Bytes,
	type Config,
	type Content,
	FrameKind,
	ItemKind,
	idBytes,
	type PackFrame,
	StorageError,
	spanBytes,
	toHex,
} from "@varve/format";
import type { Claims, FrameEncoder, SpanCutter, Toolbox } from "@varve/kernel";
import { wrongChunks } from "../prove-chunks.ts";
import type { BaseFinder } from "./delta/base-finder.ts";
import { DeltaFrames } from "./delta/delta-frames.ts";
import type { FormerFile } from "./delta/former-file.ts";
import type { Harvest, IngestYield } from "./harvest.ts";

/** What the cutter must be able to look at beyond a chunk's start: the longest chunk and a run of zeros behind it, and room to read. */
export const ingestMemory = 4 * 1024 * 1024;

/** Keeps frames of tiny files cheap to look into. */
const maxFrameChunks = 16_384;

export interface IngestParts {
	readonly cutter: SpanCutter;
	readonly encoder: FrameEncoder;
	readonly harvest: Harvest;
	readonly claims: Claims;
	readonly tools: Pick<Toolbox, "sha256">;
	readonly config: Pick<Config, "frameBytes" | "chunker">;
	/** Made for the first file that has a former version; undefined where none is looked at. */
	readonly openFinder: (() => BaseFinder) | undefined;
	/** Finds out without storing. */
	readonly dryRun: boolean;
	/** Hashes chunks again once their frame is made. */
	readonly paranoid: boolean;
}

/**
 * Turns bytes into items: cut, hash, claim, frame. Bytes are read straight into `window`, chunks that must be stored stay where they
 * were read (or move down over those that need not), and once a frame is full it is compressed from there: content is not copied on the way,
 * but for chunks of changed files, which go into frames with bases.
 *
 *     [0, fill)            chunks of the frame being filled
 *     [start, end)         read, not yet cut; start >= fill
 */
export class Ingest {
	readonly #parts: IngestParts;
	readonly #memory: Uint8Array;
	#fill = 0;
	#start = 0;
	#end = 0;
	/** Bytes of the current span that were taken so far, cut or not. */
	#spanTaken = 0;
	#frameIds = new Uint8Array(64 * 1024);
	#frameLengths = new Uint32Array(2048);
	#frameCount = 0;
	#items = emptyItems();
	#deltas: DeltaFrames | undefined;
	/** Where `start` is in the file. */
	#position = 0;

	constructor(parts: IngestParts) {
		this.#parts = parts;
		this.#memory = parts.cutter.memory;
	}

	/** Begins a file or, for large files, a span of one. */
	begin(former?: FormerFile): void {
		if (this.#memory.length - this.#fill < this.#memory.length / 2)
			this.#flushFrame();
		this.#start = this.#fill;
		this.#end = this.#fill;
		this.#spanTaken = 0;
		this.#items = emptyItems();
		this.#position = former?.start ?? 0;
		if (former !== undefined) this.#deltas ??= this.#openDeltas();
		this.#deltas?.begin(former);
		this.#parts.cutter.begin();
	}

	#openDeltas(): DeltaFrames | undefined {
		const { openFinder, encoder, harvest, config } = this.#parts;
		if (openFinder === undefined || this.#parts.dryRun) return undefined;
		return new DeltaFrames({
			finder: openFinder(),
			encoder,
			harvest,
			config,
			prove: (raw, chunks) => this.#proveAgain(raw, chunks),
		});
	}

	/** Where the next bytes are to be put: at least 256 KiB, or what is left of the span. */
	window(): Bytes {
		const wanted = Math.min(256 * 1024, spanBytes - this.#spanTaken);
		if (this.#memory.length - this.#end < wanted) this.#makeRoom();
		const room = Math.min(
			this.#memory.length - this.#end,
			spanBytes - this.#spanTaken,
		);
		return this.#memory.subarray(this.#end, this.#end + room);
	}

	/** `count` bytes were put at the beginning of the window. */
	take(count: number): void {
		this.#end += count;
		this.#spanTaken += count;
		if (this.#spanTaken < spanBytes) {
			this.#cut(false);
			return;
		}
		this.#cut(true);
		this.#endSpan();
	}

	/**
	 * The next `length` bytes of the span are zeros, which nobody need read. At least 65,536 bytes before them were zeros too, or they begin the
	 * span; and as many come after them, or they end it: so the items are those that reading them would give.
	 */
	skip(length: number): void {
		this.#cut(true);
		this.#zeros(length);
		this.#position += length;
		this.#spanTaken += length;
		if (this.#spanTaken < spanBytes) this.#parts.cutter.begin();
		else this.#endSpan();
	}

	#endSpan(): void {
		this.#items.spanEnds.push(this.#items.kinds.length);
		this.#spanTaken = 0;
		this.#parts.cutter.begin();
	}

	/** Ends the file or span and returns its items, not yet gathered in lists. */
	finish(): SpanItems {
		this.#cut(true);
		const { kinds, lengths, ids, spanEnds } = this.#items;
		if (spanEnds.at(-1) !== kinds.length) spanEnds.push(kinds.length);
		return { kinds, lengths, ids: concatenate(ids), spanEnds };
	}

	/** Takes back what was read of the file; chunks that were stored already stay. */
	abandon(): void {
		this.#start = this.#end;
	}

	/** Stores what is not yet in a pack, if `flush`, and returns what was stored since the last call. */
	harvest(flush: boolean): IngestYield {
		const { harvest } = this.#parts;
		if (flush) {
			this.#deltas?.flush();
			this.#flushFrame();
			harvest.closePack();
		}
		return harvest.take();
	}

	#cut(last: boolean): void {
		const { cutter } = this.#parts;
		while (this.#start < this.#end) {
			const length = cutter.cut(this.#start, this.#end, last);
			if (length === 0) return;
			if (length > 0) this.#chunk(length);
			else this.#zeros(-length);
			this.#start += Math.abs(length);
			this.#position += Math.abs(length);
		}
	}

	#zeros(length: number): void {
		const { kinds, lengths, spanEnds } = this.#items;
		const lastIndex = kinds.length - 1;
		// A run may come in parts; one that ends a span and one that begins the next are kept apart here.
		if (kinds[lastIndex] === ItemKind.zeros && spanEnds.at(-1) !== kinds.length)
			lengths[lastIndex] = (lengths[lastIndex] as number) + length;
		else {
			kinds.push(ItemKind.zeros);
			lengths.push(length);
		}
	}

	#chunk(length: number): void {
		const { claims, harvest, tools } = this.#parts;
		const bytes = this.#memory.subarray(this.#start, this.#start + length);
		const id = tools.sha256(bytes);
		this.#items.kinds.push(ItemKind.chunk);
		this.#items.lengths.push(length);
		this.#items.ids.push(id);
		this.#deltas?.meet(id, this.#position, length);
		if (!claims.claim(id, 0) || harvest.find(id, 0) !== undefined) return;
		harvest.countChunk(length);
		if (this.#parts.dryRun) return;
		if (this.#deltas?.offer(id, bytes, this.#position)) return;
		this.#keep(id, length);
	}

	#keep(id: Bytes, length: number): void {
		if (this.#start !== this.#fill)
			this.#memory.copyWithin(this.#fill, this.#start, this.#start + length);
		this.#growFrame();
		this.#frameIds.set(id, this.#frameCount * idBytes);
		this.#frameLengths[this.#frameCount++] = length;
		this.#fill += length;
		if (
			this.#fill >= this.#parts.config.frameBytes ||
			this.#frameCount >= maxFrameChunks
		)
			this.#flushFrame();
	}

	#growFrame(): void {
		if (this.#frameCount < this.#frameLengths.length) return;
		const ids = new Uint8Array(this.#frameIds.length * 2);
		ids.set(this.#frameIds);
		this.#frameIds = ids;
		const lengths = new Uint32Array(this.#frameLengths.length * 2);
		lengths.set(this.#frameLengths);
		this.#frameLengths = lengths;
	}

	/** Moves what is not yet cut down to what is kept; a frame that is in the way is closed early. */
	#makeRoom(): void {
		if (this.#fill > this.#memory.length / 2) this.#flushFrame();
		this.#memory.copyWithin(this.#fill, this.#start, this.#end);
		this.#end -= this.#start - this.#fill;
		this.#start = this.#fill;
	}

	/** The frame was decoded to these very bytes; that they still are the bytes that were hashed is seen here. */
	#proveAgain(raw: Bytes, chunks: Pick<PackFrame, "ids" | "lengths">): void {
		if (!this.#parts.paranoid) return;
		const [wrong] = wrongChunks(raw, chunks, this.#parts.tools.sha256);
		if (wrong !== undefined)
			throw new StorageError(
				"MEMORY_FAULT",
				`the chunk ${toHex(wrong)} changed in memory before it was stored: the memory of this machine is not sound`,
				{ chunk: toHex(wrong) },
			);
	}

	/** Only between chunks: `fill` is at most `start`, and the uncut bytes stay where they are. */
	#flushFrame(): void {
		if (this.#frameCount === 0) return;
		const count = this.#frameCount;
		const lengths = this.#frameLengths.slice(0, count);
		const raw = this.#memory.subarray(0, this.#fill);
		const frame = this.#parts.encoder.encode({
			kind: FrameKind.content,
			raw,
			lengths,
			count,
		});
		const chunks = {
			ids: this.#frameIds.slice(0, count * idBytes),
			lengths,
			bases: noBytes,
			rawLength: this.#fill,
		};
		this.#proveAgain(raw, chunks);
		this.#parts.harvest.add(frame, chunks);
		this.#frameCount = 0;
		this.#fill = 0;
	}
}

/** Items of a file in order; `spanEnds` are the indices at which its spans end. */
export interface SpanItems extends Content {
	readonly spanEnds: readonly number[];
}

const noBytes = new Uint8Array(0);

function emptyItems() {
	return {
		kinds: [] as ItemKind[],
		lengths: [] as number[],
		ids: [] as Bytes[],
		spanEnds: [] as number[],
	};
}

function concatenate(ids: readonly Bytes[]): Bytes {
	if (ids.length === 1) return ids[0] as Bytes;
	const all = new Uint8Array(ids.length * idBytes);
	ids.forEach((id, i) => {
		all.set(id, i * idBytes);
	});
	return all;
}

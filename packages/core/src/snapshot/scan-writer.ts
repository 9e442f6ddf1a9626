import {
	type Bytes,
	ByteWriter,
	beginScanPiece,
	type ChunkId,
	crc32,
	encodeBirths,
	encodeScanBlock,
	maxScanPiece,
	minScanPiece,
	type ScanBlock,
} from "@varve/format";
import type { MetaWriter, StoredId } from "./meta-writer.ts";
import type { ScanCopy } from "./scan-copy.ts";

/** A block that takes its place in the walk's order now and is filled in later. */
export interface ScanSlot {
	block: ScanBlock | undefined;
	/** Birth times of its entries. */
	births: Bytes;
}

/** The parent's scan state: its list, and the ids of its pieces, without those of birth times. */
export interface FormerScan {
	readonly list: ChunkId;
	readonly ids: readonly string[];
}

/** Id in hex of the piece in which this block stood in the parent's scan state. */
export type PieceBefore = (block: ScanBlock) => string | undefined;

const noBytes = new Uint8Array(0);

/**
 * Writes the scan state while the walk goes on. Slots are taken in the order of the walk and written in that order as soon as
 * they are filled; a piece ends where the bytes of a block say so, so that an unchanged part of a source keeps its pieces.
 */
export class ScanWriter {
	readonly #meta: MetaWriter;
	readonly #slots: ScanSlot[] = [];
	#next = 0;
	readonly #piece = new ByteWriter(maxScanPiece);
	/** Of the entries of the piece that is being written. */
	readonly #births = new ByteWriter(64 * 1024);
	/** Of the pieces before it. They are stored at the end, unless they are all as they were. */
	readonly #birthPieces: Bytes[] = [];
	readonly #ids: StoredId[] = [];
	readonly #lengths: number[] = [];
	readonly #copy: ScanCopy;
	readonly #pieceBefore: PieceBefore;
	/** The first block of the piece that is being written. */
	#first: ScanBlock | undefined;

	/** `copy` receives every piece too. */
	constructor(meta: MetaWriter, copy: ScanCopy, pieceBefore: PieceBefore) {
		this.#meta = meta;
		this.#copy = copy;
		this.#pieceBefore = pieceBefore;
		beginScanPiece(this.#piece);
	}

	slot(): ScanSlot {
		const slot: ScanSlot = { block: undefined, births: noBytes };
		this.#slots.push(slot);
		return slot;
	}

	/** Writes the filled slots at the head of the row. */
	advance(): void {
		for (; this.#next < this.#slots.length; this.#next++) {
			const slot = this.#slots[this.#next] as ScanSlot;
			if (slot.block === undefined) break;
			this.#births.bytes(slot.births);
			this.#write(slot.block);
		}
		if (this.#next > 1024) {
			this.#slots.splice(0, this.#next);
			this.#next = 0;
		}
	}

	/**
	 * Stores the last piece, the birth times and the list of all; undefined if there is nothing. Where all pieces are those of `before`, its list
	 * is returned: nobody is born without a trace in them.
	 */
	finish(before?: FormerScan): ChunkId | undefined {
		this.advance();
		if (this.#next !== this.#slots.length)
			throw new Error("a scan state block was never filled");
		if (this.#piece.length > 4) this.#endPiece();
		if (this.#ids.length === 0) return undefined;
		if (before !== undefined && this.#isAs(before)) return before.list;
		for (const births of this.#birthPieces) {
			this.#ids.push(this.#meta.put(births));
			this.#lengths.push(births.length);
		}
		const list = this.#meta.putPieces(this.#ids, this.#lengths, before?.list);
		return list.hex as ChunkId;
	}

	#isAs({ ids }: FormerScan): boolean {
		return (
			ids.length === this.#ids.length &&
			ids.every((id, i) => id === this.#ids[i]?.hex)
		);
	}

	#write(block: ScanBlock): void {
		const start = this.#piece.length;
		this.#first ??= block;
		encodeScanBlock(this.#piece, block);
		const length = this.#piece.length;
		if (length < minScanPiece) return;
		if (
			length >= maxScanPiece ||
			(crc32(block.path) & 7) === 0 ||
			length - start >= minScanPiece
		)
			this.#endPiece();
	}

	#endPiece(): void {
		const bytes = this.#piece.finish();
		const former = this.#first && this.#pieceBefore(this.#first);
		this.#first = undefined;
		const id = this.#meta.put(bytes, former);
		this.#copy.add(bytes, id.bytes);
		this.#ids.push(id);
		this.#lengths.push(bytes.length);
		this.#birthPieces.push(encodeBirths(this.#births.view()));
		this.#births.reset();
		beginScanPiece(this.#piece);
	}
}

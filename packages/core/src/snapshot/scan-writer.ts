import {
	ByteWriter,
	beginScanPiece,
	crc32,
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
}

/**
 * Writes the scan state while the walk goes on. Slots are taken in the order of the walk and written in that order as soon as
 * they are filled; a piece ends where the bytes of a block say so, so that an unchanged part of a source keeps its pieces.
 */
export class ScanWriter {
	readonly #meta: MetaWriter;
	readonly #slots: ScanSlot[] = [];
	#next = 0;
	readonly #piece = new ByteWriter(maxScanPiece);
	readonly #ids: StoredId[] = [];
	readonly #lengths: number[] = [];
	readonly #copy: ScanCopy;

	/** `copy` receives every piece too. */
	constructor(meta: MetaWriter, copy: ScanCopy) {
		this.#meta = meta;
		this.#copy = copy;
		beginScanPiece(this.#piece);
	}

	slot(): ScanSlot {
		const slot: ScanSlot = { block: undefined };
		this.#slots.push(slot);
		return slot;
	}

	/** Writes the filled slots at the head of the row. */
	advance(): void {
		for (; this.#next < this.#slots.length; this.#next++) {
			const slot = this.#slots[this.#next] as ScanSlot;
			if (slot.block === undefined) break;
			this.#write(slot.block);
		}
		if (this.#next > 1024) {
			this.#slots.splice(0, this.#next);
			this.#next = 0;
		}
	}

	/** Stores the last piece and the list of all; undefined if there is nothing. */
	finish(): StoredId | undefined {
		this.advance();
		if (this.#next !== this.#slots.length)
			throw new Error("a scan state block was never filled");
		if (this.#piece.length > 4) this.#endPiece();
		return this.#ids.length === 0
			? undefined
			: this.#meta.putPieces(this.#ids, this.#lengths);
	}

	#write(block: ScanBlock): void {
		const start = this.#piece.length;
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
		const id = this.#meta.put(bytes);
		this.#copy.add(bytes, id.bytes);
		this.#ids.push(id);
		this.#lengths.push(bytes.length);
		beginScanPiece(this.#piece);
	}
}

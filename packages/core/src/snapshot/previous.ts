import {
	type Bytes,
	compareScanPositions,
	compareWalkOrder,
	decodeScanPiece,
	encodeName,
	type ScanBlock,
	type ScanPosition,
} from "@varve/format";
import { lowerBound } from "../lower-bound.ts";

/**
 * The scan state of the parent, read once from front to back and joined with the walk, which comes by in the same order. Who prepares
 * the walk's way may look ahead.
 */
export class PreviousScan {
	readonly #blocks: Iterator<ScanBlock>;
	/** Blocks read and not yet taken; those before `#peeked` have been looked at. */
	#queue: ScanBlock[] = [];
	#first = 0;
	#peeked = 0;
	/** Blocks that have left the queue. */
	#gone = 0;
	/** The first block of each piece read so far, and the piece's id in hex. */
	readonly #starts: { readonly at: ScanPosition; readonly id: string }[] = [];

	/** `ids`: of the pieces, in hex, where they are known. */
	constructor(pieces: Iterable<Bytes>, ids: readonly string[] = []) {
		this.#blocks = this.#blocksOf(pieces, ids);
	}

	/** Id in hex of the piece in which this block stood, or would have: of one whose directory has been taken. */
	pieceWith(position: ScanPosition): string | undefined {
		const behind = lowerBound(this.#starts, ({ at }) =>
			compareScanPositions(at, position) <= 0 ? -1 : 1,
		);
		return this.#starts[behind - 1]?.id;
	}

	/** The pages of this directory, or none. Must be called in the order of the walk. */
	take(root: number, path: string): ScanBlock[] {
		const pages: ScanBlock[] = [];
		const bytes = encodeName(path);
		for (
			let next = this.#at(this.#first);
			next !== undefined;
			next = this.#at(this.#first)
		) {
			const order = next.root - root || compareWalkOrder(next.path, bytes);
			if (order > 0) break;
			if (order === 0) pages.push(next);
			this.#first++;
		}
		this.#shorten();
		return pages;
	}

	/** The next block that has neither been taken nor looked at. */
	peekAhead(): ScanBlock | undefined {
		this.#peeked = Math.max(this.#peeked, this.#first);
		const block = this.#at(this.#peeked);
		if (block !== undefined) this.#peeked++;
		return block;
	}

	/** Blocks taken, or passed by because the walk met no such directory. */
	get passed(): number {
		return this.#gone + this.#first;
	}

	/** Blocks before this one, counted from the first, have been taken or looked at. */
	get ahead(): number {
		return this.#gone + Math.max(this.#peeked, this.#first);
	}

	#at(index: number): ScanBlock | undefined {
		while (index >= this.#queue.length) {
			const { value, done } = this.#blocks.next();
			if (done === true) return undefined;
			this.#queue.push(value);
		}
		return this.#queue[index];
	}

	#shorten(): void {
		if (this.#first < 1024) return;
		this.#gone += this.#first;
		this.#queue = this.#queue.slice(this.#first);
		this.#peeked = Math.max(0, this.#peeked - this.#first);
		this.#first = 0;
	}

	*#blocksOf(
		pieces: Iterable<Bytes>,
		ids: readonly string[],
	): Generator<ScanBlock> {
		let index = 0;
		for (const piece of pieces) {
			const id = ids[index++];
			let isFirst = id !== undefined;
			for (const block of decodeScanPiece(piece)) {
				if (isFirst) this.#noteStart(block, id as string);
				isFirst = false;
				yield block;
			}
		}
	}

	#noteStart({ root, path, page }: ScanBlock, id: string): void {
		this.#starts.push({ at: { root, path: path.slice(), page }, id });
	}
}

import {
	type Bytes,
	compareWalkOrder,
	decodeScanPiece,
	encodeName,
	type ScanBlock,
} from "@varve/format";

/**
 * The scan state of the parent, read once from front to back and joined with the walk, which comes by in the same order.
 */
export class PreviousScan {
	readonly #blocks: Iterator<ScanBlock>;
	#next: ScanBlock | undefined;

	constructor(pieces: Iterable<Bytes>) {
		this.#blocks = blocksOf(pieces);
		this.#next = this.#advance();
	}

	/** The pages of this directory, or none. Must be called in the order of the walk. */
	take(root: number, path: string): ScanBlock[] {
		const pages: ScanBlock[] = [];
		if (this.#next === undefined) return pages;
		const bytes = encodeName(path);
		while (this.#next !== undefined) {
			const order =
				this.#next.root - root || compareWalkOrder(this.#next.path, bytes);
			if (order > 0) break;
			if (order === 0) pages.push(this.#next);
			this.#next = this.#advance();
		}
		return pages;
	}

	#advance(): ScanBlock | undefined {
		const { value, done } = this.#blocks.next();
		return done === true ? undefined : value;
	}
}

function* blocksOf(pieces: Iterable<Bytes>): Generator<ScanBlock> {
	for (const piece of pieces) yield* decodeScanPiece(piece);
}

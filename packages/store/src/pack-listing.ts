import { type Bytes, idBytes, idToBytes, type PackId } from "@varve/format";
import { compareIdsAt } from "./id-order.ts";

/** The packs that count, in memory that threads share. */
export class PackListing {
	/** Ids, ascending, 32 bytes each. */
	readonly ids: SharedArrayBuffer;
	/** Size in bytes of each, as a float of 64 bits. */
	readonly sizes: SharedArrayBuffer;
	readonly count: number;
	readonly #ids: Bytes;
	readonly #sizes: Float64Array;

	constructor(ids: SharedArrayBuffer, sizes: SharedArrayBuffer) {
		this.ids = ids;
		this.sizes = sizes;
		this.#ids = new Uint8Array(ids);
		this.#sizes = new Float64Array(sizes);
		this.count = this.#sizes.length;
	}

	static of(packs: ReadonlyMap<string, number>): PackListing {
		const sorted = [...packs.keys()].sort();
		const ids = new SharedArrayBuffer(sorted.length * idBytes);
		const sizes = new SharedArrayBuffer(sorted.length * 8);
		const listing = new PackListing(ids, sizes);
		sorted.forEach((id, i) => {
			listing.#ids.set(idToBytes(id), i * idBytes);
			listing.#sizes[i] = packs.get(id) as number;
		});
		return listing;
	}

	has(pack: PackId): boolean {
		return this.indexOf(idToBytes(pack), 0) >= 0;
	}

	/** Index of the pack whose id stands at `at`, or -1. */
	indexOf(bytes: Bytes, at: number): number {
		const index = this.firstFrom(bytes, at, idBytes);
		return this.beginsWith(index, bytes, at, idBytes) ? index : -1;
	}

	/** Index of the first pack whose first `length` bytes are not below those at `at`. */
	firstFrom(bytes: Bytes, at: number, length: number): number {
		let low = 0;
		let high = this.count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#compare(middle, bytes, at, length) < 0) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** True if there is a pack with this index and its id begins with the `length` bytes at `at`. */
	beginsWith(index: number, bytes: Bytes, at: number, length: number): boolean {
		return index < this.count && this.#compare(index, bytes, at, length) === 0;
	}

	/** The 32 bytes of the id. */
	idOf(index: number): Bytes {
		return this.#ids.subarray(index * idBytes, (index + 1) * idBytes);
	}

	sizeOf(index: number): number {
		return this.#sizes[index] as number;
	}

	#compare(index: number, bytes: Bytes, at: number, length: number): number {
		return compareIdsAt(this.#ids, index * idBytes, bytes, at, length);
	}
}

import {
	type Bytes,
	isVarveError,
	type PackId,
	scrubBlockBytes,
} from "@varve/format";
import type { BlockingReads } from "@varve/store";
import { PackEnds } from "../verify/pack-ends.ts";

/** Which packs have just the bytes that were written, as the checksums of their blocks say. Each is read once. */
export class SoundPacks {
	readonly #reads: BlockingReads;
	readonly #hash64: (bytes: Bytes) => bigint;
	readonly #ends: PackEnds;
	readonly #known = new Map<PackId, boolean>();
	#block = new Uint8Array(0);

	constructor(reads: BlockingReads, hash64: (bytes: Bytes) => bigint) {
		this.#reads = reads;
		this.#hash64 = hash64;
		this.#ends = new PackEnds(reads, hash64);
	}

	/** False too for one that is not there, or whose checksums cannot be read. */
	isSound(pack: PackId): boolean {
		const known = this.#known.get(pack);
		if (known !== undefined) return known;
		const isSound = this.#check(pack);
		this.#known.set(pack, isSound);
		return isSound;
	}

	#check(name: PackId): boolean {
		try {
			const size = this.#reads.size("packs", name);
			if (size === undefined) return false;
			const { blocks, coveredLength } = this.#ends.trailer({ name, size });
			if (this.#block.length === 0)
				this.#block = new Uint8Array(scrubBlockBytes);
			return blocks.every((expected, i) => {
				const at = i * scrubBlockBytes;
				const length = Math.min(scrubBlockBytes, coveredLength - at);
				const block = this.#block.subarray(0, length);
				this.#reads.readInto("packs", name, at, block);
				return this.#hash64(block) === expected;
			});
		} catch (error) {
			if (!isVarveError(error)) throw error;
			return false;
		}
	}
}

import { type Bytes, isVarveError } from "@varve/format";
import type { BlockingReads, ListedFile } from "@varve/store";

/** Bytes read at once. */
const windowBytes = 4 * 1024 * 1024;
/** What one failed read costs at the least: a sector of a disk. */
const sectorBytes = 4096;

/** The bytes of one damaged pack. What the storage cannot read is zeros here, sector by sector. */
export class PackBytes {
	readonly size: number;
	/** Some of it could not be read. */
	isUnreadable = false;
	readonly #reads: BlockingReads;
	readonly #kind: "packs" | "copies/packs";
	readonly #name: string;
	#window = new Uint8Array(0);
	#at = 0;

	constructor(
		reads: BlockingReads,
		{ name, size }: ListedFile,
		kind: "packs" | "copies/packs" = "packs",
	) {
		this.#kind = kind;
		this.#reads = reads;
		this.#name = name;
		this.size = size;
	}

	/** Up to `length` bytes from `at`, fewer at the end of the pack; valid until the next call. */
	read(at: number, length: number): Bytes {
		const end = Math.min(this.size, at + length);
		if (at >= end) return new Uint8Array(0);
		if (at < this.#at || end > this.#at + this.#window.length)
			this.#load(at, Math.max(end - at, windowBytes));
		return this.#window.subarray(at - this.#at, end - this.#at);
	}

	/** Calls with all of it, from front to back. */
	each(take: (bytes: Bytes) => void): void {
		for (let at = 0; at < this.size; at += windowBytes)
			take(this.read(at, windowBytes));
	}

	#load(at: number, length: number): void {
		const bytes = new Uint8Array(Math.min(length, this.size - at));
		if (!this.#fill(at, bytes))
			for (let done = 0; done < bytes.length; done += sectorBytes) {
				const sector = bytes.subarray(done, done + sectorBytes);
				if (this.#fill(at + done, sector)) continue;
				sector.fill(0);
				this.isUnreadable = true;
			}
		this.#window = bytes;
		this.#at = at;
	}

	/** False if the storage cannot read it. That the pack is gone, or shorter than it was listed, is an error. */
	#fill(at: number, target: Bytes): boolean {
		try {
			this.#reads.readInto(this.#kind, this.#name, at, target);
			return true;
		} catch (error) {
			if (!isVarveError(error) || error.code !== "STORAGE_FAILED") throw error;
			if (error.details["transient"] === true) throw error;
			return false;
		}
	}
}

import { readSync } from "node:fs";
import { type Bytes, equalBytes } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { FlatItem } from "../repository.ts";

const zeroSlice = 1024 * 1024;

/** Compares ranges of open files with items of a content, by hashing what is there. Throws errors of the system. */
export class ItemReader {
	readonly #tools: Pick<Toolbox, "sha256">;
	#buffer = new Uint8Array(zeroSlice);
	bytesRead = 0;

	constructor(tools: Pick<Toolbox, "sha256">) {
		this.#tools = tools;
	}

	/** True if the file has this item from byte `at` on. */
	holds(descriptor: number, at: number, { id, length }: FlatItem): boolean {
		if (id === undefined) return this.#isZero(descriptor, at, length);
		const bytes = this.#read(descriptor, at, length);
		return bytes.length === length && equalBytes(this.#tools.sha256(bytes), id);
	}

	/** True if the file has no byte from there on. */
	endsAt(descriptor: number, at: number): boolean {
		return this.#read(descriptor, at, 1).length === 0;
	}

	#isZero(descriptor: number, at: number, length: number): boolean {
		for (let done = 0; done < length; done += zeroSlice) {
			const wanted = Math.min(zeroSlice, length - done);
			const bytes = this.#read(descriptor, at + done, wanted);
			if (bytes.length !== wanted || bytes.some((byte) => byte !== 0))
				return false;
		}
		return true;
	}

	/** Fewer bytes only at the end of the file. */
	#read(descriptor: number, at: number, length: number): Bytes {
		if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
		let done = 0;
		while (done < length) {
			const left = length - done;
			const count = readSync(descriptor, this.#buffer, done, left, at + done);
			if (count === 0) break;
			done += count;
		}
		this.bytesRead += done;
		return this.#buffer.subarray(0, done);
	}
}

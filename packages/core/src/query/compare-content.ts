import { closeSync, constants, openSync, readSync } from "node:fs";
import {
	type Bytes,
	type Content,
	contentLength,
	equalBytes,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { ObjectReader } from "../repository.ts";
import { systemPath } from "../system.ts";

/** Neither waits for a pipe nor follows a link that took the place of the file. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const zeroSlice = 1024 * 1024;

/**
 * Tells whether a file holds exactly this content, by hashing the ranges of its chunks: nothing stored is read but lists. Stops at
 * the first difference. Throws errors of the system.
 */
export class ContentComparer {
	readonly #objects: Pick<ObjectReader, "items">;
	readonly #tools: Pick<Toolbox, "sha256">;
	#buffer = new Uint8Array(zeroSlice);
	filesRead = 0;
	bytesRead = 0;

	constructor(
		objects: Pick<ObjectReader, "items">,
		tools: Pick<Toolbox, "sha256">,
	) {
		this.#objects = objects;
		this.#tools = tools;
	}

	isSame(path: string, content: Content): boolean {
		const descriptor = openSync(systemPath(path), flags);
		try {
			this.filesRead++;
			return this.#compare(descriptor, content);
		} finally {
			closeSync(descriptor);
		}
	}

	#compare(descriptor: number, content: Content): boolean {
		let at = 0;
		for (const { id, length } of this.#objects.items(content)) {
			const isSame =
				id === undefined
					? this.#isZero(descriptor, at, length)
					: this.#isChunk(descriptor, at, { id, length });
			if (!isSame) return false;
			at += length;
		}
		return this.#read(descriptor, contentLength(content), 1).length === 0;
	}

	#isChunk(
		descriptor: number,
		at: number,
		{ id, length }: { readonly id: Bytes; readonly length: number },
	): boolean {
		const bytes = this.#read(descriptor, at, length);
		return bytes.length === length && equalBytes(this.#tools.sha256(bytes), id);
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

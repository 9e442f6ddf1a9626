import { closeSync, constants, fstatSync, readSync } from "node:fs";
import {
	type Bytes,
	type Content,
	contentLength,
	equalBytes,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { FlatItem, ObjectReader } from "../../repository.ts";

/** From this size on it is worth knowing which parts of a file differ. */
export const partwiseBytes = 1024 * 1024;
/** Neither waits for a pipe nor follows a link that took the place of the file. */
export const readFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);
const zeroSlice = 1024 * 1024;

/** An item of a content that a file does not have where it should be. */
export interface DifferingPart extends FlatItem {
	/** Where it begins. */
	readonly position: number;
}

export type ContentDifference =
	| "same"
	/** They differ; nobody looked where. */
	| "differs"
	| readonly DifferingPart[];

/** Compares open files with contents, by hashing the ranges of chunks: nothing stored is read but lists. */
export class PartComparer {
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

	/** Closes the descriptor. Of small files the first difference is enough. Throws errors of the system. */
	compare(descriptor: number, content: Content): ContentDifference {
		try {
			const { size } = fstatSync(descriptor);
			const length = contentLength(content);
			const isPartwise = length >= partwiseBytes;
			if (!isPartwise && size !== length) return "differs";
			this.filesRead++;
			const parts = this.#differing(descriptor, content, isPartwise);
			if (parts === "differs") return parts;
			return parts.length === 0 && size === length ? "same" : parts;
		} finally {
			closeSync(descriptor);
		}
	}

	#differing(
		descriptor: number,
		content: Content,
		isPartwise: boolean,
	): "differs" | readonly DifferingPart[] {
		const parts: DifferingPart[] = [];
		let position = 0;
		for (const { id, length } of this.#objects.items(content)) {
			const isSame =
				id === undefined
					? this.#isZero(descriptor, position, length)
					: this.#isChunk(descriptor, position, { id, length });
			if (!isSame && !isPartwise) return "differs";
			if (!isSame) parts.push({ id: id?.slice(), length, position });
			position += length;
		}
		return parts;
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

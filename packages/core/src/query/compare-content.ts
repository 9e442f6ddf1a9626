import { closeSync, constants, openSync } from "node:fs";
import { type Content, contentLength } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { ObjectReader } from "../repository.ts";
import { systemPath } from "../system.ts";
import { ItemReader } from "./item-reader.ts";

/** Neither waits for a pipe nor follows a link that took the place of the file. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Tells whether a file holds exactly this content, by hashing the ranges of its chunks: nothing stored is read but lists. Stops at
 * the first difference. Throws errors of the system.
 */
export class ContentComparer {
	readonly #objects: Pick<ObjectReader, "items">;
	readonly #reader: ItemReader;
	filesRead = 0;

	constructor(
		objects: Pick<ObjectReader, "items">,
		tools: Pick<Toolbox, "sha256">,
	) {
		this.#objects = objects;
		this.#reader = new ItemReader(tools);
	}

	get bytesRead(): number {
		return this.#reader.bytesRead;
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
		for (const item of this.#objects.items(content)) {
			if (!this.#reader.holds(descriptor, at, item)) return false;
			at += item.length;
		}
		return this.#reader.endsAt(descriptor, contentLength(content));
	}
}

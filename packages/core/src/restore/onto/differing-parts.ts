import { constants, fstatSync } from "node:fs";
import { type Content, contentLength } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { ItemReader } from "../../query/item-reader.ts";
import type { FlatItem, ObjectReader } from "../../repository.ts";

/** From this size on it is worth knowing which parts of a file differ. */
export const partwiseBytes = 1024 * 1024;
/** Neither waits for a pipe nor follows a link that took the place of the file. */
export const readFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);

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
	readonly #reader: ItemReader;

	constructor(
		objects: Pick<ObjectReader, "items">,
		tools: Pick<Toolbox, "sha256">,
	) {
		this.#objects = objects;
		this.#reader = new ItemReader(tools);
	}

	/** Of small files the first difference is enough. Throws errors of the system. */
	compare(descriptor: number, content: Content): ContentDifference {
		const { size } = fstatSync(descriptor);
		const length = contentLength(content);
		const isPartwise = length >= partwiseBytes;
		if (!isPartwise && size !== length) return "differs";
		const parts = this.#differing(descriptor, content, isPartwise);
		if (parts === "differs") return parts;
		return parts.length === 0 && size === length ? "same" : parts;
	}

	#differing(
		descriptor: number,
		content: Content,
		isPartwise: boolean,
	): "differs" | readonly DifferingPart[] {
		const parts: DifferingPart[] = [];
		let position = 0;
		for (const item of this.#objects.items(content)) {
			const { id, length } = item;
			const isSame = this.#reader.holds(descriptor, position, item);
			if (!isSame && !isPartwise) return "differs";
			if (!isSame) parts.push({ id: id?.slice(), length, position });
			position += length;
		}
		return parts;
	}
}

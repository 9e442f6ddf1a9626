import { constants, fstatSync } from "node:fs";
import { type Content, contentLength } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { ItemReader } from "../../query/item-reader.ts";
import type { FlatItem, ObjectReader } from "../../repository.ts";
import { HoleFinder } from "../../snapshot/holes.ts";
import { pastHole } from "../known-holes.ts";
import { type Pause, pause } from "./items.ts";

/** From this size on it is worth knowing which parts of a file differ. */
export const partwiseBytes = 1024 * 1024;
/** Neither waits for a pipe nor follows a link that took the place of the file. */
export const readFlags =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);

/** Bytes that are compared without a pause: some hundredths of a second. */
const pauseBytes = 16 * 1024 * 1024;

/** An item of a content that a file does not have where it should be. */
export interface DifferingPart extends FlatItem {
	/** Where it begins. */
	readonly position: number;
}

/** A file that is open for reading. */
export interface OpenFile {
	readonly descriptor: number;
	/** Safe up to its last name. */
	readonly path: string;
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
	readonly #finder = new HoleFinder();

	constructor(
		objects: Pick<ObjectReader, "items">,
		tools: Pick<Toolbox, "sha256">,
	) {
		this.#objects = objects;
		this.#reader = new ItemReader(tools);
	}

	/** Of small files the first difference is enough. Throws errors of the system. */
	*compare(
		{ descriptor, path }: OpenFile,
		content: Content,
	): Generator<Pause, ContentDifference> {
		const { size } = fstatSync(descriptor);
		const length = contentLength(content);
		const isPartwise = length >= partwiseBytes;
		if (!isPartwise && size !== length) return "differs";
		const parts = yield* this.#differing(
			{ descriptor, path },
			content,
			isPartwise,
		);
		if (parts === "differs") return parts;
		return parts.length === 0 && size === length ? "same" : parts;
	}

	*#differing(
		file: OpenFile,
		content: Content,
		isPartwise: boolean,
	): Generator<Pause, "differs" | readonly DifferingPart[]> {
		const parts: DifferingPart[] = [];
		let position = 0;
		let paused = 0;
		for (const item of this.#objects.items(content)) {
			const { id, length } = item;
			if (position - paused >= pauseBytes) {
				paused = position;
				yield pause;
			}
			const isSame = yield* this.#holds(file, position, item);
			if (!isSame && !isPartwise) return "differs";
			if (!isSame) parts.push({ id: id?.slice(), length, position });
			position += length;
		}
		return parts;
	}

	/** A run of zeros may be as long as the file: what the file system says is a hole need not be read, but at its ends. */
	*#holds(
		{ descriptor, path }: OpenFile,
		position: number,
		item: FlatItem,
	): Generator<Pause, boolean> {
		if (item.id !== undefined || item.length <= pauseBytes)
			return this.#reader.holds(descriptor, position, item);
		const identity = fstatSync(descriptor, { bigint: true });
		const holes = this.#finder.of(path, identity);
		const end = position + item.length;
		for (let at = position; at < end; ) {
			const past = Math.min(pastHole(holes, at), end);
			const length = Math.min(pauseBytes, end - at);
			if (past > at) at = past;
			else if (this.#reader.holds(descriptor, at, { ...item, length }))
				at += length;
			else return false;
			yield pause;
		}
		return true;
	}
}

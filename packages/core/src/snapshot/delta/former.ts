import {
	type Bytes,
	type Content,
	ItemKind,
	idBytes,
	spanBytes,
} from "@varve/format";
import { attemptRead } from "../../damage.ts";
import type { ObjectReader } from "../../repository.ts";
import { type Batch, startOf } from "../batches.ts";

/** The chunks that files had in the parent snapshot, file after file, in columns. Crosses threads. */
export interface FormerColumns {
	/** Of each file, the row of its first chunk; behind the last file, the number of rows. */
	readonly first: Uint32Array<ArrayBuffer>;
	/** 32 bytes each. */
	readonly ids: Uint8Array<ArrayBuffer>;
	/** Where each chunk began in its file. */
	readonly starts: Float64Array<ArrayBuffer>;
	readonly lengths: Uint32Array<ArrayBuffer>;
}

/** A part of a file, in bytes. */
export interface FileRange {
	readonly from: number;
	readonly to: number;
}

/** Content before and behind a part of a large file may have moved into it. */
const reach = spanBytes;

/** What the files of a batch held in the parent snapshot; undefined if none of them was in it. */
export function formerOf(
	batch: Batch,
	objects: Pick<ObjectReader, "items">,
): FormerColumns | undefined {
	const files = batch.type === "files" ? batch.files : [batch.file];
	if (files.every(({ former }) => former === undefined)) return undefined;
	const rows = new FormerRows(objects);
	const start = startOf(batch);
	for (const { former } of files)
		rows.add(former, { from: start - reach, to: start + spanBytes + reach });
	return rows.finish();
}

/** Gathers the former chunks of one file after the other. */
class FormerRows {
	readonly #objects: Pick<ObjectReader, "items">;
	readonly #first: number[] = [];
	readonly #ids: Bytes[] = [];
	readonly #starts: number[] = [];
	readonly #lengths: number[] = [];

	constructor(objects: Pick<ObjectReader, "items">) {
		this.#objects = objects;
	}

	/** The next file: chunks that begin or end within `range` of what it held. */
	add(content: Content | undefined, range: FileRange): void {
		this.#first.push(this.#ids.length);
		if (content === undefined) return;
		// Without a base a file is stored as it is; that its former content is damaged is for others to say.
		attemptRead(() => this.#addItems(content, 0, range));
	}

	/** undefined if none of the files had any. */
	finish(): FormerColumns | undefined {
		const rows = this.#ids.length;
		if (rows === 0) return undefined;
		const ids = new Uint8Array(rows * idBytes);
		this.#ids.forEach((id, i) => {
			ids.set(id, i * idBytes);
		});
		return {
			first: Uint32Array.from([...this.#first, rows]),
			ids,
			starts: Float64Array.from(this.#starts),
			lengths: Uint32Array.from(this.#lengths),
		};
	}

	/** Lists are read only where they lie within the range. */
	#addItems(content: Content, start: number, range: FileRange): void {
		let at = start;
		let idAt = 0;
		content.kinds.forEach((kind, i) => {
			const length = content.lengths[i] as number;
			const begin = at;
			at += length;
			if (kind === ItemKind.zeros) return;
			const id = content.ids.subarray(idAt, idAt + idBytes);
			idAt += idBytes;
			if (begin >= range.to || at <= range.from) return;
			if (kind === ItemKind.chunk) this.#addChunk(id, begin, length);
			else this.#addList({ kinds: [kind], lengths: [length], ids: id }, begin);
		});
	}

	#addList(list: Content, start: number): void {
		let at = start;
		for (const { id, length } of this.#objects.items(list)) {
			if (id !== undefined) this.#addChunk(id, at, length);
			at += length;
		}
	}

	#addChunk(id: Bytes, start: number, length: number): void {
		this.#ids.push(id.slice());
		this.#starts.push(start);
		this.#lengths.push(length);
	}
}

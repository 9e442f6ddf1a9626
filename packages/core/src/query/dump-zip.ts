import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import {
	type Bytes,
	contentLength,
	type Node,
	NodeKind,
	printableName,
	type SnapshotRecord,
} from "@varve/format";
import yazl, { type ZipFile } from "yazl";
import type { ObjectReader, Repository } from "../repository.ts";
import type { DumpEntry } from "./dump.ts";
import { typeOf } from "./entry.ts";

type Parts = Pick<Repository, "objects" | "observer">;

/** A zip archive. Hard links become files of their own; times are in whole seconds. In memory: about 500 bytes for each entry. */
export async function* writeZip(
	{ objects, observer }: Parts,
	_record: SnapshotRecord,
	entries: Iterable<DumpEntry>,
): AsyncGenerator<Bytes> {
	const zip = new yazl.ZipFile();
	const { outputStream } = zip;
	zip.on("error", (error) => outputStream.destroy(error));
	const warn = (message: string) => observer.on({ type: "warning", message });
	const writer = new ZipWriter(zip, objects, warn);
	const writing = writer
		.write(entries)
		.catch((error) => outputStream.destroy(error));
	try {
		yield* outputStream;
	} finally {
		outputStream.destroy();
		await writing;
	}
}

/** Files up to this size are compressed in one piece; so many of them, and bytes, at a time. */
const maxPiece = 1024 * 1024;
const maxPending = 512;
const maxPendingBytes = 8 * 1024 * 1024;
const written = 3;

class ZipWriter {
	readonly #zip: ZipFile;
	readonly #objects: ObjectReader;
	readonly #warn: (message: string) => void;
	/** Entries that are written: only the directory at the end needs them again. */
	readonly #done: ZipFile["entries"] = [];
	#pendingBytes = 0;

	constructor(
		zip: ZipFile,
		objects: ObjectReader,
		warn: (message: string) => void,
	) {
		this.#zip = zip;
		this.#objects = objects;
		this.#warn = warn;
	}

	async write(entries: Iterable<DumpEntry>): Promise<void> {
		for (const entry of entries) {
			this.#add(entry);
			const isFull =
				this.#zip.entries.length >= maxPending ||
				this.#pendingBytes >= maxPendingBytes;
			if (isFull) await this.#settle();
			if (this.#zip.outputStream.destroyed) return;
		}
		await this.#settle();
		for (const entry of this.#done) this.#zip.entries.push(entry);
		this.#zip.end();
	}

	#add(entry: DumpEntry): void {
		const { node } = entry;
		if (node.kind === NodeKind.directory) {
			if (entry.name === ".") return;
			this.#zip.addEmptyDirectory(this.#nameOf(entry), optionsOf(node));
		} else if (node.kind === NodeKind.symlink)
			this.#addPiece(entry, node.target ?? new Uint8Array(0));
		else if (node.kind === NodeKind.file) this.#addFile(entry);
		else
			this.#warn(
				`a zip archive has no entry of type ${typeOf(node)}: ${printableName(entry.name)} is left out`,
			);
	}

	#addFile(entry: DumpEntry): void {
		const { content } = entry.node;
		const size = contentLength(content);
		if (size <= maxPiece) {
			this.#addPiece(entry, concat(this.#objects.bytes(content), size));
			return;
		}
		const options = { ...optionsOf(entry.node), size };
		this.#pendingBytes += maxPendingBytes;
		const { outputStream } = this.#zip;
		this.#zip.addReadStreamLazy(this.#nameOf(entry), options, (give) => {
			const source = Readable.from(copies(this.#objects.bytes(content)));
			source.on("error", (error) => outputStream.destroy(error));
			give(null, source);
		});
	}

	#addPiece(entry: DumpEntry, bytes: Bytes): void {
		this.#pendingBytes += bytes.length;
		const buffer = Buffer.from(bytes);
		this.#zip.addBuffer(buffer, this.#nameOf(entry), optionsOf(entry.node));
	}

	/** Waits until all that was added is written. The library would look through all entries again for each that is added. */
	async #settle(): Promise<void> {
		const { entries, outputStream } = this.#zip;
		while (entries.some(({ state }) => state < written)) {
			if (outputStream.destroyed) return;
			await pause(1);
		}
		while (outputStream.writableNeedDrain && !outputStream.destroyed)
			await pause(1);
		this.#done.push(...entries.splice(0));
		this.#pendingBytes = 0;
	}

	/** A name as zip can have it: UTF-8, "\" means "/", and one letter and a colon in front are a drive. */
	#nameOf({ name }: DumpEntry): string {
		const fitting = printableName(name)
			.replace(/\\/g, "_")
			.replace(/^([a-z]):/i, "$1_");
		if (fitting !== name)
			this.#warn(
				`a zip archive cannot have the name ${printableName(name)}: it is ${fitting} there`,
			);
		return fitting;
	}
}

const typeBits: Partial<Record<NodeKind, number>> = {
	[NodeKind.file]: 0o100000,
	[NodeKind.directory]: 0o040000,
	[NodeKind.symlink]: 0o120000,
};

/** Times that zip can have: from 1980 on, for as long as 32 bits last. */
const firstTime = Date.UTC(1980, 0, 2) / 1000;
const lastTime = 2 ** 31 - 1;

function optionsOf({ kind, mode, mtime }: Node) {
	const seconds = Math.min(Math.max(mtime, firstTime), lastTime);
	return {
		mode: (typeBits[kind] ?? 0) | mode,
		mtime: new Date(seconds * 1000),
	};
}

function concat(slices: Iterable<Bytes>, size: number): Bytes {
	const bytes = new Uint8Array(size);
	let at = 0;
	for (const slice of slices) {
		bytes.set(slice, at);
		at += slice.length;
	}
	return bytes;
}

function* copies(slices: Iterable<Bytes>): Generator<Bytes> {
	for (const slice of slices) yield slice.slice();
}

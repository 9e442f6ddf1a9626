import {
	type Bytes,
	FrameKind,
	idAt,
	idBytes,
	type PackFrame,
	type PackKind,
} from "@varve/format";
import type {
	ColdCompression,
	FrameEncoder,
	Kernel,
	PackFile,
	PackWriter,
	WrittenPack,
} from "@varve/kernel";
import { Gathered } from "./gathered.ts";

/** Moved chunks that are remembered: copies lie close together, if there are any. */
const maxRemembered = 100_000;

/** What a pack tells of a frame, but for where it lies. */
export type FrameContents = Pick<
	PackFrame,
	"ids" | "lengths" | "bases" | "rawLength"
>;

export interface FrameMoverOptions {
	readonly kernel: Kernel;
	/** Bytes of chunks in a frame that is made anew. */
	readonly frameBytes: number;
	/** How it is compressed: as a snapshot does. */
	readonly compression?: ColdCompression;
	readonly create: () => PackFile;
}

/** Puts frames and chunks of old packs into new ones, in one thread. What is given to it must be proved. */
export class FrameMover {
	readonly #options: FrameMoverOptions;
	readonly #encoder: FrameEncoder;
	readonly #writers = new Map<PackKind, PackWriter>();
	readonly #gathered = new Map<PackKind, Gathered>();
	/** Chunks that were moved: of one that lies in two of the packs, one copy is enough. */
	readonly #done = new Set<string>();
	#full: WrittenPack[] = [];

	constructor(options: FrameMoverOptions) {
		this.#options = options;
		this.#encoder = options.kernel.encoder(options.compression ?? "auto");
	}

	/** A frame as it is stored, header and body; copied. */
	addFrame(
		kind: PackKind,
		stored: Bytes,
		{ ids, lengths, bases, rawLength }: FrameContents,
	): void {
		const contents = { ids, lengths, bases, rawLength };
		const full = this.#writerOf(kind).add(stored, contents);
		if (full !== undefined) this.#full.push(full);
	}

	/** One chunk of a frame; both are copied. */
	addChunk(kind: PackKind, id: Bytes, bytes: Bytes): void {
		const key = idAt(id);
		if (this.#done.has(key)) return;
		if (this.#done.size >= maxRemembered) this.#done.clear();
		this.#done.add(key);
		const gathered = this.#gatheredOf(kind);
		gathered.add(id, bytes);
		if (gathered.bytes >= this.#options.frameBytes) this.#closeFrame(kind);
	}

	/** True if a chunk has been moved already, by itself: then another copy of it is not needed. */
	isDone(id: Bytes): boolean {
		return this.#done.has(idAt(id));
	}

	/** Packs that have been closed since it was last asked: written, and not durable yet. */
	take(): readonly WrittenPack[] {
		const full = this.#full;
		this.#full = [];
		return full;
	}

	/** Closes what is open. */
	finish(): void {
		for (const kind of [FrameKind.content, FrameKind.meta] as const) {
			this.#closeFrame(kind);
			const last = this.#writers.get(kind)?.finish();
			if (last !== undefined) this.#full.push(last);
		}
	}

	/** Throws away what is not finished. */
	discard(): void {
		for (const writer of this.#writers.values()) writer.discard();
	}

	#gatheredOf(kind: PackKind): Gathered {
		let gathered = this.#gathered.get(kind);
		if (gathered === undefined) {
			gathered = new Gathered();
			this.#gathered.set(kind, gathered);
		}
		return gathered;
	}

	#closeFrame(kind: PackKind): void {
		const gathered = this.#gathered.get(kind);
		if (gathered === undefined || gathered.lengths.length === 0) return;
		const raw = gathered.raw.subarray(0, gathered.bytes);
		const lengths = Uint32Array.from(gathered.lengths);
		const ids = gathered.ids.slice(0, lengths.length * idBytes);
		const count = lengths.length;
		const frame = this.#encoder.encode({ kind, raw, lengths, count });
		const bases = new Uint8Array(0);
		this.addFrame(kind, frame, { ids, lengths, bases, rawLength: raw.length });
		gathered.clear();
	}

	#writerOf(kind: PackKind): PackWriter {
		let writer = this.#writers.get(kind);
		if (writer === undefined) {
			const { kernel, create } = this.#options;
			writer = kernel.packWriter(kind, create);
			this.#writers.set(kind, writer);
		}
		return writer;
	}
}

import {
	type Bytes,
	FrameKind,
	idAt,
	idBytes,
	type PackFrame,
	type PackKind,
} from "@varve/format";
import type {
	FrameBases,
	FrameEncoder,
	Kernel,
	PackFile,
	PackWriter,
	WrittenPack,
} from "@varve/kernel";
import { Heirs } from "./heirs.ts";

/** Moved chunks that are remembered: copies lie close together, if there are any. */
const maxRemembered = 100_000;

/** Chunks of frames that are taken apart, waiting for a frame of their own; the memory is used again for the next one. */
class Gathered {
	raw = new Uint8Array(0);
	ids = new Uint8Array(0);
	readonly lengths: number[] = [];
	bytes = 0;

	add(id: Bytes, bytes: Bytes): void {
		const at = this.lengths.length * idBytes;
		this.raw = roomIn(this.raw, this.bytes + bytes.length);
		this.ids = roomIn(this.ids, at + idBytes);
		this.raw.set(bytes, this.bytes);
		this.ids.set(id, at);
		this.lengths.push(bytes.length);
		this.bytes += bytes.length;
	}

	clear(): void {
		this.lengths.length = 0;
		this.bytes = 0;
	}
}

/** Memory for so many bytes, with what was in it. */
function roomIn(memory: Uint8Array<ArrayBuffer>, bytes: number) {
	if (bytes <= memory.length) return memory;
	const larger = new Uint8Array(Math.max(bytes, memory.length * 2, 64 * 1024));
	larger.set(memory);
	return larger;
}

/** A chunk of a frame that is freed of its bases, and those it was made with. Its bytes are a view. */
export interface FreedChunk {
	readonly id: Bytes;
	readonly bytes: Bytes;
	/** Ids in hex. */
	readonly bases: readonly string[];
}

/** What a pack tells of a frame, but for where it lies. */
export type FrameContents = Pick<
	PackFrame,
	"ids" | "lengths" | "bases" | "rawLength"
>;

export interface FrameMoverOptions {
	readonly kernel: Kernel;
	/** Bytes of chunks in a frame that is made anew. */
	readonly frameBytes: number;
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
	readonly #heirs = new Heirs();
	readonly #freed = new Gathered();
	#full: WrittenPack[] = [];

	constructor(options: FrameMoverOptions) {
		this.#options = options;
		this.#encoder = options.kernel.encoder("auto");
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

	/**
	 * What is live in a frame that is freed of its bases. Where another version of the same content has been moved so before, that one is the base
	 * from now on; else this is stored without, and is a base for those that follow.
	 */
	addFreed(kind: PackKind, freed: readonly FreedChunk[]): void {
		const chunks = freed.filter(({ id }) => !this.#done.has(idAt(id)));
		if (chunks.length === 0) return;
		const bases = this.#heirs.of(chunks.flatMap(({ bases }) => bases));
		if (bases.ids.length > 0 && this.#addBeside(kind, chunks, bases)) return;
		for (const { id, bytes, bases } of chunks) {
			this.addChunk(kind, id, bytes);
			this.#heirs.add(bases, { id: id.slice(), bytes: bytes.slice() });
		}
	}

	/** False if that gains too little. */
	#addBeside(
		kind: PackKind,
		chunks: readonly FreedChunk[],
		bases: FrameBases,
	): boolean {
		const gathered = this.#freed;
		gathered.clear();
		for (const { id, bytes } of chunks) gathered.add(id, bytes);
		const raw = gathered.raw.subarray(0, gathered.bytes);
		const lengths = Uint32Array.from(gathered.lengths);
		const count = lengths.length;
		const content = { kind, raw, lengths, count };
		const { frame, based } = this.#encoder.encodeBeside(content, bases);
		if (!based) return false;
		const ids = gathered.ids.slice(0, count * idBytes);
		const rawLength = raw.length;
		this.addFrame(kind, frame, { ids, lengths, bases: bases.ids, rawLength });
		return true;
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

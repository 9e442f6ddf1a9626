import { type Bytes, idBytes, type PackKind } from "@varve/format";
import type {
	FrameBases,
	FrameBeside,
	FrameEncoder,
	Kernel,
} from "@varve/kernel";
import { chooseBases } from "./choose-bases.ts";
import type { FrameMover } from "./frame-mover.ts";
import { Gathered } from "./gathered.ts";
import { type BaseChunk, dictionaryOf, Heirs } from "./heirs.ts";

/** A chunk of a frame with bases, and those it was made with. Its bytes are a view. */
export interface BasedChunk extends BaseChunk {
	/** Ids in hex. */
	readonly bases: readonly string[];
}

/** By id in hex: bases that stay. */
export type KeptBases = ReadonlyMap<string, BaseChunk>;

/**
 * Makes frames anew that lose some of their bases. For one that goes stands a version of the same content that has been moved before and is
 * stored without bases; where there is none, a chunk is stored so, for those that follow.
 */
export class FrameRemaker {
	readonly #mover: FrameMover;
	readonly #encoder: FrameEncoder;
	readonly #heirs = new Heirs();
	readonly #gathered = new Gathered();

	constructor(kernel: Kernel, mover: FrameMover) {
		this.#mover = mover;
		this.#encoder = kernel.encoder("auto");
	}

	/** What is live in one frame. */
	add(kind: PackKind, all: readonly BasedChunk[], kept: KeptBases): void {
		const beside: BaseChunk[] = [];
		const bases: BaseChunk[] = [];
		const chunks = all.filter(({ id }) => !this.#mover.isDone(id));
		for (const chunk of chunks) {
			const like = this.#likesOf(kind, chunk, kept);
			if (like.length === 0) this.#addPlain(kind, chunk, kept);
			else {
				beside.push(chunk);
				bases.push(...like);
			}
		}
		if (beside.length === 0) return;
		if (this.#addBeside(kind, beside, dictionaryOf(bases))) return;
		for (const chunk of chunks)
			if (beside.includes(chunk)) this.#addPlain(kind, chunk, kept);
	}

	/** What there is instead of the chunk's bases, if a difference from that is worth it. Where all have their like, the whole frame will tell. */
	#likesOf(
		kind: PackKind,
		chunk: BasedChunk,
		kept: KeptBases,
	): readonly BaseChunk[] {
		const found = chunk.bases
			.map((base) => kept.get(base) ?? this.#heirs.of(base))
			.filter((base) => base !== undefined);
		const chosen = chooseBases(
			[...new Set(found)],
			chunk.bytes.length,
			(base) => this.#encode(kind, [chunk], dictionaryOf([base])).frame.length,
		);
		if (found.length === chunk.bases.length || chosen.length === 0)
			return chosen;
		const { based } = this.#encode(kind, [chunk], dictionaryOf(chosen));
		return based ? chosen : [];
	}

	#addPlain(
		kind: PackKind,
		{ id, bytes, bases }: BasedChunk,
		kept: KeptBases,
	): void {
		this.#mover.addChunk(kind, id, bytes);
		const gone = bases.filter((base) => !kept.has(base));
		if (gone.length > 0)
			this.#heirs.add(gone, { id: id.slice(), bytes: bytes.slice() });
	}

	/** False if that gains too little. */
	#addBeside(
		kind: PackKind,
		chunks: readonly BaseChunk[],
		bases: FrameBases,
	): boolean {
		const { frame, based } = this.#encode(kind, chunks, bases);
		if (!based) return false;
		const { ids, lengths, bytes } = this.#gathered;
		this.#mover.addFrame(kind, frame, {
			ids: ids.slice(0, lengths.length * idBytes),
			lengths: Uint32Array.from(lengths),
			bases: bases.ids,
			rawLength: bytes,
		});
		return true;
	}

	#encode(
		kind: PackKind,
		chunks: readonly BaseChunk[],
		bases: FrameBases,
	): FrameBeside {
		const gathered = this.#gathered;
		gathered.clear();
		for (const { id, bytes } of chunks) gathered.add(id, bytes);
		const raw: Bytes = gathered.raw.subarray(0, gathered.bytes);
		const lengths = Uint32Array.from(gathered.lengths);
		const content = { kind, raw, lengths, count: lengths.length };
		return this.#encoder.encodeBeside(content, bases);
	}
}

import {
	type Bytes,
	FrameKind,
	idAt,
	type PackFrame,
	type PackKind,
	type SegmentPack,
} from "@varve/format";
import type { FrameEncoder, PackWriter, WrittenPack } from "@varve/kernel";
import type { Stage } from "@varve/store";
import type { Repository } from "./repository.ts";

/** Moved chunks that are remembered: copies lie close together, if there are any. */
const maxRemembered = 100_000;

/** Chunks of frames that are taken apart, waiting for a frame of their own. */
interface Gathered {
	readonly parts: Bytes[];
	readonly ids: Bytes[];
	readonly lengths: number[];
	bytes: number;
}

/** What a pack tells of a frame, but for where it lies. */
type FrameContents = Pick<PackFrame, "ids" | "lengths" | "bases" | "rawLength">;

/** Puts frames and chunks of old packs into new ones. What is given to it must be proved. */
export class MovedFrames {
	/** The new packs, durable. */
	readonly written: SegmentPack[] = [];
	/** Bytes of these. */
	bytes = 0;
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #encoder: FrameEncoder;
	readonly #writers = new Map<PackKind, PackWriter>();
	readonly #gathered = new Map<PackKind, Gathered>();
	/** Chunks that were moved: of one that lies in two of the packs, one copy is enough. */
	readonly #done = new Set<string>();

	constructor(repository: Repository, stage: Stage) {
		this.#repository = repository;
		this.#stage = stage;
		this.#encoder = repository.kernel.encoder("auto");
	}

	/** A frame as it is stored, header and body. */
	async addFrame(
		kind: PackKind,
		stored: Bytes,
		{ ids, lengths, bases, rawLength }: FrameContents,
	): Promise<void> {
		const contents = { ids, lengths, bases, rawLength };
		const full = this.#writerOf(kind).add(stored, contents);
		if (full !== undefined) await this.#put(full);
	}

	/** One chunk of a frame; both are copied. */
	async addChunk(kind: PackKind, id: Bytes, bytes: Bytes): Promise<void> {
		const key = idAt(id);
		if (this.#done.has(key)) return;
		if (this.#done.size >= maxRemembered) this.#done.clear();
		this.#done.add(key);
		const gathered = this.#gatheredOf(kind);
		gathered.parts.push(bytes.slice());
		gathered.ids.push(id.slice());
		gathered.lengths.push(bytes.length);
		gathered.bytes += bytes.length;
		if (gathered.bytes >= this.#repository.config.frameBytes)
			await this.#closeFrame(kind);
	}

	/** All that was added is durable when this resolves. */
	async finish(): Promise<void> {
		for (const kind of [FrameKind.content, FrameKind.meta] as const) {
			await this.#closeFrame(kind);
			const last = this.#writers.get(kind)?.finish();
			if (last !== undefined) await this.#put(last);
		}
	}

	/** Throws away what is not finished. */
	discard(): void {
		for (const writer of this.#writers.values()) writer.discard();
	}

	#gatheredOf(kind: PackKind): Gathered {
		let gathered = this.#gathered.get(kind);
		if (gathered === undefined) {
			gathered = { parts: [], ids: [], lengths: [], bytes: 0 };
			this.#gathered.set(kind, gathered);
		}
		return gathered;
	}

	async #closeFrame(kind: PackKind): Promise<void> {
		const gathered = this.#gathered.get(kind);
		this.#gathered.delete(kind);
		if (gathered === undefined) return;
		const raw = joined(gathered.parts);
		const lengths = Uint32Array.from(gathered.lengths);
		const frame = this.#encoder.encode({
			kind,
			raw,
			lengths,
			count: lengths.length,
		});
		await this.addFrame(kind, frame, {
			ids: joined(gathered.ids),
			lengths,
			bases: new Uint8Array(0),
			rawLength: raw.length,
		});
	}

	#writerOf(kind: PackKind): PackWriter {
		let writer = this.#writers.get(kind);
		if (writer === undefined) {
			const { kernel } = this.#repository;
			writer = kernel.packWriter(kind, () => this.#stage.spool.create());
			this.#writers.set(kind, writer);
		}
		return writer;
	}

	async #put({ id, size, kind, frames, spool }: WrittenPack): Promise<void> {
		await this.#stage.put("packs", id, spool);
		this.written.push({ id, size, kind, frames });
		this.bytes += size;
	}
}

function joined(parts: readonly Bytes[]): Uint8Array {
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	const bytes = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes;
}

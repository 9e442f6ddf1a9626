import type { Bytes, PackKind, SegmentPack } from "@varve/format";
import type { Stage } from "@varve/store";
import { type FrameContents, FrameMover } from "./frame-mover.ts";
import type { Repository } from "./repository.ts";

/** Puts frames and chunks of old packs into new ones, in this thread, and makes these durable. What is given to it must be proved. */
export class MovedFrames {
	/** The new packs, durable. */
	readonly written: SegmentPack[] = [];
	/** Bytes of these. */
	bytes = 0;
	readonly #stage: Stage;
	readonly #mover: FrameMover;

	constructor({ kernel, config }: Repository, stage: Stage) {
		this.#stage = stage;
		const { frameBytes } = config;
		const create = () => stage.spool.create();
		this.#mover = new FrameMover({ kernel, frameBytes, create });
	}

	/** A frame as it is stored, header and body. */
	async addFrame(
		kind: PackKind,
		stored: Bytes,
		contents: FrameContents,
	): Promise<void> {
		this.#mover.addFrame(kind, stored, contents);
		await this.#putAll();
	}

	/** One chunk of a frame; both are copied. */
	async addChunk(kind: PackKind, id: Bytes, bytes: Bytes): Promise<void> {
		this.#mover.addChunk(kind, id, bytes);
		await this.#putAll();
	}

	/** All that was added is durable when this resolves. */
	async finish(): Promise<void> {
		this.#mover.finish();
		await this.#putAll();
	}

	/** Throws away what is not finished. */
	discard(): void {
		this.#mover.discard();
	}

	async #putAll(): Promise<void> {
		for (const { id, size, kind, frames, spool } of this.#mover.take()) {
			await this.#stage.put("packs", id, spool);
			this.written.push({ id, size, kind, frames });
			this.bytes += size;
		}
	}
}

import {
	type Bytes,
	type Config,
	FrameKind,
	idBytes,
	maxBaseRaw,
	type PackFrame,
} from "@varve/format";
import type { FrameEncoder } from "@varve/kernel";
import { chooseBases } from "../../choose-bases.ts";
import { dictionaryOf } from "../../heirs.ts";
import type { Harvest } from "../harvest.ts";
import type { Base, BaseFinder } from "./base-finder.ts";
import { DeltaFrame } from "./delta-frame.ts";
import type { FormerFile } from "./former-file.ts";

export interface DeltaParts {
	readonly finder: BaseFinder;
	readonly encoder: FrameEncoder;
	readonly harvest: Harvest;
	/** Called with each frame's chunks once it is made. */
	readonly prove: (
		raw: Bytes,
		chunks: Pick<PackFrame, "ids" | "lengths">,
	) => void;
	readonly config: Pick<Config, "frameBytes" | "chunker">;
}

/** A frame with bases is smaller than others: content finds what it resembles among few bytes, and whoever wants one file reads little. */
const frameShare = 1 / 16;
/** Files of up to so many chunks of average length are compared as a whole. */
const wholeChunks = 2;
/** After frames that gained nothing so much content goes by untried, twice as much after each. */
const maxPause = 4 * 1024 * 1024;

/**
 * Gathers chunks of changed files, with chunks of their former versions as bases, into small frames.
 *
 * A frame holds chunks of one file, with whatever bases they have; or of several files, each chunk with exactly one base, which no other
 * chunk has: so that it can be told later which base a chunk was made with.
 */
export class DeltaFrames {
	readonly #parts: DeltaParts;
	/** Content bytes at which a frame is closed, and that it never passes. */
	readonly #full: number;
	readonly #wholeBytes: number;
	readonly #frame: DeltaFrame;
	#former: FormerFile | undefined;
	/** The only file with chunks in the frame; undefined for none or several. */
	#only: FormerFile | undefined;
	/** Each chunk has had one base of its own so far. */
	#paired = true;
	/** Bytes of changed files that are still to pass by untried, and how many these will be next time. */
	#pause = 0;
	#nextPause = 0;
	/** The chunk met last did not pass by untried. */
	#tried = true;

	constructor(parts: DeltaParts) {
		const { frameBytes, chunker } = parts.config;
		this.#parts = parts;
		this.#full = frameBytes * frameShare;
		this.#wholeBytes = chunker.average * wholeChunks;
		this.#frame = new DeltaFrame(
			Math.max(4 * this.#full, chunker.max),
			Math.min(maxBaseRaw, Math.max(frameBytes, chunker.max)),
		);
	}

	/** Begins a file, or a span of one; undefined for one that was not there before. */
	begin(former: FormerFile | undefined): void {
		this.#former = former;
		former?.restart();
	}

	/** Each chunk of the file passes by here, stored before or not. */
	meet(id: Bytes, at: number, length: number): void {
		if (this.#former === undefined) return;
		this.#former.meet(id, at);
		this.#tried = this.#pause <= 0;
		this.#pause -= length;
	}

	/** Takes a new chunk, at `at` in its file; false if it has no base, and is to be stored without. */
	offer(id: Bytes, bytes: Bytes, at: number): boolean {
		const former = this.#former;
		if (former === undefined || !this.#tried) return false;
		const bases = this.#basesFor(former, at, bytes.length);
		if (bases.length === 0) return false;
		if (!this.#fits(former, bytes.length, bases)) this.flush();
		const missing = bases.filter((base) => !this.#frame.has(base));
		const read = missing.filter((base) => this.#addBase(base));
		if (read.length === 0 && missing.length === bases.length) return false;
		this.#paired &&= bases.length === 1 && read.length === 1;
		this.#only =
			this.#frame.chunks === 0 || this.#only === former ? former : undefined;
		this.#frame.add(id, bytes);
		if (this.#frame.bytes >= this.#full) this.flush();
		return true;
	}

	#basesFor(former: FormerFile, at: number, length: number): Base[] {
		const { from, to } = former.near(at, length, this.#wholeBytes);
		const found = new Map<string, Base>();
		let bytes = 0;
		for (let row = from; row < to; row++)
			for (const base of this.#parts.finder.basesOf(
				former.ids,
				row * idBytes,
			)) {
				if (found.has(base.key)) continue;
				bytes += base.place.length;
				if (bytes > this.#frame.baseRoom) return [...found.values()];
				found.set(base.key, base);
			}
		return [...found.values()];
	}

	#fits(former: FormerFile, length: number, bases: readonly Base[]): boolean {
		if (this.#frame.chunks === 0) return true;
		if (!this.#frame.hasRoom(length, bases)) return false;
		const missing = bases.filter((base) => !this.#frame.has(base));
		return (
			this.#only === former ||
			(this.#paired && bases.length === 1 && missing.length === 1)
		);
	}

	/** False if it cannot be read. */
	#addBase(base: Base): boolean {
		const bytes = this.#parts.finder.read(base);
		if (bytes === undefined) return false;
		this.#frame.addBase(base, bytes);
		return true;
	}

	/** Stores what has been gathered. */
	flush(): void {
		if (this.#frame.chunks > 0) this.#close();
		this.#frame.clear();
		this.#only = undefined;
		this.#paired = true;
	}

	#close(): void {
		const { encoder, harvest, prove } = this.#parts;
		const content = this.#frame.content(FrameKind.content);
		const bases = chooseBases(
			this.#frame.bases(),
			content.raw.length,
			(base) =>
				encoder.encodeBeside(content, dictionaryOf([base])).frame.length,
		);
		const isAll = bases.length === this.#frame.baseCount;
		const beside = isAll ? this.#frame.beside() : dictionaryOf(bases);
		const { frame, based } = encoder.encodeBeside(content, beside);
		const contents = this.#frame.contents();
		prove(content.raw, contents);
		if (based) for (const { place } of bases) harvest.refer(place);
		harvest.add(frame, { ...contents, bases: based ? beside.ids : noBytes });
		this.#learn(based);
	}

	/** Where nothing resembles its former version, looking for that is not repeated for every frame. */
	#learn(gained: boolean): void {
		this.#nextPause = gained
			? 0
			: Math.min(maxPause, Math.max(this.#full, this.#nextPause * 2));
		this.#pause = this.#nextPause;
	}
}

const noBytes = new Uint8Array(0);

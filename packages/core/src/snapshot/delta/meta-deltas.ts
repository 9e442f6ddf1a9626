import {
	type Bytes,
	FrameKind,
	maxBaseRaw,
	type PackFrame,
} from "@varve/format";
import type { FrameEncoder } from "@varve/kernel";
import type { Base, BaseFinder } from "./base-finder.ts";
import { DeltaFrame } from "./delta-frame.ts";

export interface MetaDeltaParts {
	readonly finder: BaseFinder;
	readonly encoder: FrameEncoder;
	/** Called with each base that a frame was made with. */
	readonly refer: (base: Base["place"]) => void;
	/** Called with each frame. */
	readonly add: (frame: Bytes, contents: FrameContents) => void;
	/** Of a frame without bases. */
	readonly frameBytes: number;
}

type FrameContents = Pick<PackFrame, "ids" | "lengths" | "bases" | "rawLength">;

/** For shorter objects the id of a base, which is stored three times, and with second copies five times, is no gain. */
const leastBytes = 256;
/** Bases that are longer than so many times what is made with them are not worth their reading. */
const longestBase = 4;
/** Room for most objects: one that is longer is stored whole. */
const leastRoom = 1024 * 1024;
/** Less than a frame without bases: whoever wants one object reads its bases as well. */
const frameShare = 1 / 4;

/** Gathers trees, lists and pieces of tables, each with its former version as its only base, into frames with bases. */
export class MetaDeltas {
	readonly #parts: MetaDeltaParts;
	/** Bytes at which a frame is closed. */
	readonly #full: number;
	readonly #frame: DeltaFrame;

	constructor(parts: MetaDeltaParts) {
		const { frameBytes } = parts;
		this.#parts = parts;
		this.#full = frameBytes * frameShare;
		const room = Math.max(frameBytes, leastRoom);
		this.#frame = new DeltaFrame(room, Math.min(room, maxBaseRaw));
	}

	/** Takes an object, whose bytes it copies; false if it is to be stored without the former one. */
	offer(id: Bytes, bytes: Bytes, former: Bytes): boolean {
		if (bytes.length < leastBytes) return false;
		const base = this.#baseOf(former, bytes.length);
		if (base === undefined) return false;
		if (this.#frame.has(base) || !this.#frame.hasRoom(bytes.length, [base]))
			this.flush();
		if (!this.#frame.hasRoom(bytes.length, [base])) return false;
		const read = this.#parts.finder.read(base);
		if (read === undefined) return false;
		this.#frame.addBase(base, read);
		this.#frame.add(id, bytes);
		if (this.#frame.bytes >= this.#full) this.flush();
		return true;
	}

	/** A frame of several objects has one base for each, so that it can be told later which. Trees have second copies, and so must their bases. */
	#baseOf(former: Bytes, length: number): Base | undefined {
		const [base, second] = this.#parts.finder.basesOf(former, 0);
		if (base === undefined || second !== undefined) return undefined;
		const { kind, length: baseLength } = base.place;
		return kind === FrameKind.meta && baseLength <= length * longestBase
			? base
			: undefined;
	}

	/** Stores what has been gathered. */
	flush(): void {
		if (this.#frame.chunks > 0) this.#close();
		this.#frame.clear();
	}

	#close(): void {
		const { encoder, refer, add } = this.#parts;
		const beside = this.#frame.beside();
		const { frame, based } = encoder.encodeBeside(
			this.#frame.content(FrameKind.meta),
			beside,
		);
		if (based) for (const { place } of this.#frame.bases()) refer(place);
		const bases = based ? beside.ids : new Uint8Array(0);
		add(frame, { ...this.#frame.contents(), bases });
	}
}

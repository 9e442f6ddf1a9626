import {
	type Bytes,
	dictionaryPrefixBytes,
	type FrameKind,
	idBytes,
	type PackFrame,
} from "@varve/format";
import type { FrameBases, FrameContent } from "@varve/kernel";
import type { BaseChunk } from "../../heirs.ts";
import type { Base } from "./base-finder.ts";

/** What is gathered for one frame with bases: chunks, and the bytes of their bases. Buffers are used again for the next frame. */
export class DeltaFrame {
	readonly #raw: Uint8Array;
	#fill = 0;
	#ids: Bytes[] = [];
	#lengths: number[] = [];
	/** Begins with zeros, which are never written over. */
	readonly #dictionary: Uint8Array;
	#dictionaryFill = dictionaryPrefixBytes;
	readonly #bases = new Map<string, Base>();

	/** With room for so many bytes of chunks, and of bases. */
	constructor(rawBytes: number, baseBytes: number) {
		this.#raw = new Uint8Array(rawBytes);
		this.#dictionary = new Uint8Array(dictionaryPrefixBytes + baseBytes);
	}

	/** Bytes of its chunks. */
	get bytes(): number {
		return this.#fill;
	}

	get chunks(): number {
		return this.#lengths.length;
	}

	get baseCount(): number {
		return this.#bases.size;
	}

	/** Bytes of bases that it can hold. */
	get baseRoom(): number {
		return this.#dictionary.length - dictionaryPrefixBytes;
	}

	has({ key }: Base): boolean {
		return this.#bases.has(key);
	}

	/** True if there is room for a chunk of this length, and for those of its bases that are not in it yet. */
	hasRoom(length: number, bases: readonly Base[]): boolean {
		const missing = bases.filter((base) => !this.has(base));
		const more = missing.reduce((sum, { place }) => sum + place.length, 0);
		return (
			this.#fill + length <= this.#raw.length &&
			this.#dictionaryFill + more <= this.#dictionary.length
		);
	}

	/** Copies the bytes, for which there must be room. */
	addBase(base: Base, bytes: Bytes): void {
		this.#dictionary.set(bytes, this.#dictionaryFill);
		this.#dictionaryFill += bytes.length;
		this.#bases.set(base.key, base);
	}

	/** The same for a chunk. */
	add(id: Bytes, bytes: Bytes): void {
		this.#raw.set(bytes, this.#fill);
		this.#fill += bytes.length;
		this.#ids.push(id);
		this.#lengths.push(bytes.length);
	}

	clear(): void {
		this.#fill = 0;
		this.#ids = [];
		this.#lengths = [];
		this.#dictionaryFill = dictionaryPrefixBytes;
		this.#bases.clear();
	}

	/** Views, valid until `clear`. */
	content(kind: FrameKind): FrameContent {
		const lengths = Uint32Array.from(this.#lengths);
		const raw = this.#raw.subarray(0, this.#fill);
		return { kind, raw, lengths, count: lengths.length };
	}

	/** What a pack tells of it, but for its bases. */
	contents(): Pick<PackFrame, "ids" | "lengths" | "rawLength"> {
		const lengths = Uint32Array.from(this.#lengths);
		return { ids: joined(this.#ids), lengths, rawLength: this.#fill };
	}

	/** In the order in which they came, with views of their bytes. */
	bases(): (Base & BaseChunk)[] {
		let at = dictionaryPrefixBytes;
		return Array.from(this.#bases.values(), (base) => {
			const bytes = this.#dictionary.subarray(at, at + base.place.length);
			at += bytes.length;
			return { ...base, bytes };
		});
	}

	/** All bases, as an encoder takes them. */
	beside(): FrameBases {
		return {
			ids: joined(Array.from(this.#bases.values(), ({ id }) => id)),
			dictionary: this.#dictionary.subarray(0, this.#dictionaryFill),
		};
	}
}

function joined(ids: readonly Bytes[]): Bytes {
	const bytes = new Uint8Array(ids.length * idBytes);
	ids.forEach((id, i) => {
		bytes.set(id, i * idBytes);
	});
	return bytes;
}

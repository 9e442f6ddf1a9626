import { type Bytes, dictionaryPrefixBytes, idBytes } from "@varve/format";
import type { FrameBases } from "@varve/kernel";

/** Bytes of chunks that are remembered. */
const heirBytes = 16 * 1024 * 1024;
/** A dictionary has as many at most: what a frame resembles is about as long as itself. */
const maxDictionary = 1024 * 1024;

/** A chunk that others are made with. */
export interface BaseChunk {
	readonly id: Bytes;
	readonly bytes: Bytes;
}

/** By former base: the chunk that was made with it and is stored without bases now. */
export class Heirs {
	readonly #byBase = new Map<string, BaseChunk>();
	#bytes = 0;

	/** The first one of a base stays. */
	add(bases: readonly string[], heir: BaseChunk): void {
		if (this.#bytes > heirBytes) {
			this.#byBase.clear();
			this.#bytes = 0;
		}
		this.#bytes += heir.bytes.length;
		for (const base of bases)
			if (!this.#byBase.has(base)) this.#byBase.set(base, heir);
	}

	of(base: string): BaseChunk | undefined {
		return this.#byBase.get(base);
	}
}

/** These chunks, each once, as far as a dictionary has room. */
export function dictionaryOf(chunks: Iterable<BaseChunk>): FrameBases {
	const chosen: BaseChunk[] = [];
	let bytes = 0;
	for (const chunk of new Set(chunks)) {
		if (bytes + chunk.bytes.length > maxDictionary) break;
		bytes += chunk.bytes.length;
		chosen.push(chunk);
	}
	const ids = new Uint8Array(chosen.length * idBytes);
	const dictionary = new Uint8Array(dictionaryPrefixBytes + bytes);
	let at = dictionaryPrefixBytes;
	chosen.forEach((chunk, i) => {
		ids.set(chunk.id, i * idBytes);
		dictionary.set(chunk.bytes, at);
		at += chunk.bytes.length;
	});
	return { ids, dictionary };
}

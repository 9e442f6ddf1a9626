import { type Bytes, dictionaryPrefixBytes, idBytes } from "@varve/format";
import type { FrameBases } from "@varve/kernel";

/** Bytes of chunks that are remembered. */
const heirBytes = 16 * 1024 * 1024;
/** A dictionary has as many at most: what a frame resembles is about as long as itself. */
const maxDictionary = 1024 * 1024;

interface Heir {
	readonly id: Bytes;
	readonly bytes: Bytes;
}

/** By former base: the chunk that was made with it and is stored without bases now. */
export class Heirs {
	readonly #byBase = new Map<string, Heir>();
	#bytes = 0;

	add(bases: readonly string[], heir: Heir): void {
		if (this.#bytes > heirBytes) {
			this.#byBase.clear();
			this.#bytes = 0;
		}
		this.#bytes += heir.bytes.length;
		for (const base of bases)
			if (!this.#byBase.has(base)) this.#byBase.set(base, heir);
	}

	/** Of these bases, each once. */
	of(bases: readonly string[]): FrameBases {
		const heirs = new Set<Heir>();
		let bytes = 0;
		for (const base of bases) {
			const heir = this.#byBase.get(base);
			if (heir === undefined || heirs.has(heir)) continue;
			if (bytes + heir.bytes.length > maxDictionary) break;
			bytes += heir.bytes.length;
			heirs.add(heir);
		}
		const ids = new Uint8Array(heirs.size * idBytes);
		const dictionary = new Uint8Array(dictionaryPrefixBytes + bytes);
		let at = dictionaryPrefixBytes;
		[...heirs].forEach((heir, i) => {
			ids.set(heir.id, i * idBytes);
			dictionary.set(heir.bytes, at);
			at += heir.bytes.length;
		});
		return { ids, dictionary };
	}
}

import {
	type Bytes,
	decodeFrameBody,
	frameHeaderBytes,
	idAt,
	idBytes,
	isVarveError,
	type Place,
	toHex,
} from "@varve/format";
import { isDamage } from "../../damage.ts";
import { FrameCache, type FrameSources } from "../../frame-cache.ts";
import { standsAt } from "../../prove-chunks.ts";

/** A chunk in a frame without bases. */
export interface Base {
	readonly id: Bytes;
	/** The id in hex. */
	readonly key: string;
	readonly place: Place;
}

/** Bytes of decoded frames that are kept: enough for the content of a thread. */
const defaultCacheBytes = 12 * 1024 * 1024;
const maxRemembered = 2048;
/** What is read of a frame to learn how many chunks it has. */
const headBytes = 1024;

/** Turns chunks of the former version into bases, which lie in frames without bases, and reads these. */
export class BaseFinder {
	readonly #sources: FrameSources;
	readonly #frames: FrameCache;
	/** Bases of chunks that were asked for, by id. */
	readonly #known = new Map<string, readonly Base[]>();
	/** Chunks in frames with bases, by frame: how many they are; 0 if that cannot be told. */
	readonly #counts = new Map<string, number>();
	/** Those that could not be read. */
	readonly #unreadable = new Set<string>();

	constructor(sources: FrameSources, cacheBytes = defaultCacheBytes) {
		this.#sources = sources;
		this.#frames = new FrameCache(sources, cacheBytes);
	}

	/** The chunk itself, if it lies in a frame without bases; else those bases of its frame that it was made with, as far as that can be told. */
	basesOf(ids: Bytes, at: number): readonly Base[] {
		const key = idAt(ids, at);
		let bases = this.#known.get(key);
		if (bases === undefined) {
			bases = this.#find(ids, at, key);
			if (this.#known.size >= maxRemembered) this.#known.clear();
			this.#known.set(key, bases);
		}
		return bases.filter((base) => !this.#unreadable.has(base.key));
	}

	/** Bytes of a base, proved; valid until the next call. undefined if they cannot be had. */
	read({ id, key, place }: Base): Bytes | undefined {
		try {
			const frame = this.#frames.frame(place);
			const { sha256 } = this.#sources.tools;
			const hash = frame.hash(place.ordinal, (bytes) => sha256(bytes));
			const bytes = frame.chunk(place.ordinal);
			if (standsAt(hash, id, 0) && bytes.length === place.length) return bytes;
		} catch (error) {
			// What is wrong with the former version is for verify to say; the new one is stored without it.
			if (!isDamage(error)) throw error;
		}
		this.#unreadable.add(key);
		return undefined;
	}

	#find(ids: Bytes, at: number, key: string): Base[] {
		const { lookup } = this.#sources;
		const place = lookup.find(ids, at);
		if (place === undefined) return [];
		if (place.bases.length === 0)
			return [{ id: ids.slice(at, at + idBytes), key, place }];
		const found: Base[] = [];
		const bases = this.#ownBases(place);
		for (let i = 0; i < bases.length; i += idBytes) {
			const base = lookup.find(bases, i);
			if (base === undefined || base.bases.length > 0) continue;
			const id = bases.slice(i, i + idBytes);
			found.push({ id, key: toHex(id), place: base });
		}
		return found;
	}

	/** A frame of several files has one base for each chunk, in the same order (see DeltaFrames); others belong to one file. */
	#ownBases(place: Place): Bytes {
		const { bases, ordinal } = place;
		if (bases.length === idBytes || !this.#isPaired(place)) return bases;
		return bases.subarray(ordinal * idBytes, (ordinal + 1) * idBytes);
	}

	#isPaired(place: Place): boolean {
		const key = `${place.pack}${place.offset}`;
		let count = this.#counts.get(key);
		if (count === undefined) {
			count = this.#countChunks(place);
			if (this.#counts.size >= maxRemembered) this.#counts.clear();
			this.#counts.set(key, count);
		}
		return count * idBytes === place.bases.length;
	}

	#countChunks({ pack, offset, storedLength, bases }: Place): number {
		const length = Math.min(storedLength, headBytes + bases.length);
		const head = new Uint8Array(length);
		try {
			this.#sources.reads.readInto("packs", pack, offset, head);
			return decodeFrameBody(head.subarray(frameHeaderBytes)).lengths.length;
		} catch (error) {
			if (!isVarveError(error)) throw error;
			return 0;
		}
	}
}

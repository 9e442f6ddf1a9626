import {
	type Bytes,
	type ChunkId,
	type Content,
	CorruptError,
	compareBytes,
	contentLength,
	decodeList,
	decodePages,
	decodeTree,
	equalBytes,
	FrameKind,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	isPaged,
	type Node,
	type Place,
	type TreeId,
	toHex,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { Listing, ReadBackend, RepositoryIndex } from "@varve/store";
import { isDamage } from "./damage.ts";
import {
	type CachedFrame,
	FrameCache,
	type FramePlace,
} from "./frame-cache.ts";
import { listRepository } from "./listing.ts";
import { standsAt } from "./prove-chunks.ts";
import type { FlatItem, ObjectReader } from "./repository.ts";

export interface ObjectReaderOptions {
	readonly backend: ReadBackend;
	readonly index: RepositoryIndex;
	readonly tools: Toolbox;
	/** Bytes of decoded frames to keep. */
	readonly cacheBytes?: number;
}

const defaultCacheBytes = 64 * 1024 * 1024;
/** Ids of trees and lists seen in decoded frames that are remembered, so that their neighbours need no look-up. */
const maxSeen = 100_000;
const zeroSlice = 1024 * 1024;

type Seen = { readonly frame: FramePlace; readonly ordinal: number };

export function createObjectReader(options: ObjectReaderOptions): ObjectReader {
	return new CachingObjectReader(options);
}

class CachingObjectReader implements ObjectReader {
	readonly #options: ObjectReaderOptions;
	readonly #frames: FrameCache;
	readonly #sha256: (bytes: Bytes) => Bytes;
	readonly #seen = new Map<string, Seen>();
	#listing: Promise<Listing> | undefined;
	#zeros: Bytes | undefined;

	constructor(options: ObjectReaderOptions) {
		const { backend, tools, cacheBytes } = options;
		this.#options = options;
		this.#sha256 = (bytes) => tools.sha256(bytes);
		this.#frames = new FrameCache(
			{
				reads: backend.blocking,
				tools,
				lookup: { find: (ids, at) => this.#placeOf(ids, at) },
			},
			cacheBytes ?? defaultCacheBytes,
		);
	}

	prepare(): Promise<Listing> {
		this.#listing ??= this.#prepare().catch((error) => {
			this.#listing = undefined;
			throw error;
		});
		return this.#listing;
	}

	outdate(): void {
		this.#listing = undefined;
		// Packs may have been replaced by others.
		this.#seen.clear();
	}

	async #prepare(): Promise<Listing> {
		const { backend, index, tools } = this.#options;
		const listing = await listRepository(backend, tools);
		await index.catchUp(listing);
		return listing;
	}

	read(id: ChunkId): Bytes {
		const seen = this.#seen.get(id);
		if (seen === undefined) return this.#find(idToBytes(id), 0);
		const frame = this.#frame(seen.frame, id);
		return this.#prove(frame, seen.ordinal, idToBytes(id));
	}

	readAt(ids: Bytes, at: number): Bytes {
		return this.#seen.size === 0
			? this.#find(ids, at)
			: this.read(idAt<ChunkId>(ids, at));
	}

	#find(ids: Bytes, at: number): Bytes {
		const place = this.#placeOf(ids, at);
		if (place === undefined)
			throw new CorruptError(
				"MISSING_CHUNK",
				`the chunk ${idAt(ids, at)} is in no pack of the repository`,
				{ chunk: idAt(ids, at) },
			);
		const isNew = !this.#frames.has(place);
		const frame = this.#frame(place, idAt<ChunkId>(ids, at));
		if (isNew && place.kind === FrameKind.meta) this.#see(place, frame);
		const id = ids.subarray(at, at + idBytes);
		return this.#prove(frame, place.ordinal, id);
	}

	/** A look-up that finds nothing may ask a damaged index: all segments are asked before a chunk is called missing. */
	#placeOf(ids: Bytes, at: number): Place | undefined {
		const { index } = this.#options;
		return (
			index.lookup.find(ids, at) ??
			index.places(ids.subarray(at, at + idBytes))[0]
		);
	}

	/** The frame of a place; what is wrong with it is wrong with the chunk asked for. */
	#frame(place: FramePlace, chunk: ChunkId): CachedFrame {
		try {
			return this.#frames.frame(place);
		} catch (cause) {
			if (!isDamage(cause)) throw cause;
			throw new CorruptError(
				"BAD_CHUNK",
				`the chunk ${chunk} cannot be read: ${cause.message}`,
				{ chunk, pack: place.pack, offset: place.offset },
				{ cause },
			);
		}
	}

	#prove(frame: CachedFrame, ordinal: number, id: Bytes): Bytes {
		if (!standsAt(frame.hash(ordinal, this.#sha256), id, 0))
			throw new CorruptError(
				"BAD_CHUNK",
				`the chunk ${toHex(id)} does not match its id`,
				{ chunk: toHex(id) },
			);
		return frame.chunk(ordinal);
	}

	/** Trees stand beside each other in the order of the walk: names all of a frame at once. */
	#see(place: Place, frame: CachedFrame): void {
		if (this.#seen.size > maxSeen) this.#seen.clear();
		const { pack, offset, storedLength, rawLength } = place;
		const at = { pack, offset, storedLength, rawLength };
		for (let ordinal = 0; ordinal < frame.lengths.length; ordinal++) {
			const id = toHex(frame.hash(ordinal, this.#sha256));
			this.#seen.set(id, { frame: at, ordinal });
		}
	}

	*nodes(tree: TreeId): Generator<Node> {
		const bytes = this.read(tree).slice();
		if (!isPaged(bytes)) yield* decodeTree(bytes);
		else
			for (const page of decodePages(bytes))
				yield* decodeTree(this.read(page.tree).slice());
	}

	lookup(tree: TreeId, name: Bytes): Node | undefined {
		let bytes = this.read(tree).slice();
		if (isPaged(bytes)) {
			const page = decodePages(bytes).find(
				({ last }) => compareBytes(name, last) <= 0,
			);
			if (page === undefined) return undefined;
			bytes = this.read(page.tree).slice();
		}
		return decodeTree(bytes).find((node) => equalBytes(node.name, name));
	}

	*pieces(list: ChunkId): Generator<Bytes> {
		const { ids } = decodeList(this.read(list).slice());
		for (let at = 0; at < ids.length; at += idBytes) yield this.readAt(ids, at);
	}

	*items(content: Content): Generator<FlatItem> {
		let at = 0;
		for (let i = 0; i < content.kinds.length; i++) {
			const length = content.lengths[i] as number;
			if (content.kinds[i] === ItemKind.zeros) {
				yield { id: undefined, length };
				continue;
			}
			const id = content.ids.subarray(at, at + idBytes);
			at += idBytes;
			if (content.kinds[i] === ItemKind.chunk) yield { id, length };
			else yield* this.#listed(id, length);
		}
	}

	#listed(id: Bytes, length: number): Generator<FlatItem> {
		const list = decodeList(this.readAt(id, 0).slice());
		if (contentLength(list) !== length)
			throw new CorruptError(
				"BAD_LENGTH",
				`the list ${toHex(id)} stands for ${contentLength(list)} bytes, not for ${length}`,
				{ chunk: toHex(id) },
			);
		return this.items(list);
	}

	*bytes(content: Content): Generator<Bytes> {
		for (const { id, length } of this.items(content)) {
			if (id === undefined) {
				yield* this.#zeroSlices(length);
				continue;
			}
			const chunk = this.readAt(id, 0);
			if (chunk.length !== length)
				throw new CorruptError(
					"BAD_LENGTH",
					`the chunk ${toHex(id)} has ${chunk.length} bytes, not ${length}`,
					{ chunk: toHex(id) },
				);
			yield chunk;
		}
	}

	*#zeroSlices(length: number): Generator<Bytes> {
		this.#zeros ??= new Uint8Array(zeroSlice);
		for (let left = length; left > 0; left -= zeroSlice)
			yield this.#zeros.subarray(0, Math.min(left, zeroSlice));
	}
}

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
	type VarveError,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { ReadBackend, RepositoryIndex } from "@varve/store";
import { attemptRead, isDamage } from "./damage.ts";
import {
	type CachedFrame,
	FrameCache,
	type FramePlace,
} from "./frame-cache.ts";
import { listRepository, type RepositoryListing } from "./listing.ts";
import { standsAt } from "./prove-chunks.ts";
import type { FlatItem, ObjectReader } from "./repository.ts";

export interface ObjectReaderOptions {
	readonly backend: ReadBackend;
	readonly index: RepositoryIndex;
	readonly tools: Toolbox;
	/** Bytes of decoded frames to keep. */
	readonly cacheBytes?: number;
	/** Called for each frame that is damaged or missing and is read from the copy of its pack. */
	readonly onCopyRead?:
		| ((frame: FramePlace, damage: VarveError) => void)
		| undefined;
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
	#listing: Promise<RepositoryListing> | undefined;
	#zeros = new Uint8Array(0);
	/** Frames that are read from the copies of their packs. */
	readonly #copied = new Set<string>();

	constructor(options: ObjectReaderOptions) {
		const { backend, tools, cacheBytes } = options;
		this.#options = options;
		this.#sha256 = (bytes) => tools.sha256(bytes);
		this.#frames = new FrameCache(
			{
				reads: backend.blocking,
				tools,
				lookup: { find: (ids, at) => this.#baseOf(ids, at) },
			},
			cacheBytes ?? defaultCacheBytes,
		);
	}

	prepare(): Promise<RepositoryListing> {
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
		this.#copied.clear();
	}

	async #prepare(): Promise<RepositoryListing> {
		const { backend, index, tools } = this.#options;
		const listing = await listRepository(backend, tools);
		await index.catchUp(listing);
		return listing;
	}

	read(id: ChunkId): Bytes {
		const seen = this.#seen.get(id);
		if (seen === undefined) return this.#find(idToBytes(id), 0);
		return this.#provedAt(seen.frame, seen.ordinal, idToBytes(id));
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
		return this.#provedAt(place, place.ordinal, ids.subarray(at, at + idBytes));
	}

	/** The bytes of a chunk, from the copy of its pack if the pack does not give them. */
	#provedAt(place: Place | FramePlace, ordinal: number, id: Bytes): Bytes {
		if (this.#copied.size > 0 && this.#copied.has(copyKey(place))) {
			const bytes = this.#fromCopy(place, ordinal, id);
			if (bytes !== undefined) return bytes;
		}
		try {
			return this.#fromPack(place, ordinal, id);
		} catch (damage) {
			if (!isDamage(damage)) throw damage;
			const bytes = this.#fromCopy(place, ordinal, id);
			if (bytes === undefined) throw damage;
			const key = copyKey(place);
			if (!this.#copied.has(key)) this.#options.onCopyRead?.(place, damage);
			this.#copied.add(key);
			return bytes;
		}
	}

	#fromPack(place: Place | FramePlace, ordinal: number, id: Bytes): Bytes {
		const isNew = !this.#frames.has(place);
		const frame = this.#frame(place, id);
		if (isNew && "kind" in place && place.kind === FrameKind.meta)
			this.#see(place, frame);
		return this.#prove(frame, ordinal, id);
	}

	/** Of the frame, of its bases, or of both; undefined if there is none, or it is damaged too. */
	#fromCopy(
		{ pack, offset, storedLength, rawLength }: FramePlace,
		ordinal: number,
		id: Bytes,
	): Bytes | undefined {
		const place = { pack, offset, storedLength, rawLength };
		for (const from of ["from", "basesFrom"]) {
			const copy = { ...place, [from]: "copies/packs" as const };
			const chunk = attemptRead(() =>
				this.#prove(this.#frames.frame(copy), ordinal, id),
			);
			if (chunk instanceof Uint8Array) return chunk;
		}
		return undefined;
	}

	/**
	 * A look-up that finds nothing may ask a damaged index: all segments are asked before a chunk is called missing, and condemned packs
	 * as long as they are there.
	 */
	#placeOf(ids: Bytes, at: number): Place | undefined {
		const { index } = this.#options;
		return (
			index.lookup.find(ids, at) ??
			index.places(ids.subarray(at, at + idBytes))[0]
		);
	}

	#baseOf(ids: Bytes, at: number): Place | undefined {
		const { index } = this.#options;
		const place = index.lookup.find(ids, at);
		if (place?.bases.length === 0) return place;
		const id = ids.subarray(at, at + idBytes);
		return index.places(id, { plain: true })[0];
	}

	/** The frame of a place; what is wrong with it is wrong with the chunk asked for. */
	#frame(place: FramePlace, id: Bytes): CachedFrame {
		try {
			return this.#frames.frame(place);
		} catch (cause) {
			if (!isDamage(cause)) throw cause;
			const chunk = toHex(id);
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
		const longest = Math.min(length, zeroSlice);
		if (this.#zeros.length < longest) this.#zeros = new Uint8Array(longest);
		for (let left = length; left > 0; left -= zeroSlice)
			yield this.#zeros.subarray(0, Math.min(left, zeroSlice));
	}
}

function copyKey({ pack, offset }: FramePlace): string {
	return `${pack}${offset}`;
}

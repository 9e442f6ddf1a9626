import {
	type Bytes,
	encodeList,
	FrameKind,
	ItemKind,
	idBytes,
	idToBytes,
	toHex,
} from "@varve/format";
import type {
	FrameEncoder,
	PackWriter,
	Toolbox,
	WrittenPack,
} from "@varve/kernel";
import type { ChunkLookup } from "@varve/store";
import type { BaseFinder } from "./delta/base-finder.ts";
import { MetaDeltas } from "./delta/meta-deltas.ts";
import { Reliance } from "./reliance.ts";

export interface MetaWriterParts {
	readonly encoder: FrameEncoder;
	readonly packs: PackWriter;
	/** Opened when the first object must be looked up. */
	readonly lookup: () => Promise<ChunkLookup>;
	/** Finds former versions; undefined where nothing is to be stored beside them. */
	readonly openFinder: ((lookup: ChunkLookup) => BaseFinder) | undefined;
	readonly tools: Pick<Toolbox, "sha256">;
	readonly frameBytes: number;
	readonly dryRun: boolean;
}

/** Well below what a frame may hold: a repository may have frames of 32 MiB. */
const maxFrameObjects = 32_768;

/** Ids of one object, as 32 bytes and in hex. */
export interface StoredId {
	readonly bytes: Bytes;
	readonly hex: string;
}

interface Waiting {
	readonly id: StoredId;
	readonly bytes: Bytes;
	/** Id in hex of what stood in its place in the parent snapshot. */
	readonly former: string | undefined;
}

/** Stores trees, lists and pieces of tables: chunks of kind meta, in frames and packs of their own, each once. */
export class MetaWriter {
	readonly #parts: MetaWriterParts;
	/** Objects that this run stored or found. */
	readonly #known = new Set<string>();
	/** Objects put, in the order of arrival, whose look-up is still to come. */
	#waiting: Waiting[] = [];
	#waitingBytes = 0;
	readonly #raw: Uint8Array;
	#fill = 0;
	#ids: Bytes[] = [];
	#lengths: number[] = [];
	readonly packs: WrittenPack[] = [];
	readonly referred = new Map<string, number>();
	#lookup: ChunkLookup | undefined;
	#reliance: Reliance | undefined;
	#deltas: MetaDeltas | undefined;
	objectsAdded = 0;
	bytesAdded = 0;

	constructor(parts: MetaWriterParts) {
		this.#parts = parts;
		this.#raw = new Uint8Array(parts.frameBytes);
	}

	/** Objects that are in the repository for sure: the parent's. */
	addKnown(id: string): void {
		this.#known.add(id);
	}

	/**
	 * Takes an object; its bytes must not change afterwards. It is stored at the next `settle` at the latest, beside the `former` one if that
	 * is worth it.
	 */
	put(bytes: Bytes, former?: string): StoredId {
		const id = this.#parts.tools.sha256(bytes);
		const hex = toHex(id);
		if (!this.#known.has(hex)) {
			this.#known.add(hex);
			this.#waiting.push({ id: { bytes: id, hex }, bytes, former });
			this.#waitingBytes += bytes.length;
		}
		return { bytes: id, hex };
	}

	/** True if objects wait in such numbers that `settle` should be called. */
	get crowded(): boolean {
		return this.#waitingBytes > 4 * this.#parts.frameBytes;
	}

	/** Looks up what waits and puts what is new into frames. */
	async settle(): Promise<void> {
		if (this.#waiting.length === 0) return;
		const reliance = this.#rely(await this.#parts.lookup());
		const waiting = this.#waiting;
		this.#waiting = [];
		this.#waitingBytes = 0;
		for (const one of waiting) {
			const place = reliance.find(one.id.bytes, 0);
			// Trees belong in packs of trees: a file that happens to hold the same bytes does not count.
			if (place !== undefined && place.kind === FrameKind.meta)
				reliance.refer(place);
			else this.#store(one);
		}
	}

	/** Another look-up comes with another listing: what was found by the last one is not relied on. */
	#rely(lookup: ChunkLookup): Reliance {
		if (this.#reliance !== undefined && this.#lookup === lookup)
			return this.#reliance;
		this.#deltas?.flush();
		this.#deltas = undefined;
		this.#lookup = lookup;
		this.#reliance = new Reliance(lookup, (pack, size) =>
			this.referred.set(pack, size),
		);
		return this.#reliance;
	}

	/** Stores the list that names these pieces. */
	putPieces(
		ids: readonly StoredId[],
		lengths: readonly number[],
		former?: string,
	): StoredId {
		const joined = new Uint8Array(ids.length * idBytes);
		ids.forEach((id, i) => {
			joined.set(id.bytes, i * idBytes);
		});
		return this.put(
			encodeList({
				kinds: ids.map(() => ItemKind.chunk),
				lengths: [...lengths],
				ids: joined,
			}),
			former,
		);
	}

	/** Closes the last frame and pack. */
	async finish(): Promise<void> {
		await this.settle();
		this.#deltas?.flush();
		this.#flush();
		const pack = this.#parts.packs.finish();
		if (pack !== undefined) this.packs.push(pack);
	}

	discard(): void {
		this.#parts.packs.discard();
	}

	#store({ id: { bytes: id }, bytes, former }: Waiting): void {
		this.objectsAdded++;
		this.bytesAdded += bytes.length;
		if (this.#parts.dryRun) return;
		if (former !== undefined && this.#offer(id, bytes, idToBytes(former)))
			return;
		if (
			this.#fill + bytes.length > this.#raw.length ||
			this.#ids.length >= maxFrameObjects
		)
			this.#flush();
		this.#ids.push(id);
		this.#lengths.push(bytes.length);
		if (bytes.length > this.#raw.length) {
			this.#write(bytes);
			return;
		}
		this.#raw.set(bytes, this.#fill);
		this.#fill += bytes.length;
	}

	#offer(id: Bytes, bytes: Bytes, former: Bytes): boolean {
		const { openFinder, encoder, frameBytes } = this.#parts;
		const lookup = this.#lookup;
		if (openFinder === undefined || lookup === undefined || lookup.empty)
			return false;
		this.#deltas ??= new MetaDeltas({
			finder: openFinder(lookup),
			encoder,
			refer: (place) => this.#reliance?.refer(place),
			add: (frame, contents) => this.#add(frame, contents),
			frameBytes,
		});
		return this.#deltas.offer(id, bytes, former);
	}

	#flush(): void {
		if (this.#ids.length > 0) this.#write(this.#raw.subarray(0, this.#fill));
	}

	#write(raw: Bytes): void {
		const lengths = Uint32Array.from(this.#lengths);
		const frame = this.#parts.encoder.encode({
			kind: FrameKind.meta,
			raw,
			lengths,
			count: lengths.length,
		});
		const ids = new Uint8Array(lengths.length * idBytes);
		this.#ids.forEach((id, i) => {
			ids.set(id, i * idBytes);
		});
		const bases = new Uint8Array(0);
		this.#add(frame, { ids, lengths, bases, rawLength: raw.length });
		this.#ids = [];
		this.#lengths = [];
		this.#fill = 0;
	}

	#add(frame: Bytes, contents: Parameters<PackWriter["add"]>[1]): void {
		const pack = this.#parts.packs.add(frame, contents);
		if (pack !== undefined) this.packs.push(pack);
	}
}

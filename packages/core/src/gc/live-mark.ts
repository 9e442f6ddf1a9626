import {
	type Bytes,
	type Content,
	CorruptError,
	decodeList,
	decodePages,
	decodeTree,
	equalBytes,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	isPaged,
	type PackId,
	type SnapshotRecord,
} from "@varve/format";
import type { ChunkPlace, ChunkTable, Remakes } from "@varve/store";
import {
	type CachedFrame,
	FrameCache,
	type FrameSources,
} from "../frame-cache.ts";
import { sortIds } from "../sort-ids.ts";
import { IdStack } from "./id-stack.ts";

export interface LiveMarkOptions {
	/** Chunks are looked for in the first, and only those that are not there in the next. */
	readonly tables: readonly ChunkTable[];
	readonly sources: FrameSources;
	readonly signal: AbortSignal | undefined;
	/**
	 * Packs that may be moved. Where it is given, frames in them that are better made anew without some of their bases are found, and these bases
	 * are not made live. A plan that does not move all of these packs needs `keepBases`.
	 */
	readonly isMovable?: ((pack: PackId) => boolean) | undefined;
	/** Called now and then with the number of objects read so far. */
	readonly onProgress?: (objects: number) => void;
}

const nodesAtOnce = 16 * 1024;
const chunksAtOnce = 64 * 1024;
const frameCacheBytes = 48 * 1024 * 1024;
const turnEvery = 512;

type NodeKind = "tree" | "list";

interface OpenedFrame {
	readonly frame: CachedFrame;
	/** Of what was to be read. */
	readonly ordinal: number;
}

/** What of a record says what it reaches. */
type Root = Pick<SnapshotRecord, "roots" | "links" | "scan" | "time">;

/**
 * Follows all references from snapshots down and makes live whatever they reach. Trees and lists are read in the order in which they lie in
 * packs, each once, and proved by their ids: nothing is concluded from one that is damaged.
 */
export class LiveMark {
	readonly #options: LiveMarkOptions;
	readonly #frames: FrameCache;
	readonly #trees = new IdStack();
	readonly #lists = new IdStack();
	readonly #chunks = new IdStack();
	objects = 0;
	/** Frames that are to be made anew, and bytes of bases that this gains. */
	remakes: Remakes = { frames: 0, gain: 0 };

	constructor(options: LiveMarkOptions) {
		this.#options = options;
		this.#frames = new FrameCache(options.sources, frameCacheBytes);
	}

	/**
	 * With `isSettled`, only frames that one of these records reaches may be made anew. CorruptError "MISSING_CHUNK" or "BAD_CHUNK" if something
	 * that a snapshot needs cannot be had.
	 */
	async add(
		records: readonly Root[],
		isSettled?: (record: Root) => boolean,
	): Promise<void> {
		const { isMovable, tables } = this.#options;
		const young =
			isSettled === undefined ? [] : records.filter((one) => !isSettled(one));
		if (young.length > 0) {
			const left = new Set(young);
			await this.#follow(records.filter((one) => !left.has(one)));
			for (const table of tables) table.settle();
			await this.#follow(young);
		} else await this.#follow(records);
		if (isMovable !== undefined)
			for (const table of tables) this.#addRemakes(table, isMovable);
		this.#markBases();
	}

	async #follow(records: Iterable<Root>): Promise<void> {
		for (const { roots, links, scan } of records) {
			for (const { tree } of roots) this.#trees.push(idToBytes(tree));
			for (const list of [links, scan])
				if (list !== undefined) this.#lists.push(idToBytes(list));
		}
		for (;;) {
			if (this.#trees.size > 0) await this.#step(this.#trees, "tree");
			else if (this.#lists.size > 0) await this.#step(this.#lists, "list");
			else break;
		}
		while (this.#chunks.size > 0) this.#markChunks();
	}

	/** Makes all bases live: no frame is made anew after all. */
	keepBases(): void {
		this.remakes = { frames: 0, gain: 0 };
		for (const table of this.#options.tables) table.remakeNone();
		this.#markBases();
	}

	#addRemakes(table: ChunkTable, isMovable: (pack: PackId) => boolean): void {
		const { frames, gain } = table.remakeFrames(isMovable);
		this.remakes = {
			frames: this.remakes.frames + frames,
			gain: this.remakes.gain + gain,
		};
	}

	async #step(stack: IdStack, kind: NodeKind): Promise<void> {
		const waiting = stack.pop(nodesAtOnce);
		const { ids } = sortIds(waiting, waiting.length / idBytes);
		const found: { readonly at: number; readonly place: ChunkPlace }[] = [];
		this.#ask(ids, (table, asked, indexOf) =>
			table.visit(asked, (i, place) =>
				found.push({ at: indexOf(i) * idBytes, place }),
			),
		);
		found.sort((a, b) => comparePlaces(a.place, b.place));
		for (const { at, place } of found) {
			this.#look(this.#read(ids, at, place), kind);
			if (++this.objects % turnEvery === 0) await this.#giveTurn();
		}
	}

	async #giveTurn(): Promise<void> {
		const { signal, onProgress } = this.#options;
		await new Promise((resolve) => setImmediate(resolve));
		signal?.throwIfAborted();
		onProgress?.(this.objects);
	}

	#read(ids: Bytes, at: number, place: ChunkPlace): Bytes {
		const { frame, ordinal } = this.#open(ids, at, place);
		const id = ids.subarray(at, at + idBytes);
		const { sha256 } = this.#options.sources.tools;
		const hash = frame.hash(ordinal, (bytes) => sha256(bytes));
		if (!equalBytes(hash, id))
			throw new CorruptError(
				"BAD_CHUNK",
				`the object ${idAt(ids, at)} in pack ${place.pack} is damaged`,
				{ chunk: idAt(ids, at), pack: place.pack },
			);
		return frame.chunk(ordinal);
	}

	/** What is wrong with a frame is wrong with what was to be read from it. */
	#open(ids: Bytes, at: number, place: ChunkPlace): OpenedFrame {
		try {
			return { frame: this.#frames.frame(place), ordinal: place.ordinal };
		} catch (cause) {
			if (!(cause instanceof CorruptError)) throw cause;
			const other =
				cause.code === "MISSING_BASE"
					? this.#placeInstead(ids, at, place)
					: undefined;
			if (other !== undefined) return this.#open(ids, at, other);
			throw new CorruptError(
				"BAD_CHUNK",
				`the object ${idAt(ids, at)} in pack ${place.pack} cannot be read, so that nothing is deleted: ${cause.message}`,
				{ chunk: idAt(ids, at), pack: place.pack },
				{ cause },
			);
		}
	}

	/** Where an object has been stored again, as an earlier gc has freed bases of the frame in which it lay and nothing was live. */
	#placeInstead(
		ids: Bytes,
		at: number,
		place: ChunkPlace,
	): ChunkPlace | undefined {
		// It does not count any more if another object of that frame was asked for before.
		if (isSameFrame(this.#placeNow(ids, at), place)) {
			const { lookup } = this.#options.sources;
			const { bases } = place;
			const missing = new Set<string>();
			for (let i = 0; i < bases.length; i += idBytes)
				if (lookup.find(bases, i)?.bases.length !== 0)
					missing.add(idAt(bases, i));
			if (missing.size === 0) return undefined;
			this.#discount(missing);
		}
		const other = this.#placeNow(ids, at);
		if (other !== undefined) this.#chunks.push(ids, at);
		return other;
	}

	#placeNow(ids: Bytes, at: number): ChunkPlace | undefined {
		for (const table of this.#options.tables) {
			const place = table.find(ids, at);
			if (place !== undefined) return place;
		}
		return undefined;
	}

	/** What was live in frames with one of these bases is to be marked elsewhere. */
	#discount(missing: ReadonlySet<string>): void {
		for (const table of this.#options.tables)
			for (const id of table.discount(missing)) this.#chunks.push(id, 0);
	}

	#look(bytes: Bytes, kind: NodeKind): void {
		if (kind === "list") this.#addContent(decodeList(bytes));
		else if (isPaged(bytes))
			for (const { tree } of decodePages(bytes))
				this.#trees.push(idToBytes(tree));
		else
			for (const { tree, content } of decodeTree(bytes)) {
				if (tree !== undefined) this.#trees.push(idToBytes(tree));
				this.#addContent(content);
			}
	}

	#addContent({ kinds, ids }: Content): void {
		let at = 0;
		for (const kind of kinds) {
			if (kind === ItemKind.zeros) continue;
			if (kind === ItemKind.list) this.#lists.push(ids, at);
			else this.#chunks.push(ids, at);
			at += idBytes;
		}
		if (this.#chunks.size >= chunksAtOnce) this.#markChunks();
	}

	#markChunks(): void {
		const waiting = this.#chunks.pop(chunksAtOnce);
		const { ids } = sortIds(waiting, waiting.length / idBytes);
		this.#ask(ids, (table, asked) => table.mark(asked));
	}

	/**
	 * A frame that is kept is of no use without its bases. They lie in frames without bases, so that one round is enough; but a frame whose
	 * bases an earlier gc has freed, as nothing in it was live then, is no place for a chunk that has been stored again since.
	 */
	#markBases(): void {
		for (;;) {
			const missing = new Set<string>();
			for (const table of this.#options.tables)
				for (const bases of table.bases())
					for (let at = 0; at < bases.length; at += idBytes) {
						this.#chunks.push(bases, at);
						if (this.#chunks.size >= chunksAtOnce) this.#markPlain(missing);
					}
			this.#markPlain(missing);
			if (missing.size === 0) return;
			this.#discount(missing);
			while (this.#chunks.size > 0) this.#markChunks();
		}
	}

	#markPlain(missing: Set<string>): void {
		const waiting = this.#chunks.pop(chunksAtOnce);
		const { ids } = sortIds(waiting, waiting.length / idBytes);
		if (ids.length === 0) return;
		const left = this.#askAll(ids, (table, asked) => table.mark(asked, true));
		for (let at = 0; at < left.length; at += idBytes)
			missing.add(idAt(left, at));
	}

	#ask(ids: Bytes, ask: Ask): void {
		const missing = this.#askAll(ids, ask);
		if (missing.length === 0) return;
		throw new CorruptError(
			"MISSING_CHUNK",
			`${missing.length / idBytes} chunks that snapshots need are in no pack, among them ${idAt(missing, 0)}`,
			{ chunk: idAt(missing, 0) },
		);
	}

	/** Asks one table after the other; each answers with the indices of what it does not have. Returns what none has. */
	#askAll(ids: Bytes, ask: Ask): Bytes {
		let asked = ids;
		let indexOf = (i: number) => i;
		for (const table of this.#options.tables) {
			const missing = ask(table, asked, indexOf);
			asked = pick(asked, missing);
			if (missing.length === 0) break;
			const outer = missing.map(indexOf);
			indexOf = (i) => outer[i] as number;
		}
		return asked;
	}
}

type Ask = (
	table: ChunkTable,
	ids: Bytes,
	indexOf: (i: number) => number,
) => number[];

function pick(ids: Bytes, indices: readonly number[]): Bytes {
	const picked = new Uint8Array(indices.length * idBytes);
	indices.forEach((index, i) => {
		const at = index * idBytes;
		picked.set(ids.subarray(at, at + idBytes), i * idBytes);
	});
	return picked;
}

function isSameFrame(a: ChunkPlace | undefined, b: ChunkPlace): boolean {
	return a?.pack === b.pack && a.offset === b.offset;
}

function comparePlaces(a: ChunkPlace, b: ChunkPlace): number {
	if (a.pack !== b.pack) return a.pack < b.pack ? -1 : 1;
	return a.offset - b.offset || a.ordinal - b.ordinal;
}

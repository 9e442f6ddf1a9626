import {
	type Bytes,
	type ChunkId,
	type Content,
	CorruptError,
	contentLength,
	decodeLinks,
	decodeList,
	decodeScanPiece,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	type Node,
	NodeKind,
	type Place,
	type SnapshotRecord,
	type TreeId,
	toHex,
	type VarveError,
} from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import { sortIds } from "../sort-ids.ts";
import { readPages } from "../tree-pages.ts";
import type { Faults } from "./faults.ts";
import { IdSet } from "./id-set.ts";

export interface GraphOptions {
	readonly repository: Repository;
	readonly faults: Faults;
	readonly signal: AbortSignal | undefined;
	/** Called now and then with the directories and files seen since the last call. */
	readonly onProgress: (directories: number, files: number) => void;
	/** Gathers the packs that hold what is referred to, if given. */
	readonly packs: Set<string> | undefined;
}

/** Chunks looked up at once, and those there is room for at first. */
const batchChunks = 64 * 1024;
const firstChunks = 256;
/** Trees read before other work gets its turn. */
const treesAtOnce = 64;

/**
 * Follows all references from snapshots down: trees, lists and tables are read and prove their ids, each once; chunks of content
 * must have a place. Memory: up to 86 bytes for each tree, list and piece.
 */
export class GraphCheck {
	readonly #options: GraphOptions;
	readonly #seen = new IdSet();
	#ids = new Uint8Array(firstChunks * idBytes);
	#lengths = new Float64Array(firstChunks);
	#waiting = 0;
	readonly #missing = new Set<string>();
	directories = 0;
	files = 0;
	#reported = { directories: 0, files: 0 };

	constructor(options: GraphOptions) {
		this.#options = options;
	}

	async check(records: Iterable<SnapshotRecord>): Promise<void> {
		for (const record of records) {
			for (const { tree } of record.roots) await this.#checkTrees(tree);
			if (record.links !== undefined)
				this.#checkPieces(record.links, (piece) => decodeLinks(piece));
			if (record.scan !== undefined)
				this.#checkPieces(record.scan, (piece) => {
					for (const _ of decodeScanPiece(piece));
				});
			await this.#pause();
		}
		while (this.#waiting > 0) this.#lookUp();
		if (this.#missing.size > 0)
			this.#options.faults.add({
				code: "MISSING_CHUNK",
				message: `${this.#missing.size === 1 ? `the chunk ${[...this.#missing][0]} is` : `${this.#missing.size} chunks are`} in no pack`,
				chunks: [...this.#missing],
			});
	}

	async #checkTrees(top: TreeId): Promise<void> {
		const stack: TreeId[] = [top];
		let count = 0;
		for (let tree = stack.pop(); tree !== undefined; tree = stack.pop()) {
			if (!this.#isNew(tree)) continue;
			this.directories++;
			for (const { id, nodes } of readPages(
				this.#options.repository.objects,
				tree,
			)) {
				if (id !== tree && !this.#isNew(id)) continue;
				if (nodes instanceof Error) this.#fault(id, nodes);
				else this.#checkNodes(nodes, stack);
			}
			if (++count % treesAtOnce === 0) await this.#pause();
		}
	}

	#checkNodes(nodes: readonly Node[], stack: TreeId[]): void {
		for (let i = nodes.length - 1; i >= 0; i--) {
			const node = nodes[i] as Node;
			if (node.kind === NodeKind.directory) stack.push(node.tree as TreeId);
			else if (node.kind === NodeKind.file) {
				this.files++;
				this.#checkContent(node.content);
			}
		}
	}

	#checkContent(content: Content): void {
		let at = 0;
		for (let i = 0; i < content.kinds.length; i++) {
			if (content.kinds[i] === ItemKind.zeros) continue;
			const length = content.lengths[i] as number;
			if (content.kinds[i] === ItemKind.chunk)
				this.#expect(content.ids, at, length);
			else this.#checkList(content.ids.subarray(at, at + idBytes), length);
			at += idBytes;
		}
	}

	#checkList(id: Bytes, length: number): void {
		if (!this.#isNew(toHex(id) as ChunkId)) return;
		const list = attemptRead(() => {
			const { objects } = this.#options.repository;
			const decoded = decodeList(objects.readAt(id, 0).slice());
			if (contentLength(decoded) !== length)
				throw new CorruptError(
					"BAD_LENGTH",
					`it stands for ${contentLength(decoded)} bytes, not for ${length}`,
				);
			return decoded;
		});
		if (list instanceof Error) this.#fault(toHex(id), list);
		else this.#checkContent(list);
	}

	#checkPieces(list: ChunkId, check: (piece: Bytes) => void): void {
		if (!this.#isNew(list)) return;
		const { objects } = this.#options.repository;
		const pieces = attemptRead(() => decodeList(objects.read(list).slice()));
		if (pieces instanceof Error) {
			this.#fault(list, pieces);
			return;
		}
		for (let at = 0; at < pieces.ids.length; at += idBytes) {
			const id = idAt<ChunkId>(pieces.ids, at);
			if (!this.#isNew(id)) continue;
			const error = attemptRead(() => check(objects.read(id)));
			if (error instanceof Error) this.#fault(id, error);
		}
	}

	#isNew(id: string): boolean {
		const bytes = idToBytes(id);
		if (!this.#seen.add(bytes)) return false;
		if (this.#options.packs !== undefined) this.#expect(bytes, 0, -1);
		return true;
	}

	#fault(chunk: string, error: VarveError): void {
		const { code, message } = error;
		const known = code === "MISSING_CHUNK" || code === "BAD_CHUNK";
		this.#options.faults.add({
			code: known ? code : "BAD_TREE",
			message: known ? message : `the tree ${chunk} is damaged: ${message}`,
			chunks: [chunk],
		});
	}

	/** A chunk of this length must have a place; -1 stands for any length. */
	#expect(ids: Bytes, at: number, length: number): void {
		if (this.#waiting === batchChunks) this.#lookUp();
		if (this.#waiting === this.#lengths.length) this.#makeRoom();
		this.#ids.set(ids.subarray(at, at + idBytes), this.#waiting * idBytes);
		this.#lengths[this.#waiting++] = length;
	}

	#makeRoom(): void {
		const [ids, lengths] = [this.#ids, this.#lengths];
		this.#ids = new Uint8Array(4 * ids.length);
		this.#ids.set(ids);
		this.#lengths = new Float64Array(4 * lengths.length);
		this.#lengths.set(lengths);
	}

	#lookUp(): void {
		const count = this.#waiting;
		this.#waiting = 0;
		if (count === 0) return;
		const { ids, rankOf } = sortIds(this.#ids, count);
		const places = this.#options.repository.index.places(ids);
		for (let i = 0; i < count; i++) {
			const place = places[rankOf[i] as number];
			const id = () => idAt<ChunkId>(this.#ids, i * idBytes);
			if (place === undefined) this.#missing.add(id());
			else if (this.#lengths[i] !== place.length && this.#lengths[i] !== -1)
				this.#misfit(id(), place.length, this.#lengths[i] as number);
		}
		if (this.#options.packs !== undefined) this.#gatherPacks(places);
	}

	#misfit(chunk: ChunkId, has: number, expected: number): void {
		this.#options.faults.add({
			code: "BAD_TREE",
			message: `the chunk ${chunk} has ${has} bytes, but a tree says ${expected}`,
			chunks: [chunk],
		});
	}

	/** Bases are in other packs, which are needed too. */
	#gatherPacks(places: readonly (Place | undefined)[]): void {
		for (const place of places) {
			if (place === undefined) continue;
			this.#options.packs?.add(place.pack);
			for (let at = 0; at < place.bases.length; at += idBytes)
				this.#isNew(idAt(place.bases, at));
		}
	}

	async #pause(): Promise<void> {
		const { signal, onProgress } = this.#options;
		signal?.throwIfAborted();
		onProgress(
			this.directories - this.#reported.directories,
			this.files - this.#reported.files,
		);
		this.#reported = { directories: this.directories, files: this.files };
		await new Promise((resolve) => setImmediate(resolve));
	}
}

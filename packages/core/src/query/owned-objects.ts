import {
	type Bytes,
	type ChunkId,
	type Content,
	decodeList,
	decodePages,
	decodeTree,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	isPaged,
	type SnapshotRecord,
} from "@varve/format";
import type { RepositoryIndex } from "@varve/store";
import type { ObjectReader } from "../repository.ts";
import { sortIds } from "../sort-ids.ts";
import { IdTable } from "./id-table.ts";

/** Owner of an object that several snapshots refer to. */
export const shared = 0xffff_ffff;

/** One object: who refers to it, and how long it is. */
export interface OwnedObject {
	/** Number of the only snapshot that does (see `visit`), or `shared`. */
	readonly owner: number;
	/** Of the snapshots that count, one at least does. */
	readonly counts: boolean;
	/** It lies in a frame with bases: stored as a difference from other chunks. */
	readonly based: boolean;
	/** Bytes before compression, and its part of the frame it lies in. */
	readonly raw: number;
	readonly stored: number;
}

export interface OwnerOptions {
	/** Of all chunks, those are looked at whose id leaves this remainder. Trees and lists belong to remainder 0. */
	readonly remainder: number;
	readonly divisor: number;
	readonly signal?: AbortSignal | undefined;
}

/** Columns of the table. An object with no raw bytes is only there so that it is not looked through again. */
const ownerColumn = 0;
const rawColumn = 1;
const storedColumn = 2;
/** Bit 0: it counts, bit 1: it has bases. */
const flagsColumn = 3;
const countsFlag = 1;
const basedFlag = 2;
const columns = 4;
/** Places of so many objects are asked for at once. */
const batchIds = 16_384;
const turnEvery = 256;

interface Waiting {
	readonly kind: "tree" | "list";
	readonly id: ChunkId;
}

type Parts = {
	readonly objects: ObjectReader;
	readonly index: Pick<RepositoryIndex, "places">;
};

/**
 * Finds out which snapshot refers to which objects. A tree is looked through for the first snapshot that has it, and once more for
 * the second. Memory: 32 to 64 bytes for each object it looks at.
 */
export class OwnedObjects {
	readonly #parts: Parts;
	readonly #options: OwnerOptions;
	readonly #table = new IdTable(columns);
	/** Ids of objects whose places are not known yet. */
	readonly #unplaced = new Uint8Array(batchIds * idBytes);
	#unplacedCount = 0;
	#owner = 0;
	#counts = false;
	#steps = 0;

	constructor(parts: Parts, options: OwnerOptions) {
		this.#parts = parts;
		this.#options = options;
	}

	/** Notes all that a snapshot refers to. `owner` is its number, from 1 on; snapshots that count come before others. */
	async visit(
		record: Pick<SnapshotRecord, "roots" | "links" | "scan">,
		owner: number,
		counts: boolean,
	): Promise<void> {
		this.#owner = owner;
		this.#counts = counts;
		const open: Waiting[] = record.roots.map(({ tree }) => ({
			kind: "tree",
			id: tree,
		}));
		for (const id of [record.links, record.scan])
			if (id !== undefined) open.push({ kind: "list", id });
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			if (++this.#steps % turnEvery === 0) await this.#giveTurn();
			this.#look(next, open);
		}
	}

	/** All objects that were noted. */
	*objects(): Generator<OwnedObject> {
		this.#place();
		const table = this.#table;
		for (const slot of table.slots()) {
			const raw = table.get(rawColumn, slot);
			if (raw === 0) continue;
			const owner = table.get(ownerColumn, slot);
			const flags = table.get(flagsColumn, slot);
			const counts = (flags & countsFlag) !== 0;
			const based = (flags & basedFlag) !== 0;
			const stored = table.get(storedColumn, slot);
			yield { owner, counts, based, raw, stored };
		}
	}

	async #giveTurn(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#options.signal?.throwIfAborted();
	}

	#look({ kind, id }: Waiting, open: Waiting[]): void {
		const ids = idToBytes(id);
		const claim = this.#claim(ids, 0);
		if (claim === "known") return;
		const bytes = this.#parts.objects.read(id);
		if (claim === "new" && this.#options.remainder === 0)
			this.#measure(ids, 0, bytes.length);
		if (kind === "list") this.#lookAtItems(decodeList(bytes), open);
		else if (isPaged(bytes))
			for (const { tree } of decodePages(bytes))
				open.push({ kind: "tree", id: tree });
		else
			for (const { tree, content } of decodeTree(bytes)) {
				if (tree !== undefined) open.push({ kind: "tree", id: tree });
				this.#lookAtItems(content, open);
			}
	}

	#lookAtItems({ kinds, lengths, ids }: Content, open: Waiting[]): void {
		let at = 0;
		for (const [i, kind] of kinds.entries()) {
			if (kind === ItemKind.zeros) continue;
			if (kind === ItemKind.list)
				open.push({ kind: "list", id: idAt<ChunkId>(ids, at) });
			else if (this.#isMine(ids, at) && this.#claim(ids, at) === "new")
				this.#measure(ids, at, lengths[i] as number);
			at += idBytes;
		}
	}

	#isMine(ids: Bytes, at: number): boolean {
		const { remainder, divisor } = this.#options;
		const last = at + idBytes - 1;
		const number = (ids[last] as number) * 256 + (ids[last - 1] as number);
		return number % divisor === remainder;
	}

	/** "new" and "taken" (from the one snapshot that had it) must be looked through, what is known need not be. */
	#claim(ids: Bytes, at: number): "new" | "taken" | "known" {
		const slot = this.#table.slot(ids, at);
		const owner = this.#table.get(ownerColumn, slot);
		if (owner === this.#owner || owner === shared) return "known";
		this.#table.set(ownerColumn, slot, owner === 0 ? this.#owner : shared);
		if (owner !== 0) return "taken";
		this.#table.set(flagsColumn, slot, this.#counts ? countsFlag : 0);
		return "new";
	}

	#measure(ids: Bytes, at: number, raw: number): void {
		this.#table.set(rawColumn, this.#table.slot(ids, at), raw);
		const id = ids.subarray(at, at + idBytes);
		this.#unplaced.set(id, this.#unplacedCount++ * idBytes);
		if (this.#unplacedCount === batchIds) this.#place();
	}

	/** A frame's stored bytes belong to its chunks by their lengths. What is in no pack takes no room. */
	#place(): void {
		const count = this.#unplacedCount;
		this.#unplacedCount = 0;
		if (count === 0) return;
		const { ids } = sortIds(this.#unplaced, count);
		const places = this.#parts.index.places(ids);
		for (const [i, place] of places.entries()) {
			if (place === undefined || place.rawLength === 0) continue;
			const { storedLength, rawLength, length } = place;
			const stored = Math.round((storedLength * length) / rawLength);
			const slot = this.#table.slot(ids, i * idBytes);
			this.#table.set(storedColumn, slot, stored);
			if (place.bases.length === 0) continue;
			const flags = this.#table.get(flagsColumn, slot);
			this.#table.set(flagsColumn, slot, flags | basedFlag);
		}
	}
}

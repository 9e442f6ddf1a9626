import {
	type Bytes,
	type Hash64,
	idBytes,
	idToBytes,
	type PackId,
} from "@varve/format";
import { compareIdsAt } from "./id-order.ts";
import { SegmentBlock } from "./join-segment.ts";
import type { Change, Database } from "./level-database.ts";
import { basesKey, sealValue } from "./level-values.ts";
import { maxPlaceBytes, PlaceReader, PlaceWriter } from "./place-values.ts";
import type { SegmentSearch } from "./segment-search.ts";

const keyBytes = 1 + idBytes;
/** Changes that LevelDB gets at a time. */
const batchSize = 4096;

/**
 * Writes all places of a segment into LevelDB, beside those already there. That the segment is merged is for the caller to write,
 * afterwards. Returns how many of its chunks had that same place already.
 */
export async function mergeSegment(
	database: Database,
	search: SegmentSearch,
	hash64: Hash64,
): Promise<number> {
	await mergeBases(database, search, hash64);
	const merge = new SegmentMerge(search, hash64);
	let known = 0;
	for (let first = 0; first < search.chunks; first += merge.block.capacity) {
		merge.block.load(first);
		const keys = merge.keys();
		const values = await database.getMany(keys);
		const changes = merge.changes(keys, values);
		known += merge.block.rows - merge.added;
		await database.batch(changes);
	}
	return known;
}

async function mergeBases(
	database: Database,
	{ reader }: SegmentSearch,
	hash64: Hash64,
): Promise<void> {
	let changes: Change[] = [];
	for (let i = 0; i < reader.layout.frames; i++) {
		const { pack, offset, bases } = reader.frame(i);
		if (bases.length === 0) continue;
		const key = basesKey(idToBytes(pack), offset);
		changes.push({ type: "put", key, value: sealValue(key, bases, hash64) });
		if (changes.length < batchSize) continue;
		await database.batch(changes);
		changes = [];
	}
	if (changes.length > 0) await database.batch(changes);
}

/** Turns blocks of rows into changes. */
class SegmentMerge {
	readonly block: SegmentBlock;
	/** Rows of the block that were not known. */
	added = 0;
	readonly #writer: PlaceWriter;
	readonly #known: PlaceReader;
	readonly #packs = new Map<PackId, Bytes>();

	constructor(search: SegmentSearch, hash64: Hash64) {
		this.block = new SegmentBlock(search, batchSize);
		this.#writer = new PlaceWriter(hash64);
		this.#known = new PlaceReader(hash64);
	}

	/** One for each id in the block. */
	keys(): Bytes[] {
		const { ids, rows } = this.block;
		const keys: Bytes[] = [];
		const all = new Uint8Array(rows * keyBytes);
		for (let row = 0; row < rows; row++) {
			if (row > 0 && this.#isRepeated(row)) continue;
			const key = all.subarray(row * keyBytes, (row + 1) * keyBytes);
			key[0] = "c".charCodeAt(0);
			key.set(ids.subarray(row * idBytes, (row + 1) * idBytes), 1);
			keys.push(key);
		}
		return keys;
	}

	/** True if the row has the id of the one before it. */
	#isRepeated(row: number): boolean {
		const { ids } = this.block;
		return compareIdsAt(ids, row * idBytes, ids, (row - 1) * idBytes) === 0;
	}

	changes(
		keys: readonly Bytes[],
		values: readonly (Bytes | undefined)[],
	): Change[] {
		const { rows } = this.block;
		const changes: Change[] = [];
		const all = new Uint8Array(rows * maxPlaceBytes);
		let at = 0;
		this.added = 0;
		for (let row = 0, i = 0; row < rows; i++) {
			const start = at;
			const key = keys[i] as Bytes;
			do {
				const end = this.#place(key, row, { target: all, at });
				if (!this.#isKnown(values[i], all, at)) {
					at = end;
					this.added++;
				}
				row++;
			} while (row < rows && this.#isRepeated(row));
			if (at > start)
				changes.push({
					type: "put",
					key,
					value: joined(values[i], all.subarray(start, at)),
				});
		}
		return changes;
	}

	#place(key: Bytes, row: number, out: { target: Bytes; at: number }): number {
		const { frame, ordinal, length } = this.block.place(row);
		const { kind, offset, storedLength, rawLength } = frame;
		const place = {
			kind,
			based: !frame.plain,
			offset,
			storedLength,
			rawLength,
			ordinal,
			length,
		};
		return this.#writer.write(
			key,
			{ pack: this.#bytesOf(frame.pack), place },
			out,
		);
	}

	#bytesOf(pack: PackId): Bytes {
		let bytes = this.#packs.get(pack);
		if (bytes === undefined) {
			bytes = idToBytes(pack);
			this.#packs.set(pack, bytes);
		}
		return bytes;
	}

	/** True if the place that begins at `at` is one of those in the value. */
	#isKnown(value: Bytes | undefined, place: Bytes, at: number): boolean {
		if (value === undefined) return false;
		const known = this.#known;
		known.start(value);
		let start = 0;
		while (known.next()) {
			if (beginsEqually(value, { start, end: known.end }, place, at))
				return true;
			start = known.end;
		}
		return false;
	}
}

function beginsEqually(
	value: Bytes,
	{ start, end }: { start: number; end: number },
	place: Bytes,
	at: number,
): boolean {
	for (let i = 0; i < end - start; i++)
		if (value[start + i] !== place[at + i]) return false;
	return true;
}

function joined(value: Bytes | undefined, places: Bytes): Bytes {
	if (value === undefined) return places;
	const both = new Uint8Array(value.length + places.length);
	both.set(value);
	both.set(places, value.length);
	return both;
}

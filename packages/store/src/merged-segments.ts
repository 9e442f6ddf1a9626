import {
	ByteReader,
	type Bytes,
	ByteWriter,
	type Hash64,
	idAt,
	idBytes,
	idToBytes,
	type PackId,
} from "@varve/format";
import { type Database, entriesOf, type Put } from "./level-database.ts";
import { DamagedValue, keyOf, openValue, sealValue } from "./level-values.ts";
import type { SegmentSearch } from "./segment-search.ts";

/** What LevelDB says of a segment that was merged into it. */
export interface MergedSegment {
	readonly chunks: number;
	/** Id (32) and size (8) of each pack. */
	readonly packs: Bytes;
}

const packBytes = idBytes + 8;

export function describeMerged({ reader }: SegmentSearch): MergedSegment {
	const { packs, chunks } = reader.layout;
	const writer = new ByteWriter(packs * packBytes);
	for (let i = 0; i < packs; i++) {
		const { id, size } = reader.pack(i);
		writer.bytes(idToBytes(id));
		writer.u64(size);
	}
	return { chunks, packs: writer.finish() };
}

export function* packsOfMerged({
	packs,
}: MergedSegment): Generator<{ id: PackId; size: number }> {
	const reader = new ByteReader(packs, "merged segment");
	while (reader.left > 0)
		yield { id: idAt<PackId>(reader.bytes(idBytes)), size: reader.u64() };
}

export function putMerged(
	segment: string,
	{ chunks, packs }: MergedSegment,
	hash64: Hash64,
): Put {
	const key = keyOf("g", idToBytes(segment));
	const writer = new ByteWriter(4 + packs.length);
	writer.u32(chunks);
	writer.bytes(packs);
	return { type: "put", key, value: sealValue(key, writer.view(), hash64) };
}

/** All of them, by name. Throws DamagedValue. */
export async function readMerged(
	database: Database,
	hash64: Hash64,
): Promise<Map<string, MergedSegment>> {
	const merged = new Map<string, MergedSegment>();
	for await (const entries of entriesOf(database, "g"))
		for (const [key, value] of entries) {
			const payload = openValue(key, value, hash64);
			if (key.length !== 1 + idBytes || payload.length % packBytes !== 4)
				throw new DamagedValue("bad description of a segment");
			const chunks = new ByteReader(payload, "merged segment").u32();
			merged.set(idAt(key, 1), { chunks, packs: payload.slice(4) });
		}
	return merged;
}

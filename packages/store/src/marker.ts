import {
	ByteReader,
	ByteWriter,
	type Hash64,
	idAt,
	idToBytes,
} from "@varve/format";
import type { Database, Put } from "./level-database.ts";
import {
	DamagedValue,
	markerKey,
	openValue,
	sealValue,
} from "./level-values.ts";

/** What a LevelDB says of itself. */
export interface Marker {
	/** 64 hex digits. */
	readonly repository: string;
	/** Places in it, gone ones included. */
	readonly chunks: number;
	/** Places that came with segments that are gone, and with no other since. */
	readonly stale: number;
}

export function emptyMarker(repository: string): Marker {
	return { repository, chunks: 0, stale: 0 };
}

/** Undefined if there is none. Throws DamagedValue. */
export async function readMarker(
	database: Database,
	hash64: Hash64,
): Promise<Marker | undefined> {
	const value = await database.get(markerKey);
	if (value === undefined) return undefined;
	const payload = openValue(markerKey, value, hash64);
	if (payload.length !== 48) throw new DamagedValue("bad marker");
	const reader = new ByteReader(payload, "marker");
	const repository = idAt<string>(reader.bytes(32));
	return { repository, chunks: reader.u64(), stale: reader.u64() };
}

export async function writeMarker(
	database: Database,
	marker: Marker,
	hash64: Hash64,
): Promise<void> {
	await database.batch([putMarker(marker, hash64)]);
}

export function putMarker(marker: Marker, hash64: Hash64): Put {
	const writer = new ByteWriter(48);
	writer.bytes(idToBytes(marker.repository));
	writer.u64(marker.chunks);
	writer.u64(marker.stale);
	const value = sealValue(markerKey, writer.view(), hash64);
	return { type: "put", key: markerKey, value };
}

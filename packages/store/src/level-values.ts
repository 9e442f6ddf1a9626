import { type Bytes, type Hash64, idBytes, utf8 } from "@varve/format";

/**
 * Keys and values of the index in LevelDB, which does not detect rot: each value carries an XXH64 of its own.
 *
 *     c id(32)              places of a chunk, see below
 *     f pack(32) offset(4)  ids of the bases of a frame
 *     g segment(32)         a merged segment: chunks (4), then id (32) and size (8) of each of its packs
 *     s snapshot(32)        bytes of a record
 *     v pack(32)            when all of a pack was found good (8)
 *     m                     marker: repository (32), chunks merged (8), chunks of merged segments that are gone (8)
 *
 * All but places: version 1 (1), payload, XXH64 of key, version and payload (8).
 *
 * A place: version 1 in the upper and kind of the frame in the lower bits, bit 2 set if it has bases (1); first bytes of the pack's
 * id (6); offset, stored length, raw length, ordinal, length (varints); XXH64 of key, all before, and the pack's id (8). So a
 * place stands only with the pack it was written for. Places of one chunk follow each other.
 *
 * Numbers of fixed width are little endian, those in keys big endian.
 */

/** A value that is not what was written: the index is not to be trusted. */
export class DamagedValue extends Error {}

const version = 1;
const checkBytes = 8;

export function keyOf(prefix: string, id: Bytes, at = 0): Bytes {
	const key = new Uint8Array(1 + idBytes);
	key[0] = prefix.charCodeAt(0);
	key.set(id.subarray(at, at + idBytes), 1);
	return key;
}

export const markerKey = utf8("m");

export function basesKey(pack: Bytes, offset: number): Bytes {
	const key = new Uint8Array(1 + idBytes + 4);
	key[0] = "f".charCodeAt(0);
	key.set(pack, 1);
	new DataView(key.buffer).setUint32(1 + idBytes, offset);
	return key;
}

/** A value with its checksum. */
export function sealValue(key: Bytes, payload: Bytes, hash64: Hash64): Bytes {
	const value = new Uint8Array(1 + payload.length + checkBytes);
	value[0] = version;
	value.set(payload, 1);
	const end = value.length - checkBytes;
	const check = checkOf(key, value.subarray(0, end), hash64);
	new DataView(value.buffer).setBigUint64(end, check, true);
	return value;
}

/** The payload, a view. Throws DamagedValue. */
export function openValue(key: Bytes, value: Bytes, hash64: Hash64): Bytes {
	const end = value.length - checkBytes;
	if (end < 1 || value[0] !== version) throw new DamagedValue("bad version");
	const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
	const check = checkOf(key, value.subarray(0, end), hash64);
	if (view.getBigUint64(end, true) !== check)
		throw new DamagedValue("bad checksum");
	return value.subarray(1, end);
}

function checkOf(key: Bytes, bytes: Bytes, hash64: Hash64): bigint {
	const both = new Uint8Array(key.length + bytes.length);
	both.set(key);
	both.set(bytes, key.length);
	return hash64(both);
}

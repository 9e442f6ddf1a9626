import { type Bytes, type Hash64, idBytes, type PackKind } from "@varve/format";
import { DamagedValue } from "./level-values.ts";

/** The places of a chunk as LevelDB holds them: see level-values.ts. */

/** Bytes of a pack's id in a place: that it is the right one the checksum tells. */
export const packPrefixBytes = 6;
const keyBytes = 1 + idBytes;
const version = 1 << 4;
const basedBit = 4;
const checkBytes = 8;
/** The longest place: flags, prefix, five varints of at most 5 bytes, checksum. */
export const maxPlaceBytes = 1 + packPrefixBytes + 25 + checkBytes;

export interface PlaceFields {
	readonly kind: PackKind;
	/** The frame has bases. */
	readonly based: boolean;
	readonly offset: number;
	readonly storedLength: number;
	readonly rawLength: number;
	readonly ordinal: number;
	readonly length: number;
}

/** Writes places, for one thread. */
export class PlaceWriter {
	readonly #hash64: Hash64;
	/** Key, place, pack: what the checksum is of. */
	readonly #scratch = new Uint8Array(keyBytes + maxPlaceBytes + idBytes);

	constructor(hash64: Hash64) {
		this.#hash64 = hash64;
	}

	/** Writes the place of the chunk with this key into `target` at `at`; returns where it ends. */
	write(
		key: Bytes,
		{ pack, place }: { pack: Bytes; place: PlaceFields },
		{ target, at }: { target: Bytes; at: number },
	): number {
		const s = this.#scratch;
		s.set(key);
		s[keyBytes] = version | place.kind | (place.based ? basedBit : 0);
		s.set(pack.subarray(0, packPrefixBytes), keyBytes + 1);
		let end = keyBytes + 1 + packPrefixBytes;
		end = writeVarint(s, end, place.offset);
		end = writeVarint(s, end, place.storedLength);
		end = writeVarint(s, end, place.rawLength);
		end = writeVarint(s, end, place.ordinal);
		end = writeVarint(s, end, place.length);
		s.set(pack, end);
		const check = this.#hash64(s.subarray(0, end + idBytes));
		new DataView(s.buffer).setBigUint64(end, check, true);
		end += checkBytes;
		target.set(s.subarray(keyBytes, end), at);
		return at + end - keyBytes;
	}
}

function writeVarint(target: Bytes, at: number, value: number): number {
	let rest = value;
	let end = at;
	while (rest >= 0x80) {
		target[end++] = (rest & 0x7f) | 0x80;
		rest = Math.floor(rest / 0x80);
	}
	target[end++] = rest;
	return end;
}

/** Reads the places of a value, one after the other, without an object for each. */
export class PlaceReader implements PlaceFields {
	readonly #hash64: Hash64;
	/** Key, place, pack, checksum. */
	readonly #scratch = new Uint8Array(keyBytes + maxPlaceBytes + idBytes);
	readonly #view = new DataView(this.#scratch.buffer);
	#value: Bytes = new Uint8Array(0);
	#start = 0;
	#at = 0;
	kind: PackKind = 1;
	based = false;
	offset = 0;
	storedLength = 0;
	rawLength = 0;
	ordinal = 0;
	length = 0;

	constructor(hash64: Hash64) {
		this.#hash64 = hash64;
	}

	start(value: Bytes): void {
		this.#value = value;
		this.#at = 0;
	}

	/** The value; the pack's first bytes stand at `prefixAt`. */
	get value(): Bytes {
		return this.#value;
	}

	get prefixAt(): number {
		return this.#start + 1;
	}

	/** Where the place ends, checksum included. */
	get end(): number {
		return this.#at;
	}

	/** Reads the next place; false after the last. Throws DamagedValue. */
	next(): boolean {
		if (this.#at === this.#value.length) return false;
		this.#start = this.#at;
		const flags = this.#value[this.#start] as number;
		const kind = flags & 3;
		if ((flags & 0xf8) !== version || kind === 0 || kind === 3)
			throw new DamagedValue("bad version of a place");
		this.kind = kind as PackKind;
		this.based = (flags & basedBit) !== 0;
		this.#at = this.#start + 1 + packPrefixBytes;
		this.offset = this.#varint();
		this.storedLength = this.#varint();
		this.rawLength = this.#varint();
		this.ordinal = this.#varint();
		this.length = this.#varint();
		this.#at += checkBytes;
		if (this.#at > this.#value.length)
			throw new DamagedValue("a place is cut off");
		return true;
	}

	/** True if the place just read was written for this chunk and this pack, and is whole. */
	isOf(key: Bytes, pack: Bytes): boolean {
		const s = this.#scratch;
		const payload = this.#at - checkBytes;
		s.set(key);
		s.set(this.#value.subarray(this.#start, payload), keyBytes);
		const end = keyBytes + payload - this.#start;
		s.set(pack, end);
		const check = this.#hash64(s.subarray(0, end + idBytes));
		this.#view.setBigUint64(0, check, true);
		for (let i = 0; i < checkBytes; i++)
			if (s[i] !== this.#value[payload + i]) return false;
		return true;
	}

	#varint(): number {
		let value = 0;
		let scale = 1;
		for (let i = 0; i < 5; i++) {
			const byte = this.#value[this.#at++];
			if (byte === undefined) break;
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
			scale *= 0x80;
		}
		throw new DamagedValue("bad number in a place");
	}
}

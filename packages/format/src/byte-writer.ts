import type { Bytes } from "./bytes.ts";
import { putHex } from "./hex.ts";

const encoder = new TextEncoder();

/** Below this length a loop is faster than a call of `set`. */
const shortLength = 40;

/** Appends numbers and bytes to a buffer that grows. All numbers are little endian. */
export class ByteWriter {
	#bytes: Uint8Array<ArrayBuffer>;
	#view: DataView;
	#length = 0;

	constructor(capacity = 1024) {
		this.#bytes = new Uint8Array(capacity);
		this.#view = new DataView(this.#bytes.buffer);
	}

	get length(): number {
		return this.#length;
	}

	/** Forgets what was written and keeps the buffer. */
	reset(): void {
		this.#length = 0;
	}

	/** The written bytes, as a view that the next write may invalidate. */
	view(): Uint8Array<ArrayBuffer> {
		return this.#bytes.subarray(0, this.#length);
	}

	/** The written bytes, as a copy of their own. */
	finish(): Uint8Array<ArrayBuffer> {
		return this.#bytes.slice(0, this.#length);
	}

	/** Makes room for `count` bytes, whatever stood there before, advances over them and returns where they begin. */
	reserve(count: number): number {
		const at = this.#length;
		const needed = at + count;
		if (needed > this.#bytes.length) this.#grow(needed);
		this.#length = needed;
		return at;
	}

	/** `count` bytes of zero. */
	zeros(count: number): void {
		const at = this.reserve(count);
		this.#bytes.fill(0, at, at + count);
	}

	u8(value: number): void {
		const at = this.reserve(1);
		this.#bytes[at] = value;
	}

	u16(value: number): void {
		const at = this.reserve(2);
		this.#bytes[at] = value;
		this.#bytes[at + 1] = value >>> 8;
	}

	u32(value: number): void {
		const at = this.reserve(4);
		this.#view.setUint32(at, value, true);
	}

	/** A whole number from 0 to 2^53 - 1 in eight bytes. */
	u64(value: number): void {
		requireCount(value);
		const at = this.reserve(8);
		this.#view.setUint32(at, value % 0x1_0000_0000, true);
		this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
	}

	big64(value: bigint): void {
		const at = this.reserve(8);
		this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
	}

	/** LEB128, 0 to 2^53 - 1, in as few bytes as possible. */
	varint(value: number): void {
		requireCount(value);
		let end = this.reserve(8);
		let rest = value;
		// Above 2^31 the operators on bits are wrong, below they are faster.
		while (rest > 0x7fff_ffff) {
			this.#bytes[end++] = (rest % 0x80) | 0x80;
			rest = Math.floor(rest / 0x80);
		}
		while (rest >= 0x80) {
			this.#bytes[end++] = (rest & 0x7f) | 0x80;
			rest >>>= 7;
		}
		this.#bytes[end++] = rest;
		this.#length = end;
	}

	bytes(source: Bytes): void {
		const length = source.length;
		const at = this.reserve(length);
		if (length > shortLength) this.#bytes.set(source, at);
		else
			for (let i = 0; i < length; i++)
				this.#bytes[at + i] = source[i] as number;
	}

	/** The bytes that a text in lower-case hex stands for. */
	hex(text: string): void {
		const at = this.reserve(text.length >>> 1);
		if (!putHex(text, this.#bytes, at))
			throw new Error(`not lower-case hex: ${text.slice(0, 80)}`);
	}

	/** UTF-8 with its length before it. */
	text(value: string): void {
		this.block(encoder.encode(value));
	}

	/** Bytes with their length before them. */
	block(source: Bytes): void {
		this.varint(source.length);
		this.bytes(source);
	}

	setU32(at: number, value: number): void {
		this.#view.setUint32(at, value, true);
	}

	#grow(needed: number): void {
		const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
		larger.set(this.#bytes.subarray(0, this.#length));
		this.#bytes = larger;
		this.#view = new DataView(larger.buffer);
	}
}

function requireCount(value: number): void {
	if (!Number.isSafeInteger(value) || value < 0)
		throw new Error(`not a whole number from 0 to 2^53 - 1: ${value}`);
}

import { CorruptError } from "./errors.ts";

/** Bytes of this package: always over a plain ArrayBuffer, never a pool shared with strangers. */
export type Bytes = Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
	return encoder.encode(text);
}

/** Throws a CorruptError for bytes that are not UTF-8. */
export function fromUtf8(bytes: Bytes, what: string): string {
	try {
		return decoder.decode(bytes);
	} catch (cause) {
		throw new CorruptError(
			"NOT_UTF8",
			`${what} is not valid UTF-8`,
			{},
			{
				cause,
			},
		);
	}
}

/** Order of bytes, as memcmp: negative, zero or positive. Names and ids are always sorted by this. */
export function compareBytes(a: Bytes, b: Bytes): number {
	const n = Math.min(a.length, b.length);
	for (let i = 0; i < n; i++) {
		const d = (a[i] as number) - (b[i] as number);
		if (d !== 0) return d;
	}
	return a.length - b.length;
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
	return a.length === b.length && compareBytes(a, b) === 0;
}

const hexDigits = Array.from({ length: 256 }, (_, i) =>
	i.toString(16).padStart(2, "0"),
);

export function toHex(bytes: Bytes, start = 0, end = bytes.length): string {
	let text = "";
	for (let i = start; i < end; i++) text += hexDigits[bytes[i] as number];
	return text;
}

/** Throws a CorruptError unless `text` is lower-case hex of whole bytes. */
export function fromHex(text: string): Bytes {
	if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
		throw new CorruptError(
			"NOT_HEX",
			`not lower-case hex: ${text.slice(0, 80)}`,
		);
	const bytes = new Uint8Array(text.length / 2);
	for (let i = 0; i < bytes.length; i++)
		bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
	return bytes;
}

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

	/** Makes room for `count` bytes, advances over them and returns where they begin. */
	reserve(count: number): number {
		const at = this.#length;
		const needed = at + count;
		if (needed > this.#bytes.length) this.#grow(needed);
		this.#length = needed;
		return at;
	}

	u8(value: number): void {
		const at = this.reserve(1);
		this.#bytes[at] = value;
	}

	u16(value: number): void {
		const at = this.reserve(2);
		this.#view.setUint16(at, value, true);
	}

	u32(value: number): void {
		const at = this.reserve(4);
		this.#view.setUint32(at, value, true);
	}

	/** A whole number from 0 to 2^53 - 1 in eight bytes. */
	u64(value: number): void {
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
		let rest = value;
		const at = this.reserve(8);
		let end = at;
		while (rest >= 0x80) {
			this.#bytes[end++] = (rest % 0x80) | 0x80;
			rest = Math.floor(rest / 0x80);
		}
		this.#bytes[end++] = rest;
		this.#length = end;
	}

	bytes(source: Bytes): void {
		const at = this.reserve(source.length);
		this.#bytes.set(source, at);
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

/** Reads what ByteWriter wrote; running past the end or a number out of range is a CorruptError naming `what`. */
export class ByteReader {
	readonly #bytes: Bytes;
	readonly #view: DataView;
	readonly #what: string;
	#at: number;

	constructor(bytes: Bytes, what: string, start = 0) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#what = what;
		this.#at = start;
	}

	get at(): number {
		return this.#at;
	}

	get left(): number {
		return this.#bytes.length - this.#at;
	}

	/** Advances over `count` bytes and returns where they begin. */
	skip(count: number): number {
		const at = this.#at;
		if (!(count >= 0) || at + count > this.#bytes.length)
			this.fail(`ends too early, at byte ${this.#bytes.length}`);
		this.#at = at + count;
		return at;
	}

	u8(): number {
		return this.#bytes[this.skip(1)] as number;
	}

	u16(): number {
		return this.#view.getUint16(this.skip(2), true);
	}

	u32(): number {
		return this.#view.getUint32(this.skip(4), true);
	}

	u64(): number {
		const at = this.skip(8);
		const high = this.#view.getUint32(at + 4, true);
		if (high >= 0x20_0000) this.fail(`holds a number over 2^53 at byte ${at}`);
		return high * 0x1_0000_0000 + this.#view.getUint32(at, true);
	}

	big64(): bigint {
		return this.#view.getBigUint64(this.skip(8), true);
	}

	/** Only the shortest form is accepted, so that each number has one encoding. */
	varint(): number {
		const start = this.#at;
		let value = 0;
		let scale = 1;
		for (;;) {
			const byte = this.u8();
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) {
				if (byte === 0 && this.#at - start > 1)
					this.fail(`holds an overlong number at byte ${start}`);
				break;
			}
			scale *= 0x80;
			if (scale > 2 ** 49)
				this.fail(`holds a number over 2^53 at byte ${start}`);
		}
		if (value > Number.MAX_SAFE_INTEGER)
			this.fail(`holds a number over 2^53 at byte ${start}`);
		return value;
	}

	/** A view of the next `count` bytes. */
	bytes(count: number): Bytes {
		const at = this.skip(count);
		return this.#bytes.subarray(at, at + count);
	}

	block(): Bytes {
		return this.bytes(this.varint());
	}

	text(): string {
		return fromUtf8(this.block(), this.#what);
	}

	/** Nothing may follow. */
	end(): void {
		if (this.left !== 0) this.fail(`has ${this.left} bytes too many`);
	}

	fail(problem: string): never {
		throw new CorruptError("MALFORMED", `${this.#what} ${problem}`, {
			what: this.#what,
		});
	}
}

import { type Bytes, fromUtf8 } from "./bytes.ts";
import { CorruptError } from "./errors.ts";

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
		if (!(start >= 0 && start <= bytes.length)) this.fail("is too short");
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
		if (!(count >= 0 && at + count <= this.#bytes.length))
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
		const first = this.u8();
		return first < 0x80 ? first : this.#longVarint(first);
	}

	#longVarint(first: number): number {
		const start = this.#at - 1;
		let value = first & 0x7f;
		for (let scale = 0x80; ; scale *= 0x80) {
			const byte = this.u8();
			value += (byte & 0x7f) * scale;
			if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 49)
				this.fail(`holds a number over 2^53 at byte ${start}`);
			if (byte >= 0x80) continue;
			if (byte === 0) this.fail(`holds an overlong number at byte ${start}`);
			return value;
		}
	}

	/** The number of things that follow, each of at least `size` bytes: checked before anything is made for them. */
	count(size: number, things: string): number {
		const count = this.varint();
		if (count * size > this.left) this.fail(`names ${count} ${things}`);
		return count;
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

	/** `count` bytes that must be zero. */
	zeros(count: number): void {
		const at = this.skip(count);
		for (let i = at; i < at + count; i++)
			if (this.#bytes[i] !== 0) this.fail(`is not zero at byte ${i}`);
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

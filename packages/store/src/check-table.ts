import type { Bytes } from "@varve/format";
import { Crc32c } from "./crc32c.ts";

/**
 * LevelDB's tables carry a CRC for each block, but classic-level does not have it checked: a flipped bit gives wrong entries, or
 * ends the process by a failed assertion. So we check, where it is in doubt whether a table is as it was written.
 *
 * A table: blocks, each followed by its compression (1 byte) and a masked CRC-32C of both (4), then a footer of 48 bytes: offset and
 * size, as varints, of the meta index block and of the index block, padding up to byte 40, magic. An entry of an index block: lengths
 * of the shared part of the key, the rest of it, and the value (varints), that rest, and the value: offset and size of a block.
 * A block ends with its restart points (4 bytes each) and their number (4).
 */

const footerBytes = 48;
const trailerBytes = 5;
const magic = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/** True if the footer is well-formed and each block has the checksum it should have. */
export function isSoundTable(bytes: Bytes): boolean {
	try {
		new TableCheck(bytes).run();
		return true;
	} catch (error) {
		if (error instanceof BadTable) return false;
		throw error;
	}
}

class BadTable extends Error {}

interface Block {
	readonly at: number;
	readonly end: number;
}

class TableCheck {
	readonly #bytes: Bytes;
	readonly #view: DataView;
	readonly #crc = new Crc32c();
	#at = 0;

	constructor(bytes: Bytes) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	}

	run(): void {
		const { length } = this.#bytes;
		if (length < footerBytes) throw new BadTable();
		if (!magic.every((byte, i) => this.#bytes[length - 8 + i] === byte))
			throw new BadTable();
		this.#at = length - footerBytes;
		const metaIndex = this.#handle();
		const index = this.#handle();
		for (const block of [metaIndex, index])
			for (const inner of this.#entries(this.#checked(block)))
				this.#checked(inner);
	}

	/** Offset and size of a block. */
	#handle(): Block {
		const at = this.#varint();
		return { at, end: at + this.#varint() };
	}

	#varint(): number {
		let value = 0;
		let scale = 1;
		for (;;) {
			const byte = this.#bytes[this.#at++];
			if (byte === undefined || scale > 2 ** 49) throw new BadTable();
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
			scale *= 0x80;
		}
	}

	#checked(block: Block): Block {
		const { at, end } = block;
		if (end + trailerBytes > this.#bytes.length - footerBytes)
			throw new BadTable();
		const masked = this.#view.getUint32(end + 1, true);
		const rotated = (masked - 0xa282_ead8) >>> 0;
		const crc = ((rotated >>> 17) | (rotated << 15)) >>> 0;
		if (crc !== this.#crc.of(this.#bytes, at, end + 1)) throw new BadTable();
		return block;
	}

	/** The blocks an index block names. It is not compressed, for we ask for no compression; and its checksum was right. */
	*#entries({ at, end }: Block): Generator<Block> {
		if (this.#bytes[end] !== 0 || end - at < 4) throw new BadTable();
		const restarts = this.#view.getUint32(end - 4, true);
		const entriesEnd = end - 4 - 4 * restarts;
		for (let entry = at; entry < entriesEnd; ) {
			this.#at = entry;
			this.#varint();
			const keyLength = this.#varint();
			const valueLength = this.#varint();
			const value = this.#at + keyLength;
			this.#at = value;
			yield this.#handle();
			entry = value + valueLength;
		}
	}
}

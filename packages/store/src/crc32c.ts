import type { Bytes } from "@varve/format";

/** CRC-32C (Castagnoli), as LevelDB's tables have it. */
export class Crc32c {
	readonly #table = new Uint32Array(256);

	constructor() {
		for (let n = 0; n < 256; n++) {
			let c = n;
			for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f6_3b78 : c >>> 1;
			this.#table[n] = c >>> 0;
		}
	}

	of(bytes: Bytes, start: number, end: number): number {
		const table = this.#table;
		let crc = 0xffff_ffff;
		for (let i = start; i < end; i++)
			crc =
				(crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
		return (crc ^ 0xffff_ffff) >>> 0;
	}
}

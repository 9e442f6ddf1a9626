import type { Bytes } from "./bytes.ts";

function makeTable(): Uint32Array {
	const table = new Uint32Array(256);
	for (let i = 0; i < 256; i++) {
		let c = i;
		for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
		table[i] = c >>> 0;
	}
	return table;
}

const table = makeTable();

/** CRC-32 of IEEE 802.3 (as in zip and PNG) of bytes `start` to `end`. Guards frame headers and places page boundaries. */
export function crc32(bytes: Bytes, start = 0, end = bytes.length): number {
	let c = 0xffffffff;
	for (let i = start; i < end; i++)
		c = (table[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
	return (c ^ 0xffffffff) >>> 0;
}

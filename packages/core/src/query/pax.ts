import { type Bytes, encodeName, utf8 } from "@varve/format";

/** Records of a pax header: by keyword, bytes of any kind. */
export type PaxRecords = ReadonlyMap<string, Bytes>;

const blockBytes = 512;

/** A pax header as it stands before the entry that it speaks of: its own header block, and its records, padded. */
export function encodePax(records: PaxRecords): Bytes {
	const body = Buffer.concat([...records].map(encodeRecord));
	const padded = Math.ceil(body.length / blockBytes) * blockBytes;
	const bytes = Buffer.alloc(blockBytes + padded);
	writeHeader(bytes, body.length);
	body.copy(bytes, blockBytes);
	return bytes;
}

/** "LENGTH KEYWORD=VALUE\n", the length being that of the whole record. */
function encodeRecord([keyword, value]: readonly [string, Bytes]): Bytes {
	const rest = 1 + Buffer.byteLength(keyword) + 1 + value.length + 1;
	let length = rest + String(rest).length;
	length = rest + String(length).length;
	return Buffer.concat([utf8(`${length} ${keyword}=`), value, utf8("\n")]);
}

/** Fields of a ustar header: name, mode, owner, group, size, mtime, checksum, type, magic. */
function writeHeader(block: Buffer, size: number): void {
	block.write("PaxHeader", 0, "latin1");
	block.write("0000644\x000000000\x000000000\0", 100, "latin1");
	block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
	block.write(`${"0".repeat(11)}\0`, 136, "latin1");
	block.write("        x", 148, "latin1");
	block.write("ustar\x0000", 257, "latin1");
	const sum = block.subarray(0, blockBytes).reduce((a, b) => a + b, 0);
	block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

/** What a path text is in a pax record: its bytes, also where they are not UTF-8. */
export const paxText = (text: string): Bytes => encodeName(text);

/** Seconds with a fraction, as pax has times. */
export function paxTime(seconds: number, nanoseconds: number): Bytes {
	if (nanoseconds === 0) return utf8(String(seconds));
	const isNegative = seconds < 0;
	// -1 s and 0.25 s are -0.75 s.
	const whole = isNegative ? -seconds - 1 : seconds;
	const fraction = isNegative ? 1e9 - nanoseconds : nanoseconds;
	const digits = String(fraction).padStart(9, "0").replace(/0+$/, "");
	return utf8(`${isNegative ? "-" : ""}${whole}.${digits}`);
}

import type { Bytes } from "./bytes.ts";
import { CorruptError } from "./errors.ts";

const digits = "0123456789abcdef";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** For each byte its two digits in ASCII, as one number whose bytes in memory are those two, whatever the order of this machine. */
const digitPairs = makeDigitPairs();

/** For each ASCII code the value of the digit, or `notADigit`. */
const digitValues = makeDigitValues();
const notADigit = 0x80;

function makeDigitPairs(): Uint16Array {
	const bytes = new Uint8Array(512);
	for (let i = 0; i < 256; i++) {
		bytes[2 * i] = digits.charCodeAt(i >> 4);
		bytes[2 * i + 1] = digits.charCodeAt(i & 15);
	}
	return new Uint16Array(bytes.buffer);
}

function makeDigitValues(): Uint8Array {
	const values = new Uint8Array(128).fill(0x80);
	for (let i = 0; i < 16; i++) values[digits.charCodeAt(i)] = i;
	return values;
}

/** Bytes `start` to `end` in lower-case hex. */
export function toHex(bytes: Bytes, start = 0, end = bytes.length): string {
	const pairs = new Uint16Array(end - start);
	for (let i = start, to = 0; i < end; i++)
		pairs[to++] = digitPairs[bytes[i] as number] as number;
	return decoder.decode(new Uint8Array(pairs.buffer));
}

/** Throws a CorruptError unless `text` is lower-case hex of whole bytes. */
export function fromHex(text: string): Bytes {
	const bytes = new Uint8Array(text.length >>> 1);
	if (!putHex(text, bytes, 0))
		throw new CorruptError(
			"NOT_HEX",
			`not lower-case hex: ${text.slice(0, 80)}`,
		);
	return bytes;
}

/** Writes the bytes that `text` stands for at `at`, where there must be room. False if it is not lower-case hex of whole bytes. */
export function putHex(text: string, target: Bytes, at: number): boolean {
	let wrong = text.length & 1;
	for (let i = 0, to = at; i + 1 < text.length; i += 2) {
		const high = digitValue(text.charCodeAt(i));
		const low = digitValue(text.charCodeAt(i + 1));
		wrong |= (high | low) & ~15;
		target[to++] = (high << 4) | low;
	}
	return wrong === 0;
}

/** Over 15 for what is no digit. */
function digitValue(code: number): number {
	return code < 128 ? (digitValues[code] as number) : notADigit;
}

import { fromBase64, toBase64 } from "./base64.ts";
import { type Bytes, compareBytes } from "./bytes.ts";
import { CorruptError, InputError } from "./errors.ts";

/**
 * File names and paths are bytes on Linux and texts nearly always. In memory they are texts in which each byte that is not part
 * of valid UTF-8 stands as one lone surrogate, U+DC80 to U+DCFF, so that every name of any bytes has exactly one text and back.
 * UTF-8 has no surrogates, so such a text is never mistaken for a valid one: it is not well-formed UTF-16.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The first unit from which the order of UTF-16 is not that of bytes: surrogates and what stands above them. */
const firstUnordered = 0xd800;
const unordered = /[\ud800-\uffff]/;

/** The text for the bytes of a name. */
export function decodeName(bytes: Bytes): string {
	try {
		return strict.decode(bytes);
	} catch {
		// Not UTF-8 as a whole: that is what the escapes are for.
		return decodeEscaping(bytes);
	}
}

/** The bytes of a name, given its text. Throws an InputError for a text with other surrogates than the escapes. */
export function encodeName(name: string): Bytes {
	// Nearly all names are ASCII, and for those a loop is ten times as fast as TextEncoder.
	const bytes = new Uint8Array(name.length);
	for (let i = 0; i < name.length; i++) {
		const code = name.charCodeAt(i);
		if (code >= 0x80) return encodeWide(name);
		bytes[i] = code;
	}
	return bytes;
}

function encodeWide(name: string): Bytes {
	return name.isWellFormed() ? encoder.encode(name) : encodeEscaped(name);
}

/** False if the name holds bytes that are not UTF-8, and so cannot be given to a system call as a text. */
export function isPlainName(name: string): boolean {
	return name.isWellFormed();
}

function decodeEscaping(bytes: Bytes): string {
	let text = "";
	let plainFrom = 0;
	let at = 0;
	while (at < bytes.length) {
		const length = sequenceLength(bytes, at);
		if (length > 0) {
			at += length;
			continue;
		}
		text += strict.decode(bytes.subarray(plainFrom, at));
		text += String.fromCharCode(0xdc00 + (bytes[at++] as number));
		plainFrom = at;
	}
	return text + strict.decode(bytes.subarray(plainFrom));
}

/** Length of the valid UTF-8 sequence that begins at `at`, or 0. */
function sequenceLength(bytes: Bytes, at: number): number {
	const first = bytes[at] as number;
	if (first < 0x80) return 1;
	if (first < 0xc2 || first > 0xf4) return 0;
	const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	const [least, most] = secondByteOf(first);
	const second = bytes[at + 1] ?? 0;
	if (second < least || second > most) return 0;
	for (let i = at + 2; i < at + length; i++)
		if (((bytes[i] ?? 0) & 0xc0) !== 0x80) return 0;
	return length;
}

/** What may follow the first byte: no overlong forms, no surrogates, nothing above U+10FFFF. */
function secondByteOf(first: number): readonly [number, number] {
	if (first === 0xe0) return [0xa0, 0xbf];
	if (first === 0xed) return [0x80, 0x9f];
	if (first === 0xf0) return [0x90, 0xbf];
	if (first === 0xf4) return [0x80, 0x8f];
	return [0x80, 0xbf];
}

function encodeEscaped(name: string): Bytes {
	const bytes = new Uint8Array(name.length * 3);
	let length = 0;
	let plainFrom = 0;
	for (let at = 0; at < name.length; at++) {
		const code = name.charCodeAt(at);
		if (code < 0xd800 || code > 0xdfff) continue;
		if (isPair(name, at)) {
			at++;
			continue;
		}
		if (code < 0xdc80 || code > 0xdcff)
			throw new InputError("BAD_NAME", "a name holds half a character", {
				name: name.toWellFormed(),
			});
		length += putText(name.slice(plainFrom, at), bytes, length);
		bytes[length++] = code - 0xdc00;
		plainFrom = at + 1;
	}
	length += putText(name.slice(plainFrom), bytes, length);
	return bytes.slice(0, length);
}

function isPair(name: string, at: number): boolean {
	return (
		(name.charCodeAt(at) & 0xfc00) === 0xd800 &&
		(name.charCodeAt(at + 1) & 0xfc00) === 0xdc00
	);
}

function putText(text: string, target: Bytes, at: number): number {
	return encoder.encodeInto(text, target.subarray(at)).written;
}

/** For people and for JSON: bytes that are not UTF-8 become U+FFFD. */
export function printableName(name: string): string {
	return name.toWellFormed();
}

/** Sorts names by their bytes, in place. */
export function sortNames(names: string[]): string[] {
	names.sort();
	if (!names.some((name) => unordered.test(name))) return names;
	const pairs = names.map((name) => ({ name, bytes: encodeName(name) }));
	pairs.sort((a, b) => compareBytes(a.bytes, b.bytes));
	for (let i = 0; i < pairs.length; i++)
		names[i] = (pairs[i] as (typeof pairs)[0]).name;
	return names;
}

/** Order of the bytes of two names. */
export function compareNames(a: string, b: string): number {
	const n = Math.min(a.length, b.length);
	for (let i = 0; i < n; i++) {
		const x = a.charCodeAt(i);
		const y = b.charCodeAt(i);
		if (x === y) continue;
		if (x < firstUnordered && y < firstUnordered) return x - y;
		return compareBytes(encodeName(a), encodeName(b));
	}
	return a.length - b.length;
}

/** Members of a JSON object for a path: `path`, and `path_b64` (its bytes) where it is not valid UTF-8. */
export function pathFields(path: string): { path: string; path_b64?: string } {
	return isPlainName(path)
		? { path }
		: { path: printableName(path), path_b64: toBase64(encodeName(path)) };
}

/** The inverse of `pathFields`. Throws a CorruptError for members that `pathFields` does not make. */
export function pathOfFields(fields: {
	path: string;
	path_b64?: string | undefined;
}): string {
	const { path, path_b64 } = fields;
	const name = path_b64 === undefined ? path : decodeName(fromBase64(path_b64));
	const isRight =
		path_b64 === undefined
			? isPlainName(path)
			: !isPlainName(name) && printableName(name) === path;
	if (!isRight)
		throw new CorruptError("BAD_PATH", "a path and its bytes do not agree", {
			path: printableName(path),
		});
	return name;
}

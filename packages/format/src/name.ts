import type { Bytes } from "./bytes.ts";

/**
 * File names and paths are bytes on Linux and texts nearly always. In memory they are texts in which each byte that is not part
 * of valid UTF-8 stands as one lone surrogate, U+DC80 to U+DCFF, so that every name of any bytes has exactly one text and back.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const escaped = /[\udc80-\udcff]/;
const loneSurrogate = /\p{Surrogate}/u;

/** The text for the bytes of a name. */
export function decodeName(bytes: Bytes): string {
	try {
		return strict.decode(bytes);
	} catch {
		return decodeEscaping(bytes);
	}
}

/** The bytes of a name, given its text. */
export function encodeName(name: string): Bytes {
	return isPlainName(name) ? encoder.encode(name) : encodeEscaped(name);
}

/** False if the name holds bytes that are not UTF-8, and so cannot be given to a system call as a text. */
export function isPlainName(name: string): boolean {
	return !escaped.test(name) || !loneSurrogate.test(name);
}

function decodeEscaping(bytes: Bytes): string {
	let text = "";
	let at = 0;
	while (at < bytes.length) {
		const length = sequenceLength(bytes, at);
		if (length === 0)
			text += String.fromCharCode(0xdc00 + (bytes[at++] as number));
		else {
			text += strict.decode(bytes.subarray(at, at + length));
			at += length;
		}
	}
	return text;
}

/** Length of the valid UTF-8 sequence that begins at `at`, or 0. */
function sequenceLength(bytes: Bytes, at: number): number {
	for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
		try {
			strict.decode(bytes.subarray(at, at + length));
			return length;
		} catch {
			// Not a sequence of this length: a longer one may be.
		}
	}
	return 0;
}

function encodeEscaped(name: string): Bytes {
	const parts: number[] = [];
	for (const character of name) {
		const code = character.codePointAt(0) as number;
		if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
		else parts.push(...encoder.encode(character));
	}
	return Uint8Array.from(parts);
}

/** For people and for JSON: bytes that are not UTF-8 become U+FFFD. */
export function printableName(name: string): string {
	return isPlainName(name) ? name : name.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Sorts names by their bytes, in place. UTF-16 order is the same unless surrogates or the characters above them occur. */
export function sortNames(names: string[]): string[] {
	names.sort();
	return names.some((name) => /[\ud800-\uffff]/.test(name))
		? names.sort(compareNames)
		: names;
}

/** Order of the bytes of two names. */
export function compareNames(a: string, b: string): number {
	if (a === b) return 0;
	const x = encodeName(a);
	const y = encodeName(b);
	const n = Math.min(x.length, y.length);
	for (let i = 0; i < n; i++) {
		const d = (x[i] as number) - (y[i] as number);
		if (d !== 0) return d;
	}
	return x.length - y.length;
}

const base64 =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Members of a JSON object for a path: `path`, and `path_b64` (its bytes) where it is not valid UTF-8. */
export function pathFields(path: string): { path: string; path_b64?: string } {
	return isPlainName(path)
		? { path }
		: { path: printableName(path), path_b64: toBase64(encodeName(path)) };
}

/** The inverse of `pathFields`. */
export function pathOfFields(fields: {
	path: string;
	path_b64?: string | undefined;
}): string {
	return fields.path_b64 === undefined
		? fields.path
		: decodeName(fromBase64(fields.path_b64));
}

function toBase64(bytes: Bytes): string {
	let text = "";
	for (let i = 0; i < bytes.length; i += 3) {
		const [a, b, c] = [bytes[i] ?? 0, bytes[i + 1], bytes[i + 2]];
		const n = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
		text += base64.charAt(n >> 18) + base64.charAt((n >> 12) & 63);
		text += b === undefined ? "=" : base64.charAt((n >> 6) & 63);
		text += c === undefined ? "=" : base64.charAt(n & 63);
	}
	return text;
}

function fromBase64(text: string): Bytes {
	const digits = [...text.replace(/=+$/, "")].map((c) => base64.indexOf(c));
	const bytes: number[] = [];
	for (let i = 0; i + 1 < digits.length; i += 4) {
		const n = digits
			.slice(i, i + 4)
			.reduce((sum, d, k) => sum | (d << (18 - 6 * k)), 0);
		bytes.push(n >> 16);
		if (i + 2 < digits.length) bytes.push((n >> 8) & 255);
		if (i + 3 < digits.length) bytes.push(n & 255);
	}
	return Uint8Array.from(bytes);
}

import type { Bytes } from "./bytes.ts";
import { CorruptError } from "./errors.ts";

const digits =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648, section 4, padded. */
export function toBase64(bytes: Bytes): string {
	let text = "";
	for (let i = 0; i < bytes.length; i += 3) {
		const [a, b, c] = [bytes[i] ?? 0, bytes[i + 1], bytes[i + 2]];
		const n = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
		text += digits.charAt(n >> 18) + digits.charAt((n >> 12) & 63);
		text += b === undefined ? "=" : digits.charAt((n >> 6) & 63);
		text += c === undefined ? "=" : digits.charAt(n & 63);
	}
	return text;
}

/** Throws a CorruptError for anything that `toBase64` does not make: white space, missing padding, bits that stand for nothing. */
export function fromBase64(text: string): Bytes {
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const bytes = new Uint8Array(Math.max(0, (text.length / 4) * 3 - padding));
	let wrong = text.length % 4 !== 0;
	let bits = 0;
	for (let i = 0, to = 0; i < text.length - padding && !wrong; i++) {
		const digit = digits.indexOf(text.charAt(i));
		wrong = digit < 0;
		bits = ((bits << 6) | digit) & 0xffffff;
		if (i % 4 !== 0) bytes[to++] = bits >>> (6 - 2 * (i % 4));
	}
	const unused = padding === 0 ? 0 : bits & (padding === 2 ? 15 : 3);
	if (wrong || unused !== 0)
		throw new CorruptError("NOT_BASE64", `not base64: ${text.slice(0, 80)}`);
	return bytes;
}

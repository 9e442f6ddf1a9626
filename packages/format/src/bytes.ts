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
			{ what },
			{ cause },
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

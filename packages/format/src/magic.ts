import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { UnsupportedError } from "./errors.ts";

/**
 * Objects begin with four bytes: "V", the letter of their kind, the digit of its version, a zero byte. Files begin with eight
 * letters. What is sealed begins with "VARVESLD" in their place.
 */
const sealed = "VARVESLD";

/** Writes the letters of a magic, and no zero byte. */
export function writeMagic(writer: ByteWriter, magic: string): void {
	for (let i = 0; i < magic.length; i++) writer.u8(magic.charCodeAt(i));
}

export function readMagic(reader: ByteReader, magic: string): void {
	for (let i = 0; i < magic.length; i++)
		if (reader.u8() !== magic.charCodeAt(i))
			reader.fail(`does not hold ${magic}`);
}

/** Writes the beginning of an object of version 1: `letters` are its first two. */
export function beginObject(writer: ByteWriter, letters: string): void {
	writeMagic(writer, letters);
	writer.u8(0x31);
	writer.u8(0);
}

/** Reads the beginning of an object; another version of the same kind is an UnsupportedError naming `kind` and version. */
export function openObject(
	reader: ByteReader,
	letters: string,
	kind: string,
): void {
	readMagic(reader, letters);
	const version = reader.u8();
	if (reader.u8() !== 0) reader.fail(`does not begin with ${letters}1`);
	if (version === 0x31) return;
	const digit = String.fromCharCode(version);
	if (!/[0-9]/.test(digit)) reader.fail(`does not begin with ${letters}1`);
	throw new UnsupportedError(
		"UNKNOWN_OBJECT",
		`a ${kind} is of a newer version (${digit})`,
		{ feature: `${kind}-${digit}` },
	);
}

/** Throws an UnsupportedError for bytes that can be read with a key only. */
export function requireUnsealed(bytes: Bytes, what: string): void {
	for (let i = 0; i < sealed.length; i++)
		if (bytes[i] !== sealed.charCodeAt(i)) return;
	throw new UnsupportedError("SEALED", `${what} is sealed and no key is open`, {
		feature: "sealed",
	});
}

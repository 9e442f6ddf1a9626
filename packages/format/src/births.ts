import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Bytes } from "./bytes.ts";
import { beginObject, openObject } from "./magic.ts";

/** Bytes of one birth time: ns since 1970 (8 bytes, signed); 0 if it is not known. */
export const birthBytes = 8;

const letters = "VB";

/**
 * Birth times of the entries of one piece of the scan state, in its order: "VB1\0", then 8 bytes each. Such pieces follow those of the
 * scan state in its list, one for each, or there are none at all.
 */
export function encodeBirths(births: Bytes): Bytes {
	if (births.length % birthBytes !== 0)
		throw new Error(`birth times of ${births.length} bytes`);
	const w = new ByteWriter(4 + births.length);
	beginObject(w, letters);
	w.bytes(births);
	return w.finish();
}

/** True if a piece of the scan state is one of birth times. */
export function isBirths(piece: Bytes): boolean {
	return piece[0] === 0x56 && piece[1] === 0x42;
}

/** Throws a CorruptError for anything that `encodeBirths` does not write. */
export function decodeBirths(piece: Bytes): BigInt64Array<ArrayBuffer> {
	const r = new ByteReader(piece, "birth times");
	openObject(r, letters, "births");
	if (r.left % birthBytes !== 0) r.fail("ends within a time");
	const births = new BigInt64Array(r.left / birthBytes);
	for (let i = 0; i < births.length; i++)
		births[i] = BigInt.asIntN(64, r.big64());
	return births;
}

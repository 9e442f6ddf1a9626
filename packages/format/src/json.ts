import { type Bytes, fromUtf8, utf8 } from "./bytes.ts";
import { CorruptError, InputError } from "./errors.ts";
import { Fields } from "./fields.ts";
import { requireUnsealed } from "./magic.ts";

export type Json =
	| null
	| boolean
	| number
	| string
	| readonly Json[]
	| { readonly [key: string]: Json | undefined };

/** Arrays and objects in each other: deeper ones are refused, so that nothing that recurses over them runs out of stack. */
const maxDepth = 64;

/**
 * JSON with sorted keys, no white space and whole numbers only: one value, one text (RFC 8785 for such values). Members that are
 * undefined are left out. Throws an InputError for other numbers and for more than 64 levels.
 */
export function canonicalJson(value: Json): string {
	return encodeValue(value, maxDepth);
}

function encodeValue(value: Json, depth: number): string {
	if (value === null || typeof value === "boolean" || typeof value === "string")
		return JSON.stringify(value);
	if (typeof value === "number") {
		if (!Number.isSafeInteger(value))
			throw new InputError("BAD_JSON", `not a whole number: ${value}`);
		return JSON.stringify(value);
	}
	if (depth === 0)
		throw new InputError("BAD_JSON", `more than ${maxDepth} levels of JSON`);
	if (isArray(value))
		return `[${value.map((item) => encodeValue(item, depth - 1)).join(",")}]`;
	const members: string[] = [];
	for (const key of Object.keys(value).sort()) {
		const member = value[key];
		if (member !== undefined)
			members.push(`${JSON.stringify(key)}:${encodeValue(member, depth - 1)}`);
	}
	return `{${members.join(",")}}`;
}

function isArray(value: Json): value is readonly Json[] {
	return Array.isArray(value);
}

/** Returns the SHA-256 of bytes in hex; passed in, for this package knows no cryptography. */
export type Sha256Hex = (bytes: Bytes) => string;

/**
 * Objects whose file name is not their hash carry one of themselves: member `check` is the SHA-256 of their canonical JSON
 * without it.
 */
export function encodeChecked(
	value: { readonly [key: string]: Json | undefined },
	sha256: Sha256Hex,
): Bytes {
	const { check: _, ...rest } = value;
	return utf8(
		canonicalJson({ ...rest, check: sha256(utf8(canonicalJson(rest))) }),
	);
}

/** Throws a CorruptError for anything that `encodeChecked` does not write. */
export function decodeChecked(
	bytes: Bytes,
	what: string,
	sha256: Sha256Hex,
): Fields {
	const fields = decodeFields(bytes, what);
	const { check, ...rest } = fields.value;
	if (check !== sha256(utf8(canonicalJson(rest))))
		throw new CorruptError(
			"BAD_CHECK",
			`${what} is damaged: it does not match its own checksum`,
			{ what },
		);
	return fields;
}

export interface DecodeFieldsOptions {
	/** The bytes were found canonical before and are known to be the same: they are not compared with their encoding again. */
	readonly proven?: boolean;
}

/** The members of an object in canonical JSON; any other text is a CorruptError, even where it has the same meaning. */
export function decodeFields(
	bytes: Bytes,
	what: string,
	{ proven = false }: DecodeFieldsOptions = {},
): Fields {
	requireUnsealed(bytes, what);
	const text = fromUtf8(bytes, what);
	let canonical: string;
	let value: Json;
	try {
		value = JSON.parse(text);
		canonical = proven ? text : canonicalJson(value);
	} catch (cause) {
		// JSON.parse throws SyntaxError only, canonicalJson InputError only: either way these bytes were not written by us.
		throw new CorruptError(
			"NOT_JSON",
			`${what} is damaged: it is not JSON`,
			{ what },
			{ cause },
		);
	}
	if (canonical !== text)
		throw new CorruptError(
			"NOT_CANONICAL",
			`${what} is damaged: it is not canonical JSON`,
			{ what },
		);
	return new Fields(value, what);
}

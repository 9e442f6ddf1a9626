import { type Bytes, fromUtf8, utf8 } from "./bytes.ts";
import { CorruptError } from "./errors.ts";

export type Json =
	| null
	| boolean
	| number
	| string
	| readonly Json[]
	| { readonly [key: string]: Json | undefined };

/** JSON with sorted keys, no white space and whole numbers only: one value, one text. Members that are undefined are left out. */
export function canonicalJson(value: Json): string {
	if (value === null || typeof value === "boolean" || typeof value === "string")
		return JSON.stringify(value);
	if (typeof value === "number") {
		if (!Number.isSafeInteger(value))
			throw new Error(`not a whole number: ${value}`);
		return JSON.stringify(value);
	}
	if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
	const members = Object.keys(value)
		.sort()
		.flatMap((key) => {
			const member = value[key];
			return member === undefined
				? []
				: [`${JSON.stringify(key)}:${canonicalJson(member)}`];
		});
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

export function decodeFields(bytes: Bytes, what: string): Fields {
	let value: unknown;
	try {
		value = JSON.parse(fromUtf8(bytes, what));
	} catch (cause) {
		throw new CorruptError(
			"NOT_JSON",
			`${what} is damaged: it is not JSON`,
			{ what },
			{ cause },
		);
	}
	return new Fields(value, what);
}

/** Reads the members of a JSON object, each with the type it must have. */
export class Fields {
	readonly value: { readonly [key: string]: Json };
	readonly #what: string;

	constructor(value: unknown, what: string) {
		if (typeof value !== "object" || value === null || Array.isArray(value))
			throw new CorruptError(
				"NOT_JSON",
				`${what} is damaged: it is not a JSON object`,
				{ what },
			);
		this.value = value as { readonly [key: string]: Json };
		this.#what = what;
	}

	has(key: string): boolean {
		return this.value[key] !== undefined && this.value[key] !== null;
	}

	string(key: string): string {
		const value = this.value[key];
		return typeof value === "string" ? value : this.#fail(key, "a text");
	}

	/** A whole number of at least 0. */
	count(key: string): number {
		const value = this.value[key];
		return typeof value === "number" &&
			Number.isSafeInteger(value) &&
			value >= 0
			? value
			: this.#fail(key, "a count");
	}

	boolean(key: string): boolean {
		const value = this.value[key];
		return typeof value === "boolean"
			? value
			: this.#fail(key, "true or false");
	}

	strings(key: string): readonly string[] {
		const value = this.list(key);
		return value.every((v) => typeof v === "string")
			? (value as readonly string[])
			: this.#fail(key, "a list of texts");
	}

	list(key: string): readonly Json[] {
		const value = this.value[key];
		return Array.isArray(value) ? value : this.#fail(key, "a list");
	}

	fields(key: string): Fields {
		const value = this.value[key];
		return new Fields(value, `${this.#what}, member ${key}`);
	}

	fieldsList(key: string): Fields[] {
		return this.list(key).map(
			(v, i) => new Fields(v, `${this.#what}, member ${key}[${i}]`),
		);
	}

	#fail(key: string, expected: string): never {
		throw new CorruptError(
			"MALFORMED",
			`${this.#what} is damaged: member ${key} is not ${expected}`,
			{ what: this.#what },
		);
	}
}

import { CorruptError } from "./errors.ts";
import type { Json } from "./json.ts";

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)$/;

/** Reads the members of a JSON object, each with the type it must have; else a CorruptError says which has not. */
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
		return Object.hasOwn(this.value, key);
	}

	string(key: string): string {
		const value = this.#own(key);
		return typeof value === "string" ? value : this.fail(key, "a text");
	}

	/** A whole number of at least 0. */
	count(key: string): number {
		return this.integer(key, { least: 0 });
	}

	/** A whole number, not below `least` nor above `most`. */
	integer(
		key: string,
		{ least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER } = {},
	): number {
		const value = this.#own(key);
		return typeof value === "number" &&
			Number.isSafeInteger(value) &&
			value >= least &&
			value <= most
			? value
			: this.fail(key, least === 0 ? "a count" : "a whole number");
	}

	/** A moment in RFC 3339 with milliseconds. */
	time(key: string): string {
		const value = this.string(key);
		return time.test(value) && !Number.isNaN(Date.parse(value))
			? value
			: this.fail(key, "a time");
	}

	/** A SHA-256 in hex. */
	hash(key: string): string {
		const value = this.string(key);
		return /^[0-9a-f]{64}$/.test(value) ? value : this.fail(key, "a SHA-256");
	}

	boolean(key: string): boolean {
		const value = this.#own(key);
		return typeof value === "boolean" ? value : this.fail(key, "true or false");
	}

	strings(key: string): readonly string[] {
		const value = this.list(key);
		return value.every((v) => typeof v === "string")
			? (value as readonly string[])
			: this.fail(key, "a list of texts");
	}

	list(key: string): readonly Json[] {
		const value = this.#own(key);
		return Array.isArray(value) ? value : this.fail(key, "a list");
	}

	fields(key: string): Fields {
		return new Fields(this.#own(key), `${this.#what}, member ${key}`);
	}

	fieldsList(key: string): Fields[] {
		return this.list(key).map(
			(v, i) => new Fields(v, `${this.#what}, member ${key}[${i}]`),
		);
	}

	fail(key: string, expected: string): never {
		throw new CorruptError(
			"MALFORMED",
			`${this.#what} is damaged: member ${key} is not ${expected}`,
			{ what: this.#what },
		);
	}

	#own(key: string): Json | undefined {
		return Object.hasOwn(this.value, key) ? this.value[key] : undefined;
	}
}

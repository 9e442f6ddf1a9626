import ignore, { type Ignore } from "ignore";
import { NameSieve } from "./name-sieve.ts";

export type Verdict = "ignored" | "unignored" | undefined;

/** The library remembers every path it was asked about; beyond this many it starts afresh. */
const maxRemembered = 4096;

interface LevelOptions {
	readonly ignoreCase?: boolean;
}

/** Patterns with git's semantics, relative to one directory: those of one ignore file, or of the command line. */
export class PatternLevel {
	/** Absolute, with "/" at the end. */
	readonly #base: string;
	readonly #patterns: readonly string[];
	readonly #ignoreCase: boolean;
	readonly #sieve: NameSieve;
	#rules: Ignore;
	#remembered = 0;

	constructor(
		base: string,
		patterns: readonly string[],
		{ ignoreCase = false }: LevelOptions = {},
	) {
		this.#base = base;
		this.#patterns = patterns;
		this.#ignoreCase = ignoreCase;
		this.#sieve = new NameSieve(patterns, ignoreCase);
		this.#rules = ignore({ ignoreCase }).add(patterns);
	}

	/** What these patterns, and they alone, say of an entry of `directory` (absolute, with "/" at the end, at or below the base). */
	verdict(directory: string, name: string, isDirectory: boolean): Verdict {
		if (!this.#sieve.admits(name)) return undefined;
		if (++this.#remembered > maxRemembered) this.#forget();
		const path = directory.slice(this.#base.length) + name;
		const { ignored, unignored } = this.#rules.test(
			isDirectory ? `${path}/` : path,
		);
		if (ignored) return "ignored";
		return unignored ? "unignored" : undefined;
	}

	/**
	 * The same patterns for use below the directory `name` of `parent`, which is entered whatever they say of it. Without this
	 * they would leave out all that is below.
	 */
	admitting(parent: string, name: string): PatternLevel {
		if (this.verdict(parent, name, true) !== "ignored") return this;
		const path = escapePattern(parent.slice(this.#base.length) + name);
		const patterns = [...this.#patterns, `!/${path}/`];
		return new PatternLevel(this.#base, patterns, {
			ignoreCase: this.#ignoreCase,
		});
	}

	#forget(): void {
		this.#remembered = 0;
		this.#rules = ignore({ ignoreCase: this.#ignoreCase }).add(this.#rules);
	}
}

/** A pattern that matches this path and nothing else. */
function escapePattern(path: string): string {
	return path.replace(/[\\*?[\]!# ]/g, "\\$&");
}

/** The patterns in the text of an ignore file; undefined if there are none. */
export function patternLines(text: string): string[] | undefined {
	const lines = text
		.replace(/^\ufeff/, "")
		.split(/\r?\n/)
		.filter((line) => line !== "" && !line.startsWith("#"));
	return lines.length > 0 ? lines : undefined;
}

export type Levels = readonly PatternLevel[];

export const noLevels: Levels = [];

/** Levels for use below `directory` (absolute, with "/" at the end): the same array where nothing changes. */
export function admitInto(levels: Levels, directory: string): Levels {
	if (levels.length === 0 || directory === "/") return levels;
	const at = directory.lastIndexOf("/", directory.length - 2) + 1;
	const parent = directory.slice(0, at);
	const name = directory.slice(at, -1);
	let changed = false;
	const admitted = levels.map((level) => {
		const next = level.admitting(parent, name);
		changed ||= next !== level;
		return next;
	});
	return changed ? admitted : levels;
}

/** The same for every directory on the way from "/" down to `directory`. */
export function admitDownTo(levels: Levels, directory: string): Levels {
	let admitted = levels;
	for (let at = directory.indexOf("/", 1); at > 0; ) {
		admitted = admitInto(admitted, directory.slice(0, at + 1));
		at = directory.indexOf("/", at + 1);
	}
	return admitted;
}

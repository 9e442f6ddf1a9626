import { wholeScope } from "@varve/format";
import {
	createFilter,
	type DirectoryRules,
	type Filter,
} from "../snapshot/exclude.ts";

/** Which entries of a snapshot are restored. Patterns mean what they mean when a snapshot leaves things out. */
export interface Selection {
	/**
	 * What holds in the directory with this absolute path (without "/" at its end). Includes count from "/" on, so that a
	 * pattern may name a directory above it; excludes only count below it.
	 */
	at(path: string): SelectionRules;
}

/** What is restored of one directory. */
export interface SelectionRules {
	/** Everything is, without asking. */
	readonly all: boolean;
	/** Everything is that is not excluded, and the directory itself. */
	readonly includesAll: boolean;
	choose(name: string, isDirectory: boolean, size: number): Choice;
	/** The rules of a directory in it. `choice` is what `choose` said of that directory. */
	enter(name: string, choice: Choice): SelectionRules;
}

/** "below": not the entry itself, but perhaps entries below it. */
export type Choice = "yes" | "below" | "no";

export interface Patterns {
	readonly include: readonly string[];
	readonly exclude: readonly string[];
}

const everything: SelectionRules = {
	all: true,
	includesAll: true,
	choose: () => "yes",
	enter: () => everything,
};

export function createSelection({ include, exclude }: Patterns): Selection {
	if (include.length === 0 && exclude.length === 0)
		return { at: () => everything };
	const includes = include.length === 0 ? undefined : filterOf(include);
	const excludes = exclude.length === 0 ? undefined : filterOf(exclude);
	return {
		at(path) {
			const directory = `${path}/`;
			return new Chosen(
				directory,
				includes && reached(includes, path),
				excludes && entered(above(excludes, directory), directory),
			);
		},
	};
}

/** What a list of patterns says in a directory, or undefined if they match it, or a directory above it. */
function reached(filter: Filter, path: string): Matcher | undefined {
	let at = "/";
	let matcher = entered(above(filter, at), at);
	for (const name of path.split("/").slice(1)) {
		if (matcher.rules.excludes(name, true, 0)) return undefined;
		at += `${name}/`;
		matcher = entered(matcher, at);
	}
	return matcher;
}

class Chosen implements SelectionRules {
	readonly all: boolean;
	readonly includesAll: boolean;
	readonly #path: string;
	/** undefined: all is included. */
	readonly #includes: Matcher | undefined;
	/** undefined: nothing is excluded. */
	readonly #excludes: Matcher | undefined;

	constructor(
		path: string,
		includes: Matcher | undefined,
		excludes: Matcher | undefined,
	) {
		this.#path = path;
		this.#includes = includes;
		this.#excludes = excludes;
		this.includesAll = includes === undefined;
		this.all = includes === undefined && excludes === undefined;
	}

	choose(name: string, isDirectory: boolean, size: number): Choice {
		if (this.#excludes?.rules.excludes(name, isDirectory, size)) return "no";
		if (this.#includes === undefined) return "yes";
		if (this.#includes.rules.excludes(name, isDirectory, size)) return "yes";
		return isDirectory ? "below" : "no";
	}

	enter(name: string, choice: Choice): SelectionRules {
		const path = `${this.#path}${name}/`;
		const includes =
			choice === "yes" || this.#includes === undefined
				? undefined
				: entered(this.#includes, path);
		const excludes = this.#excludes && entered(this.#excludes, path);
		return new Chosen(path, includes, excludes);
	}
}

/** A list of patterns: what a snapshot's filter would leave out is what they match. */
interface Matcher {
	readonly filter: Filter;
	readonly rules: DirectoryRules;
}

function filterOf(patterns: readonly string[]): Filter {
	const scope = { ...wholeScope, varveignore: false, excludes: patterns };
	return createFilter(scope, {
		lstat: () => undefined,
		readSmall: () => undefined,
	});
}

function above(filter: Filter, path: string): Matcher {
	return { filter, rules: filter.above({ path, kind: "directory" }) };
}

function entered({ filter, rules }: Matcher, path: string): Matcher {
	const view = { path, names: [], readSmallFile: () => undefined };
	return { filter, rules: filter.enter(rules, view) };
}

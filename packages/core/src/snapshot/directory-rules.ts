import type { DirectoryRules } from "./exclude.ts";
import {
	admitInto,
	type Levels,
	noLevels,
	type Verdict,
} from "./pattern-level.ts";

/** Rules in the order in which they are asked: the first that says anything decides, also to keep what a later one leaves out. */
export interface Layers {
	/** Of the command line. */
	readonly spoken: Levels;
	/** Of .varveignore files, innermost first. */
	readonly own: Levels;
	/** Of git's files, innermost first. */
	readonly git: Levels;
}

export const noLayers: Layers = {
	spoken: noLevels,
	own: noLevels,
	git: noLevels,
};

/** The layers below `directory`, which is entered whatever they say of it: the same object where nothing changes. */
export function admitLayers(layers: Layers, directory: string): Layers {
	const spoken = admitInto(layers.spoken, directory);
	const own = admitInto(layers.own, directory);
	const git = admitInto(layers.git, directory);
	const same =
		spoken === layers.spoken && own === layers.own && git === layers.git;
	return same ? layers : { spoken, own, git };
}

export interface RulesOptions {
	/** Bytes beyond which a file is left out. */
	readonly limit: number;
	/** Name of the file by which all others are left out. */
	readonly tag?: string | undefined;
	/** Below a root of kind "entries": those were asked for by name, so no file among them speaks for the others. */
	readonly named?: boolean;
}

export class LayeredRules implements DirectoryRules {
	readonly inert: boolean;
	readonly layers: Layers;
	readonly named: boolean;
	/** Absolute, with "/" at the end. */
	readonly #path: string;
	readonly #limit: number;
	readonly #tag: string | undefined;

	constructor(path: string, layers: Layers, options: RulesOptions) {
		this.#path = path;
		this.layers = layers;
		this.#limit = options.limit;
		this.#tag = options.tag;
		this.named = options.named ?? false;
		const { spoken, own, git } = layers;
		this.inert =
			spoken.length + own.length + git.length === 0 &&
			options.tag === undefined &&
			options.limit === Number.POSITIVE_INFINITY;
	}

	excludes(name: string, isDirectory: boolean, size: number): boolean {
		if (this.#tag !== undefined) return name !== this.#tag;
		const { spoken, own, git } = this.layers;
		const verdict =
			this.#ask(spoken, name, isDirectory) ??
			this.#ask(own, name, isDirectory) ??
			// Git never leaves out its own directory.
			(name === ".git" ? undefined : this.#ask(git, name, isDirectory));
		return verdict === "ignored" || (!isDirectory && size > this.#limit);
	}

	#ask(levels: Levels, name: string, isDirectory: boolean): Verdict {
		for (const level of levels) {
			const verdict = level.verdict(this.#path, name, isDirectory);
			if (verdict !== undefined) return verdict;
		}
		return undefined;
	}
}

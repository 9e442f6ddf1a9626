import type { Bytes, Root, Scope } from "@varve/format";
import { cacheTag, carriesTag, parseTag, type Tag } from "./cache-tag.ts";
import { admitLayers, LayeredRules, type Layers } from "./directory-rules.ts";
import { toIgnoreLine } from "./exclude-pattern.ts";
import { enterGit, gitAbove, readIgnoreFile } from "./ignore-files.ts";
import {
	admitDownTo,
	type Levels,
	noLevels,
	PatternLevel,
} from "./pattern-level.ts";

/** A directory as the walk finds it. */
export interface DirectoryView {
	/** Absolute, with "/" at the end. */
	readonly path: string;
	/** Sorted by bytes. */
	readonly names: readonly string[];
	/** Of this directory: whole, or undefined if absent, long, or no file. */
	readonly readSmallFile: (name: string) => Bytes | undefined;
}

/** What is left out of one directory. */
export interface DirectoryRules {
	/** Nothing is: `excludes` need not be asked. */
	readonly inert: boolean;
	/** True if the entry is left out, and with it all that is below it. `size` in bytes counts for what is no directory. */
	excludes(name: string, isDirectory: boolean, size: number): boolean;
}

/** The rules of a scope, brought to bear directory by directory, from a root downwards. */
export interface Filter {
	/** What holds above a root: the `parent` for entering the root itself. A root is never left out, whatever the rules say. */
	above(root: Pick<Root, "path" | "kind">): DirectoryRules;
	/** The rules of a directory, given those of its parent. */
	enter(parent: DirectoryRules, directory: DirectoryView): DirectoryRules;
}

/** How a filter looks at what lies above a root. */
export interface FilterFs {
	/** undefined if there is nothing. */
	lstat(path: string): unknown;
	/** Whole, or undefined if absent, no file, or longer than `limit` bytes. */
	readSmall(path: string, limit: number): Bytes | undefined;
}

/** InputError (code "BAD_PATTERN") for a pattern that can match nothing. */
export function createFilter(scope: Scope, fs: FilterFs): Filter {
	const limit = scope.excludeLargerThan ?? Number.POSITIVE_INFINITY;
	const spoken = spokenLevels(scope);
	const tags = tagsOf(scope);
	return {
		above({ path, kind }) {
			const root = path.endsWith("/") ? path : `${path}/`;
			const named = kind === "entries";
			const git = scope.gitignore && !named ? gitAbove(root, fs) : noLevels;
			const layers = {
				spoken: admitDownTo(spoken, root),
				own: noLevels,
				git: admitDownTo(git, root),
			};
			return new LayeredRules(root, layers, { limit, named });
		},
		enter(above, directory) {
			const parent = layered(above);
			const { path } = directory;
			if (parent.named) return new LayeredRules(path, parent.layers, { limit });
			const layers = layersOf(scope, parent.layers, directory);
			const tag = tags.find((t) => carriesTag(directory, t))?.name;
			if (parent.inert && tag === undefined && layers === parent.layers)
				return parent;
			return new LayeredRules(path, layers, { limit, tag });
		},
	};
}

function layered(rules: DirectoryRules): LayeredRules {
	if (rules instanceof LayeredRules) return rules;
	throw new Error("these rules are of another filter");
}

function spokenLevels({ excludes, iexcludes }: Scope): Levels {
	const lines = excludes.map(toIgnoreLine);
	const caseless = iexcludes.map(toIgnoreLine);
	return [
		...(lines.length > 0 ? [new PatternLevel("/", lines)] : []),
		...(caseless.length > 0
			? [new PatternLevel("/", caseless, { ignoreCase: true })]
			: []),
	];
}

function tagsOf({ excludeIfPresent, excludeCaches }: Scope): readonly Tag[] {
	const tags = excludeIfPresent.map(parseTag);
	return excludeCaches ? [...tags, cacheTag] : tags;
}

function layersOf(scope: Scope, parent: Layers, view: DirectoryView): Layers {
	const inherited = admitLayers(parent, view.path);
	const file = scope.varveignore
		? readIgnoreFile(view, ".varveignore")
		: undefined;
	const git = scope.gitignore ? enterGit(inherited.git, view) : inherited.git;
	if (file === undefined && git === inherited.git) return inherited;
	const own = file === undefined ? inherited.own : [file, ...inherited.own];
	return { spoken: inherited.spoken, own, git };
}

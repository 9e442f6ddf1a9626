import {
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type TreeId,
	type VarveError,
} from "@varve/format";
import type { ObjectReader } from "../repository.ts";
import { type PageRead, readPages } from "../tree-pages.ts";
import type { Attributes, Located, Location } from "./locate.ts";
import type { Selection, SelectionRules } from "./selection.ts";

export interface DirectoryEntry {
	readonly type: "directory";
	/** Path below the target, beginning with "/"; "" for the target itself. */
	readonly suffix: string;
	readonly attributes: Attributes;
}

/** Everything but directories. */
export interface NodeEntry {
	readonly type: "node";
	readonly suffix: string;
	readonly root: number;
	readonly node: Node;
}

/** What was in this directory (or in some of its pages) cannot be told. */
export interface DamagedEntry {
	readonly type: "damaged";
	readonly suffix: string;
	readonly error: VarveError;
}

/** What is to be made in the target, each directory before what is in it. */
export type Entry = DirectoryEntry | NodeEntry | DamagedEntry;

export interface WalkOptions {
	readonly objects: Pick<ObjectReader, "read">;
	readonly location: Location;
	readonly selection: Selection;
}

/**
 * All entries of a location that are selected, in the order of the walk. Directories in which nothing is selected are left out.
 * Damaged trees are entries; any other failure is thrown.
 */
export function* walkLocation(options: WalkOptions): Generator<Entry> {
	for (const located of options.location.found) {
		if (located.type === "entry") yield* locatedEntry(located, options);
		else {
			const walk = new TreeWalk(options.objects, located.root);
			walk.begin(topOf(located, options));
			for (let entry = walk.next(); entry; entry = walk.next()) yield entry;
		}
	}
}

function* locatedEntry(
	{ root, path, node }: Located & { type: "entry" },
	{ location, selection }: WalkOptions,
): Generator<Entry> {
	const parent = selection.at(path.slice(0, path.lastIndexOf("/")));
	const size = contentLength(node.content);
	const suffix = path.slice(location.prefix.length);
	if (parent.choose(decodeName(node.name), false, size) === "yes")
		yield { type: "node", suffix, root, node };
}

function topOf(
	{ path, attributes, tree }: Located & { type: "directory" },
	{ location, selection }: WalkOptions,
): Directory {
	const suffix = path.slice(location.prefix.length);
	return { suffix, attributes, tree, rules: selection.at(path) };
}

interface Directory {
	readonly suffix: string;
	readonly attributes: Attributes;
	readonly tree: TreeId;
	readonly rules: SelectionRules;
}

/** One directory of the walk's present path. */
interface Level {
	readonly directory: Directory;
	readonly pages: Iterator<PageRead>;
	nodes: readonly Node[];
	next: number;
}

/**
 * Walks a tree depth first, without recursion and entry by entry. A directory that is only passed through is announced before the
 * first entry in it.
 */
class TreeWalk {
	readonly #objects: Pick<ObjectReader, "read">;
	readonly #root: number;
	readonly #levels: Level[] = [];
	/** Entries that come before the walk goes on. */
	readonly #ready: Entry[] = [];
	/** Levels from the top that have been announced. */
	#announced = 0;

	constructor(objects: Pick<ObjectReader, "read">, root: number) {
		this.#objects = objects;
		this.#root = root;
	}

	begin(top: Directory): void {
		this.#enter(top, top.rules.includesAll);
	}

	next(): Entry | undefined {
		for (;;) {
			if (this.#ready.length > 0) return this.#ready.shift();
			const level = this.#levels.at(-1);
			if (level === undefined) return undefined;
			const node = level.nodes[level.next++];
			if (node === undefined) this.#turnPage(level);
			else {
				const entry = this.#take(level.directory, node);
				if (entry !== undefined) return entry;
			}
		}
	}

	#turnPage(level: Level): void {
		const page = level.pages.next();
		level.nodes = [];
		level.next = 0;
		if (page.done) {
			this.#levels.pop();
			this.#announced = Math.min(this.#announced, this.#levels.length);
		} else if (page.value.nodes instanceof Error) {
			this.#announce();
			const { suffix } = level.directory;
			this.#ready.push({ type: "damaged", suffix, error: page.value.nodes });
		} else level.nodes = page.value.nodes;
	}

	/** The entry of a node, if it can be given at once. */
	#take({ suffix: above, rules }: Directory, node: Node): Entry | undefined {
		const name = decodeName(node.name);
		const suffix = `${above}/${name}`;
		const isDirectory = node.kind === NodeKind.directory;
		const choice = rules.all
			? "yes"
			: rules.choose(name, isDirectory, contentLength(node.content));
		if (choice === "no") return undefined;
		if (isDirectory) {
			const directory = {
				suffix,
				attributes: node,
				tree: node.tree as TreeId,
				rules: rules.enter(name, choice),
			};
			this.#enter(directory, choice === "yes");
			return undefined;
		}
		const entry: Entry = { type: "node", suffix, root: this.#root, node };
		if (this.#announced === this.#levels.length) return entry;
		this.#announce();
		this.#ready.push(entry);
		return undefined;
	}

	#enter(directory: Directory, isChosen: boolean): void {
		const pages = readPages(this.#objects, directory.tree);
		this.#levels.push({ directory, pages, nodes: [], next: 0 });
		if (isChosen) this.#announce();
	}

	#announce(): void {
		for (; this.#announced < this.#levels.length; this.#announced++) {
			const level = this.#levels[this.#announced] as Level;
			const { suffix, attributes } = level.directory;
			this.#ready.push({ type: "directory", suffix, attributes });
		}
	}
}

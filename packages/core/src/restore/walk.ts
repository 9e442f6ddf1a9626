import {
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	type TreeId,
	type VarveError,
} from "@varve/format";
import type { ObjectReader } from "../repository.ts";
import { readPages } from "../tree-pages.ts";
import type { Attributes, Located, Location } from "./locate.ts";
import type { Selection, SelectionRules } from "./selection.ts";

/** What is to be made in the target, each directory before what is in it. */
export type Entry =
	| {
			readonly type: "directory";
			/** Path below the target, beginning with "/"; "" for the target itself. */
			readonly suffix: string;
			readonly attributes: Attributes;
			/** Extended attributes it has. */
			readonly xattrs: number;
	  }
	/** Everything but directories. */
	| {
			readonly type: "node";
			readonly suffix: string;
			readonly root: number;
			readonly node: Node;
	  }
	/** What was in this directory (or in some of its pages) cannot be told. */
	| {
			readonly type: "damaged";
			readonly suffix: string;
			readonly error: VarveError;
	  };

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
	for (const located of options.location.found)
		yield* walkLocated(located, options);
}

function* walkLocated(
	located: Located,
	{ objects, location, selection }: WalkOptions,
): Generator<Entry> {
	const { root, path } = located;
	const suffix = path.slice(location.prefix.length);
	if (located.type === "entry") {
		const parent = selection.at(path.slice(0, path.lastIndexOf("/")));
		const { node } = located;
		const size = contentLength(node.content);
		if (parent.choose(decodeName(node.name), false, size) === "yes")
			yield { type: "node", suffix, root, node };
		return;
	}
	const rules = selection.at(path);
	const { attributes, tree } = located;
	yield* new TreeWalk(objects, root).walk({
		suffix,
		attributes,
		xattrs: 0,
		tree,
		rules,
	});
}

interface Directory {
	readonly suffix: string;
	readonly attributes: Attributes;
	readonly xattrs: number;
	readonly tree: TreeId;
	readonly rules: SelectionRules;
}

/** One directory of the walk's present path. */
interface Level {
	readonly directory: Directory;
	readonly nodes: Iterator<Node | VarveError>;
}

/** Walks a tree depth first, without recursion. A directory that is only passed through is announced before the first entry in it. */
class TreeWalk {
	readonly #objects: Pick<ObjectReader, "read">;
	readonly #root: number;
	readonly #levels: Level[] = [];
	/** Levels from the top that have been announced. */
	#announced = 0;

	constructor(objects: Pick<ObjectReader, "read">, root: number) {
		this.#objects = objects;
		this.#root = root;
	}

	*walk(top: Directory): Generator<Entry> {
		yield* this.#enter(top, top.rules.includesAll);
		for (;;) {
			const level = this.#levels.at(-1);
			if (level === undefined) return;
			const next = level.nodes.next();
			if (next.done) this.#leave();
			else if (isNode(next.value)) yield* this.#take(level, next.value);
			else {
				yield* this.#announce();
				const { suffix } = level.directory;
				yield { type: "damaged", suffix, error: next.value };
			}
		}
	}

	*#take({ directory }: Level, node: Node): Generator<Entry> {
		const name = decodeName(node.name);
		const suffix = `${directory.suffix}/${name}`;
		const isDirectory = node.kind === NodeKind.directory;
		const { rules } = directory;
		const choice = rules.all
			? "yes"
			: rules.choose(name, isDirectory, contentLength(node.content));
		if (choice === "no") return;
		if (!isDirectory) {
			yield* this.#announce();
			yield { type: "node", suffix, root: this.#root, node };
			return;
		}
		const inner: Directory = {
			suffix,
			attributes: node,
			xattrs: node.xattrs.length,
			tree: node.tree as TreeId,
			rules: rules.enter(name, choice),
		};
		yield* this.#enter(inner, choice === "yes");
	}

	*#enter(directory: Directory, isChosen: boolean): Generator<Entry> {
		const nodes = nodesOf(this.#objects, directory.tree);
		this.#levels.push({ directory, nodes });
		if (isChosen) yield* this.#announce();
	}

	*#announce(): Generator<Entry> {
		for (; this.#announced < this.#levels.length; this.#announced++) {
			const { suffix, attributes, xattrs } = (
				this.#levels[this.#announced] as Level
			).directory;
			yield { type: "directory", suffix, attributes, xattrs };
		}
	}

	#leave(): void {
		this.#levels.pop();
		this.#announced = Math.min(this.#announced, this.#levels.length);
	}
}

function isNode(value: Node | VarveError): value is Node {
	return !(value instanceof Error);
}

/** The nodes of a directory; what is wrong with a page stands in its place. */
function* nodesOf(
	objects: Pick<ObjectReader, "read">,
	tree: TreeId,
): Generator<Node | VarveError> {
	for (const { nodes } of readPages(objects, tree))
		if (nodes instanceof Error) yield nodes;
		else yield* nodes;
}

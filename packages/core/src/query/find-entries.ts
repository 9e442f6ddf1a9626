import {
	type ChunkId,
	InputError,
	ItemKind,
	idAt,
	idBytes,
	type Node,
	NodeKind,
	type SnapshotRecord,
} from "@varve/format";
import { prepareToRead } from "../prepare-to-read.ts";
import type { ObjectReader, Repository, Snapshot } from "../repository.ts";
import { type Entry, type PlacedNode, toEntry } from "./entry.ts";
import { globToRegExp } from "./glob.ts";
import { childrenOf, nodeOfRoot } from "./placed-nodes.ts";
import { rereading } from "./rereading.ts";

export interface FindRequest {
	readonly snapshots: readonly Snapshot[];
	/** Names, or patterns; with a slash in it a pattern is matched against the last parts of a path, with one in front against all of it. */
	readonly patterns?: readonly string[] | undefined;
	readonly ignoreCase?: boolean | undefined;
	/** Ids, or first characters of them: of chunks that a file has in it, of the tree of a directory. */
	readonly ids?: readonly string[] | undefined;
}

export interface Find {
	readonly snapshot: Snapshot;
	readonly entry: Entry;
	/** The id that was asked for, whole. */
	readonly id: ChunkId | undefined;
}

/** Where names, patterns or ids occur, snapshot by snapshot. What is the same in several snapshots is looked through once. */
export function findEntries(
	repository: Repository,
	request: FindRequest,
): AsyncGenerator<Find> {
	return rereading(repository, () => findAll(repository, request));
}

async function* findAll(
	repository: Repository,
	request: FindRequest,
): AsyncGenerator<Find> {
	const search = new Search(repository.objects, request);
	await prepareToRead(
		repository,
		request.snapshots.map(({ id }) => id),
	);
	for (const snapshot of request.snapshots)
		for (const { placed, id } of search.in(snapshot.record))
			yield { snapshot, entry: toEntry(placed, snapshot.record), id };
}

interface Match {
	readonly placed: PlacedNode;
	readonly id: ChunkId | undefined;
}

/** Directories without a find that are remembered; beyond that they are looked through again. */
const maxBarren = 500_000;

class Search {
	readonly #objects: ObjectReader;
	readonly #matches: (path: string) => boolean;
	readonly #prefixes: readonly string[];
	/** Trees at a path, in and below which nothing is found. */
	readonly #barren = new Set<string>();

	constructor(objects: ObjectReader, request: FindRequest) {
		const { patterns = [], ids = [], ignoreCase = false } = request;
		this.#objects = objects;
		this.#matches = pathMatcher(patterns, ignoreCase);
		this.#prefixes = ids.map(requirePrefix);
		if (patterns.length + ids.length === 0)
			throw new InputError("NOTHING_TO_FIND", "no name, pattern or id to find");
	}

	*in(record: SnapshotRecord): Generator<Match> {
		for (let i = 0; i < record.roots.length; i++) {
			const root = nodeOfRoot(record, i);
			yield* this.#at(root);
			yield* this.#below(root, record);
		}
	}

	*#below(root: PlacedNode, record: SnapshotRecord): Generator<Match> {
		const open = [this.#visit(root, record)];
		for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
			const { value: child, done } = at.children.next();
			if (done === true) {
				open.pop();
				this.#leave(at, open.at(-1));
				continue;
			}
			for (const match of this.#at(child)) {
				at.found = true;
				yield match;
			}
			if (child.node.kind !== NodeKind.directory) continue;
			if (!this.#barren.has(keyOf(child)))
				open.push(this.#visit(child, record));
		}
	}

	#visit(placed: PlacedNode, record: SnapshotRecord): Visit {
		const isBarren = this.#barren.has(keyOf(placed));
		const children = isBarren
			? [].values()
			: childrenOf(this.#objects, placed, record);
		return { key: keyOf(placed), children, found: false };
	}

	#leave({ key, found }: Visit, parent: Visit | undefined): void {
		if (found && parent !== undefined) parent.found = true;
		else if (!found && this.#barren.size < maxBarren) this.#barren.add(key);
	}

	*#at(placed: PlacedNode): Generator<Match> {
		const id = this.#prefixes.length > 0 ? this.#idIn(placed.node) : undefined;
		if (id !== undefined || this.#matches(placed.path)) yield { placed, id };
	}

	#idIn({ tree, kind, content }: Node): ChunkId | undefined {
		if (tree !== undefined && this.#isWanted(tree)) return tree;
		if (kind !== NodeKind.file) return undefined;
		for (let at = 0; at < content.ids.length; at += idBytes) {
			const id = idAt<ChunkId>(content.ids, at);
			if (this.#isWanted(id)) return id;
		}
		if (!content.kinds.includes(ItemKind.list)) return undefined;
		for (const { id } of this.#objects.items(content))
			if (id !== undefined && this.#isWanted(idAt<ChunkId>(id)))
				return idAt<ChunkId>(id);
		return undefined;
	}

	#isWanted(id: string): boolean {
		return this.#prefixes.some((prefix) => id.startsWith(prefix));
	}
}

interface Visit {
	readonly key: string;
	readonly children: Iterator<PlacedNode, unknown>;
	found: boolean;
}

const keyOf = ({ node, path }: PlacedNode) => `${node.tree}${path}`;

function requirePrefix(id: string): string {
	if (/^[0-9a-f]{4,64}$/i.test(id)) return id.toLowerCase();
	throw new InputError("BAD_ID", `not an id, nor its first characters: ${id}`, {
		id,
	});
}

/** True for paths that one of these patterns matches. */
function pathMatcher(
	patterns: readonly string[],
	ignoreCase: boolean,
): (path: string) => boolean {
	const flags = ignoreCase ? "i" : "";
	const expressions = patterns.map((pattern) => {
		const body = pattern.replace(/(?<=.)\/+$/, "");
		if (body === "")
			throw new InputError("NOTHING_TO_FIND", "an empty name cannot be found");
		// A path begins with "/", and so does what may stand before the last parts of it.
		return globToRegExp(body.startsWith("/") ? body : `/**/${body}`, flags);
	});
	return (path) => expressions.some((expression) => expression.test(path));
}

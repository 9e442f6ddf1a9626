import {
	type ChunkId,
	type Content,
	CorruptError,
	contentLength,
	decodeList,
	decodeName,
	encodePages,
	encodeTree,
	ItemKind,
	idAt,
	idBytes,
	maxTreeNodes,
	type Node,
	NodeKind,
	PageBoundaries,
	type TreeId,
	type TreePage,
	type VarveError,
} from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { MetaWriter } from "../snapshot/meta-writer.ts";
import { sortIds } from "../sort-ids.ts";
import { readPages } from "../tree-pages.ts";

/** An entry that is left out, or a directory some or all of whose entries are. */
export interface LostEntry {
	/** Below the tree, names joined by "/"; "" for the tree itself. */
	readonly path: string;
	readonly what: "file" | "directory";
	/** Content bytes of a file. */
	readonly bytes: number;
}

/** A tree in which nothing is missing, with what was left out for that. */
export interface MendedTree {
	readonly tree: TreeId;
	readonly lost: readonly LostEntry[];
}

interface Level {
	readonly tree: TreeId;
	/** Of all pages that can be read. */
	readonly nodes: readonly Node[];
	/** Some page cannot be read. */
	readonly isTorn: boolean;
	/** Files of which a chunk is missing. */
	readonly bad: ReadonlySet<Node>;
	readonly children: readonly TreeId[];
	next: number;
}

/** Makes trees without what cannot be read. Each tree is looked at once, whatever refers to it. */
export class TreeMender {
	readonly #repository: Repository;
	readonly #meta: MetaWriter;
	readonly #done = new Map<TreeId, MendedTree>();

	constructor(repository: Repository, meta: MetaWriter) {
		this.#repository = repository;
		this.#meta = meta;
	}

	/**
	 * Depth first, without recursion: trees are nested as deeply as directories. CorruptError "PACKS_DAMAGED" if an object lies in a pack
	 * that does not give it: the repair of packs may save it.
	 */
	async mend(top: TreeId): Promise<MendedTree> {
		const levels: Level[] = this.#done.has(top) ? [] : [this.#open(top)];
		for (let level = levels.at(-1); level; level = levels.at(-1)) {
			const child = level.children[level.next];
			if (child !== undefined) {
				if (this.#done.has(child)) level.next++;
				else levels.push(this.#open(child));
				continue;
			}
			this.#done.set(level.tree, this.#close(level));
			levels.pop();
			if (this.#meta.crowded) await this.#meta.settle();
			await new Promise((resolve) => setImmediate(resolve));
		}
		return this.#done.get(top) as MendedTree;
	}

	#open(tree: TreeId): Level {
		const nodes: Node[] = [];
		let isTorn = false;
		for (const page of readPages(this.#repository.objects, tree)) {
			if (page.nodes instanceof Error) {
				requireMissing(page.nodes);
				isTorn = true;
			} else nodes.push(...page.nodes);
		}
		const bad = this.#filesWithHoles(nodes);
		const children = nodes.flatMap((node) => node.tree ?? []);
		return { tree, nodes, isTorn, bad, children, next: 0 };
	}

	/** Files of which any chunk is in no pack. */
	#filesWithHoles(nodes: readonly Node[]): Set<Node> {
		const owners: Node[] = [];
		const parts: Uint8Array[] = [];
		const bad = new Set<Node>();
		for (const node of nodes) {
			if (node.kind !== NodeKind.file) continue;
			const ids = this.#chunksOf(node.content);
			if (ids === undefined) bad.add(node);
			for (const id of ids ?? []) {
				owners.push(node);
				parts.push(id);
			}
		}
		if (parts.length === 0) return bad;
		const joined = new Uint8Array(parts.length * idBytes);
		parts.forEach((id, i) => {
			joined.set(id, i * idBytes);
		});
		const { ids, rankOf } = sortIds(joined, parts.length);
		const places = this.#repository.index.places(ids);
		owners.forEach((node, i) => {
			if (places[rankOf[i] as number] === undefined) bad.add(node);
		});
		return bad;
	}

	/** Ids of all chunks of a content; undefined if a list of them cannot be read. */
	#chunksOf({ kinds, ids }: Content): Uint8Array[] | undefined {
		const found: Uint8Array[] = [];
		let at = 0;
		for (const kind of kinds) {
			if (kind === ItemKind.zeros) continue;
			const id = ids.subarray(at, at + idBytes);
			at += idBytes;
			if (kind === ItemKind.chunk) {
				found.push(id);
				continue;
			}
			const list = attemptRead(() =>
				decodeList(this.#repository.objects.read(idAt<ChunkId>(id)).slice()),
			);
			if (list instanceof Error) {
				requireMissing(list);
				return undefined;
			}
			for (const chunk of this.#chunksOf(list) ?? []) found.push(chunk);
		}
		return found;
	}

	#close({ tree, nodes, isTorn, bad }: Level): MendedTree {
		const lost: LostEntry[] = isTorn
			? [{ path: "", what: "directory", bytes: 0 }]
			: [];
		const kept: Node[] = [];
		let isChanged = isTorn;
		for (const node of nodes) {
			const name = decodeName(node.name);
			if (bad.has(node)) {
				const bytes = contentLength(node.content);
				lost.push({ path: name, what: "file", bytes });
				isChanged = true;
				continue;
			}
			if (node.tree === undefined) {
				kept.push(node);
				continue;
			}
			const mended = this.#done.get(node.tree) as MendedTree;
			for (const entry of mended.lost)
				lost.push({
					...entry,
					path: entry.path === "" ? name : `${name}/${entry.path}`,
				});
			isChanged ||= mended.tree !== node.tree;
			kept.push({ ...node, tree: mended.tree });
		}
		return { tree: isChanged ? this.#store(kept) : tree, lost };
	}

	/** In pages, where there are many. */
	#store(nodes: readonly Node[]): TreeId {
		const meta = this.#meta;
		if (nodes.length <= maxTreeNodes)
			return meta.put(encodeTree(nodes)).hex as TreeId;
		const boundaries = new PageBoundaries();
		const pages: TreePage[] = [];
		let page: Node[] = [];
		nodes.forEach((node, i) => {
			page.push(node);
			if (!boundaries.endsAfter(node.name) && i + 1 < nodes.length) return;
			const tree = meta.put(encodeTree(page)).hex as TreeId;
			pages.push({ last: node.name, count: page.length, tree });
			page = [];
		});
		return meta.put(encodePages(pages)).hex as TreeId;
	}
}

/** What is in no pack is lost; what is in a damaged one may yet be had. */
export function requireMissing(error: VarveError): void {
	if (error.code !== "BAD_CHUNK") return;
	throw new CorruptError(
		"PACKS_DAMAGED",
		`packs are damaged, and what can be had of them must be saved first (${error.message})`,
		{},
		{ cause: error },
	);
}

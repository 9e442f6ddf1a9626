import {
	type ChunkId,
	type Content,
	decodeList,
	decodeName,
	ItemKind,
	idAt,
	idBytes,
	type Node,
	NodeKind,
	type SnapshotId,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { ObjectReader } from "../repository.ts";
import { readPages } from "../tree-pages.ts";
import type { Hurt } from "./finding.ts";

export interface HurtOptions {
	readonly objects: ObjectReader;
	readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	/** Chunks that cannot be read, as hex. */
	readonly bad: ReadonlySet<string>;
}

/** Paths named for one chunk at most; more are counted. */
const maxNamed = 1000;

interface HurtPath {
	readonly path: string;
	readonly what: Hurt["what"];
	readonly snapshots: Set<SnapshotId>;
}

/** What the loss of chunks costs, chunk by chunk. */
export class HurtMap {
	readonly #byChunk = new Map<
		string,
		{ paths: Map<string, HurtPath>; more: number }
	>();

	add(
		chunk: string,
		hurt: { path: string; what: Hurt["what"]; snapshot: SnapshotId },
	): void {
		const { path, what, snapshot } = hurt;
		let entry = this.#byChunk.get(chunk);
		if (entry === undefined) {
			entry = { paths: new Map(), more: 0 };
			this.#byChunk.set(chunk, entry);
		}
		const key = `${what}:${path}`;
		const known = entry.paths.get(key);
		if (known !== undefined) known.snapshots.add(snapshot);
		else if (entry.paths.size >= maxNamed) entry.more++;
		else entry.paths.set(key, { path, what, snapshots: new Set([snapshot]) });
	}

	/** What the loss of all these chunks costs, by path. */
	of(chunks: readonly string[]): { hurt: Hurt[]; more: number } {
		const paths = new Map<string, HurtPath>();
		let more = 0;
		for (const chunk of chunks) {
			const entry = this.#byChunk.get(chunk);
			more += entry?.more ?? 0;
			for (const [key, { path, what, snapshots }] of entry?.paths ?? []) {
				const known = paths.get(key);
				if (known === undefined)
					paths.set(key, { path, what, snapshots: new Set(snapshots) });
				else for (const id of snapshots) known.snapshots.add(id);
			}
		}
		const all = [...paths.values()];
		const hurt = all.slice(0, maxNamed).map(({ path, what, snapshots }) => ({
			path,
			what,
			snapshots: [...snapshots],
		}));
		return { hurt, more: more + all.length - hurt.length };
	}
}

/** Walks all snapshots for what bad chunks cost. Trees that hold nothing bad are read once, whatever snapshots share them. */
export function findHurt(options: HurtOptions): HurtMap {
	const map = new HurtMap();
	const search = new HurtSearch(options, map);
	for (const [id, record] of options.records) search.search(id, record);
	return map;
}

interface Level {
	readonly tree: TreeId;
	readonly path: string;
	readonly children: readonly {
		readonly tree: TreeId;
		readonly name: string;
	}[];
	next: number;
	isHurt: boolean;
}

class HurtSearch {
	readonly #options: HurtOptions;
	readonly #map: HurtMap;
	/** Trees that hold nothing bad. */
	readonly #sound = new Set<TreeId>();

	constructor(options: HurtOptions, map: HurtMap) {
		this.#options = options;
		this.#map = map;
	}

	search(snapshot: SnapshotId, record: SnapshotRecord): void {
		for (const root of record.roots)
			this.#searchTree(root.tree, root.path.replace(/\/+$/, ""), snapshot);
		this.#searchPieces(record.links, "links", snapshot);
		this.#searchPieces(record.scan, "scan", snapshot);
	}

	/** Depth first, without recursion: a tree is sound if all in it is. */
	#searchTree(top: TreeId, path: string, snapshot: SnapshotId): void {
		const levels: Level[] = [];
		const enter = (tree: TreeId, at: string) => {
			if (!this.#sound.has(tree)) levels.push(this.#open(tree, at, snapshot));
		};
		enter(top, path);
		for (let level = levels.at(-1); level; level = levels.at(-1)) {
			const child = level.children[level.next++];
			if (child !== undefined) {
				enter(child.tree, `${level.path}/${child.name}`);
				continue;
			}
			levels.pop();
			if (!level.isHurt) this.#sound.add(level.tree);
			else {
				const parent = levels.at(-1);
				if (parent !== undefined) parent.isHurt = true;
			}
		}
	}

	/** Reads a directory and tells what is bad in it itself. */
	#open(tree: TreeId, path: string, snapshot: SnapshotId): Level {
		const children: { tree: TreeId; name: string }[] = [];
		let isHurt = false;
		const tell = (chunk: string, at: string, what: Hurt["what"]) => {
			isHurt = true;
			this.#map.add(chunk, { path: at === "" ? "/" : at, what, snapshot });
		};
		for (const { id, nodes } of readPages(this.#options.objects, tree)) {
			if (nodes instanceof Error || this.#options.bad.has(id))
				tell(id, path, "directory");
			if (!(nodes instanceof Error))
				for (const node of nodes) {
					const name = decodeName(node.name);
					if (node.tree !== undefined) children.push({ tree: node.tree, name });
					for (const chunk of this.#badChunksOf(node))
						tell(chunk, `${path}/${name}`, "file");
				}
		}
		return { tree, path, children, next: 0, isHurt };
	}

	#badChunksOf({ kind, content }: Node): Set<string> {
		const bad = new Set<string>();
		if (kind === NodeKind.file) this.#gatherBad(content, bad);
		return bad;
	}

	#gatherBad({ kinds, ids }: Content, bad: Set<string>): void {
		let at = 0;
		for (const kind of kinds) {
			if (kind === ItemKind.zeros) continue;
			const id = idAt<ChunkId>(ids, at);
			at += idBytes;
			if (this.#options.bad.has(id)) bad.add(id);
			else if (kind === ItemKind.list) {
				const list = attemptRead(() =>
					decodeList(this.#options.objects.read(id).slice()),
				);
				if (list instanceof Error) bad.add(id);
				else this.#gatherBad(list, bad);
			}
		}
	}

	#searchPieces(
		list: ChunkId | undefined,
		what: "links" | "scan",
		snapshot: SnapshotId,
	): void {
		if (list === undefined) return;
		const { objects, bad } = this.#options;
		const hurt = { path: "/", what, snapshot };
		const pieces = attemptRead(() => decodeList(objects.read(list).slice()));
		if (pieces instanceof Error) {
			this.#map.add(list, hurt);
			return;
		}
		for (let at = 0; at < pieces.ids.length; at += idBytes) {
			const id = idAt<ChunkId>(pieces.ids, at);
			if (bad.has(id)) this.#map.add(id, hurt);
		}
	}
}

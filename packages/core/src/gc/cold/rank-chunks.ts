import {
	type Bytes,
	type Content,
	equalBytes,
	ItemKind,
	idBytes,
	type Node,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import type { ChunkRanks } from "@varve/store";
import { mergeByName, type Pair } from "../../query/merge-entries.ts";
import type { ObjectReader } from "../../repository.ts";
import type { FormerColumns } from "../../snapshot/delta/former.ts";
import { FormerFile } from "../../snapshot/delta/former-file.ts";
import { isLargeDelta } from "./cold-frames.ts";
import { RankBatch } from "./rank-batch.ts";

type Objects = Pick<ObjectReader, "nodes" | "items">;
type Walked = Pick<SnapshotRecord, "time" | "host" | "roots">;
type NodePair = Pair<Node, Node>;

const turnEvery = 512;
const noSpans: ReadonlyMap<number, Content> = new Map();

/**
 * Orders the content of snapshots, oldest first, as it lies in their directories: a chunk gets a rank when it is met first. One that came into a file that
 * was there before gets the rank of what it took the place of, so that all versions of a part of a file have one rank. What the former snapshot of
 * the same roots has too is not looked at again.
 */
export async function rankChunks(
	objects: Objects,
	records: Iterable<Walked>,
	{ ranks, signal }: RankOptions,
): Promise<void> {
	const walk = new RankWalk(objects, ranks);
	const newest = new Map<string, Walked>();
	const sorted = [...records].sort(
		(a, b) => Date.parse(a.time) - Date.parse(b.time),
	);
	for (const record of sorted) {
		const key = JSON.stringify([record.host, record.roots.map((r) => r.path)]);
		const former = newest.get(key);
		for (const [i, { tree }] of record.roots.entries())
			for (const _ of walk.tree(former?.roots[i]?.tree, tree))
				await giveTurn(signal);
		walk.finish();
		newest.set(key, record);
	}
	rankBesideBases(ranks);
}

/** What takes the place of a difference is small only where what it is a difference from lies near. */
function rankBesideBases(ranks: ChunkRanks): void {
	const batch = new RankBatch(ranks);
	for (const { id, base } of ranks.beside(isLargeDelta)) batch.move(id, base);
	batch.flushMoves();
}

export interface RankOptions {
	readonly ranks: ChunkRanks;
	readonly signal: AbortSignal | undefined;
}

async function giveTurn(signal: AbortSignal | undefined): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
	signal?.throwIfAborted();
}

class RankWalk {
	readonly #objects: Objects;
	readonly #batch: RankBatch;
	#directories = 0;

	constructor(objects: Objects, ranks: ChunkRanks) {
		this.#objects = objects;
		this.#batch = new RankBatch(ranks);
	}

	/** All that is found first from now on has no part in what comes before: see `flush`. */
	finish(): void {
		this.#batch.flush();
	}

	/** Depth first, in the order of names. Yields now and then. */
	*tree(former: TreeId | undefined, tree: TreeId): Generator<void> {
		if (former === tree) return;
		const open = [this.#pairs(former, tree)];
		for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
			const { value: pair, done } = at.next();
			if (done === true) {
				open.pop();
				continue;
			}
			const { before, after } = pair;
			if (after === undefined) continue;
			this.#file(before?.content, after.content);
			if (after.tree === undefined || after.tree === before?.tree) continue;
			open.push(this.#pairs(before?.tree, after.tree));
			if (++this.#directories % turnEvery === 0) yield;
		}
	}

	#pairs(former: TreeId | undefined, tree: TreeId): Iterator<NodePair> {
		const nodesOf = (id: TreeId | undefined) =>
			id === undefined ? [] : this.#objects.nodes(id);
		const name = (node: Node) => node.name;
		const names = { before: name, after: name };
		return mergeByName(nodesOf(former), nodesOf(tree), names);
	}

	#file(former: Content | undefined, content: Content): void {
		if (former !== undefined && equalBytes(former.ids, content.ids)) return;
		const before = former === undefined ? noSpans : spansOf(former);
		for (const [start, span] of spansOf(content)) {
			const past = before.get(start);
			if (past === undefined || !equalBytes(past.ids, span.ids))
				this.#span(past, span);
		}
	}

	/** Where a span begins does not matter: both begin at the same place. */
	#span(former: Content | undefined, span: Content): void {
		const columns = this.#columnsOf(former);
		const past = FormerFile.of(columns, 0, 0);
		let at = 0;
		for (const { id, length } of this.#objects.items(span)) {
			if (id !== undefined) {
				past?.meet(id, at);
				const row = past && beside(past, at, length);
				this.#batch.add(id, columns.ids, row);
			}
			at += length;
		}
	}

	#columnsOf(content: Content | undefined): FormerColumns {
		const rows: Bytes[] = [];
		const starts: number[] = [];
		const lengths: number[] = [];
		let at = 0;
		if (content !== undefined)
			for (const { id, length } of this.#objects.items(content)) {
				if (id !== undefined) {
					rows.push(id);
					starts.push(at);
					lengths.push(length);
				}
				at += length;
			}
		const ids = new Uint8Array(rows.length * idBytes);
		rows.forEach((id, row) => {
			ids.set(id, row * idBytes);
		});
		return {
			first: Uint32Array.of(0, rows.length),
			ids,
			starts: Float64Array.from(starts),
			lengths: Uint32Array.from(lengths),
		};
	}
}

/** The row of the former chunk that stood where this one stands, or before that; undefined for what was added behind all of them. */
function beside(
	former: FormerFile,
	at: number,
	length: number,
): number | undefined {
	const { from, to } = former.near(at, length, 0);
	if (from < to) return from;
	return from === former.rows ? undefined : Math.max(0, from - 1);
}

/** By where they begin. Large files are cut span by span, and an item of theirs is one: it is compared with what was in that span before. */
function spansOf({ kinds, lengths, ids }: Content): Map<number, Content> {
	if (!kinds.includes(ItemKind.list))
		return new Map([[0, { kinds, lengths, ids }]]);
	const spans = new Map<number, Content>();
	let at = 0;
	let start = 0;
	for (const [i, kind] of kinds.entries()) {
		const from = at;
		if (kind !== ItemKind.zeros) at += idBytes;
		const length = lengths[i] as number;
		const own = ids.subarray(from, at);
		spans.set(start, { kinds: [kind], lengths: [length], ids: own });
		start += length;
	}
	return spans;
}

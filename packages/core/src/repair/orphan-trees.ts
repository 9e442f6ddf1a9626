import {
	type Bytes,
	decodePages,
	decodeTree,
	FrameKind,
	idAt,
	idBytes,
	isPaged,
	isVarveError,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import type { OpenSegments } from "@varve/store";
import { FrameCache } from "../frame-cache.ts";
import { sourcesOf } from "../gc/sweep.ts";
import type { Repository } from "../repository.ts";

export interface OrphanSearch {
	readonly segments: OpenSegments;
	/** What is in these packs is about to go. */
	readonly condemned: ReadonlySet<string>;
	readonly records: Iterable<SnapshotRecord>;
	readonly signal: AbortSignal | undefined;
}

const cacheBytes = 24 * 1024 * 1024;

/**
 * Trees that no other tree and no record names: what the records were of that are lost, and what runs have left that were killed. Memory: some hundred bytes
 * for each tree of the repository.
 */
export async function findOrphanTrees(
	repository: Repository,
	{ segments, condemned, records, signal }: OrphanSearch,
): Promise<TreeId[]> {
	const table = segments.table(new Set());
	const frames = new FrameCache(sourcesOf(repository, [table]), cacheBytes);
	const trees = new Set<TreeId>();
	const named = new Set<TreeId>();
	for (const { roots } of records)
		for (const { tree } of roots) named.add(tree);
	const { tools } = repository;
	for (const { id: pack, kind, frames: own } of packsOf(segments)) {
		if (kind !== FrameKind.meta || condemned.has(pack)) continue;
		signal?.throwIfAborted();
		for (const frame of own) {
			const count = frame.ids.length / idBytes;
			for (let i = 0; i < count; i++) {
				const id = idAt<TreeId>(frame.ids, i * idBytes);
				const children = attempt(() => {
					const decoded = frames.frame({ pack, ...frame });
					const hash = decoded.hash(i, (bytes) => tools.sha256(bytes));
					return idAt(hash) === id ? treesIn(decoded.chunk(i)) : undefined;
				});
				if (children === undefined) continue;
				trees.add(id);
				for (const child of children) named.add(child);
			}
			await new Promise((resolve) => setImmediate(resolve));
		}
	}
	return [...trees].filter((tree) => !named.has(tree)).sort();
}

function* packsOf({ segments, adopted }: OpenSegments) {
	const seen = new Set<string>();
	const isNew = ({ id }: { id: string }) => !seen.has(id) && seen.add(id);
	for (const segment of segments) yield* segment.contents().filter(isNew);
	yield* adopted.filter(isNew);
}

/** Trees that a tree names; undefined for what is none. */
function treesIn(bytes: Bytes): TreeId[] | undefined {
	if (bytes[0] !== 0x56) return undefined;
	if (isPaged(bytes)) return decodePages(bytes).map(({ tree }) => tree);
	if (bytes[1] !== 0x54) return undefined;
	return decodeTree(bytes).flatMap(({ tree }) => tree ?? []);
}

/** undefined for what is damaged, or newer. */
function attempt<T>(work: () => T): T | undefined {
	try {
		return work();
	} catch (error) {
		if (isVarveError(error)) return undefined;
		throw error;
	}
}

import { basename } from "node:path";
import type { Bytes, Hash64 } from "@varve/format";
import type { ChunkLookup, LookupDescriptor } from "./chunk-lookup.ts";
import type { ChunkPlace } from "./chunk-place.ts";
import { type ChunkSource, type Counts, findInAny } from "./chunk-source.ts";
import {
	type Database,
	isLevelDamage,
	openDatabase,
} from "./level-database.ts";
import { LevelSource } from "./level-source.ts";
import { PackListing } from "./pack-listing.ts";
import { PageCache } from "./page-cache.ts";
import {
	openIfThere,
	type SegmentFile,
	segmentInMemory,
} from "./segment-file.ts";
import { SegmentSearch } from "./segment-search.ts";
import { SegmentSource } from "./segment-source.ts";
import { SourceLookup } from "./source-lookup.ts";

/**
 * Opens the look-ups of an index in another thread of the process that has it open. What is damaged there answers nothing: the
 * index itself finds out. Segments that are gone since answer nothing either, which costs space at most.
 */
export async function openChunkLookup(
	descriptor: LookupDescriptor,
	hash64: Hash64,
): Promise<ChunkLookup> {
	const packs = new PackListing(descriptor.packs, descriptor.packSizes);
	if (descriptor.empty) return new SourceLookup(packs, []);
	const pages = new PageCache();
	const open = (paths: readonly string[]) =>
		paths.flatMap((path) => openSource(path, pages));
	const sources: ChunkSource[] = [
		...open(descriptor.segments),
		...descriptor.memory.map(({ name, bytes }) =>
			sourceOf(segmentInMemory(name, bytes), pages),
		),
	];
	if (descriptor.level === undefined) return new SourceLookup(packs, sources);
	const merged = new LaterSources(() => open(descriptor.merged));
	const database = await openLevel(descriptor.level);
	if (database === undefined)
		return new SourceLookup(packs, [...sources, merged]);
	const level = new LevelSource({
		get: (key) => database.getSync(key),
		packs,
		hash64,
		instead: () => merged,
	});
	const lookup = new SourceLookup(packs, [...sources, level]);
	return {
		empty: false,
		find: (ids, at) => lookup.find(ids, at),
		close() {
			lookup.close();
			void database.close();
		},
	};
}

function openSource(path: string, pages: PageCache): SegmentSource[] {
	const file = openIfThere(path, basename(path));
	return file === undefined ? [] : [sourceOf(file, pages)];
}

function sourceOf(file: SegmentFile, pages: PageCache): SegmentSource {
	return new SegmentSource(new SegmentSearch(file, pages));
}

/** Undefined if it does not open: the segments it holds are asked in its place. */
async function openLevel(folder: string): Promise<Database | undefined> {
	try {
		return await openDatabase(folder);
	} catch (error) {
		if (isLevelDamage(error)) return undefined;
		throw error;
	}
}

/** Sources that are opened when first asked. */
class LaterSources implements ChunkSource {
	readonly #open: () => readonly ChunkSource[];
	#opened: readonly ChunkSource[] | undefined;

	constructor(open: () => readonly ChunkSource[]) {
		this.#open = open;
	}

	find(ids: Bytes, at: number, counts: Counts): ChunkPlace | undefined {
		this.#opened ??= this.#open();
		return findInAny(this.#opened, { ids, at }, counts);
	}

	close(): void {
		for (const source of this.#opened ?? []) source.close();
	}
}

import type { Hash64, LeaseId, SegmentPack } from "@varve/format";
import { adoptPacks } from "./adopt-packs.ts";
import type { ReadBackend } from "./backend.ts";
import { ChunkTable } from "./chunk-table.ts";
import { PageCache } from "./page-cache.ts";
import type { Listing } from "./repository-index.ts";
import { packsOfSegment } from "./segment-packs.ts";
import { SegmentSearch } from "./segment-search.ts";
import { SegmentShelf } from "./segment-shelf.ts";
import type { Warn } from "./warn.ts";

export interface OpenSegmentsOptions {
	readonly backend: ReadBackend;
	readonly hash64: Hash64;
	readonly warn: Warn;
	readonly signal?: AbortSignal | undefined;
}

/** A segment that is open, proved by its name. */
export interface OpenSegment {
	readonly name: string;
	readonly lease: LeaseId;
	/** Bytes. */
	readonly size: number;
	readonly chunks: number;
	readonly packs: readonly Pick<SegmentPack, "id" | "size" | "kind">[];
	/** Its packs with their frames: some ten bytes of memory for each byte of the segment. */
	contents(): SegmentPack[];
}

/** All that segments and directories tell of the packs of one listing, taken from the repository itself and not from an index. */
export interface OpenSegments {
	readonly segments: readonly OpenSegment[];
	/** Packs that no segment names, as their directories tell. */
	readonly adopted: readonly SegmentPack[];
	/** Listed packs of which nobody knows what is in them: damaged, or of another size than they were written with. */
	readonly unknown: readonly string[];
	/** Segments that are damaged or could not be opened. */
	readonly damaged: readonly string[];
	/** A table of the chunks of all packs that are known, but for these. */
	table(without: ReadonlySet<string>): ChunkTable;
	close(): void;
}

export async function openSegments(
	listing: Pick<Listing, "segments" | "packs">,
	options: OpenSegmentsOptions,
): Promise<OpenSegments> {
	const shelf = new SegmentShelf({
		backend: options.backend,
		copies: undefined,
		warn: options.warn,
	});
	try {
		const pages = new PageCache();
		const searches: SegmentSearch[] = [];
		const damaged: string[] = [];
		for (const { name } of listing.segments) {
			options.signal?.throwIfAborted();
			const file = await shelf.open(name);
			if (file === undefined) damaged.push(name);
			else searches.push(new SegmentSearch(file, pages));
		}
		return await assemble(listing, { searches, damaged, shelf, options });
	} catch (error) {
		shelf.close();
		throw error;
	}
}

interface Opened {
	readonly searches: readonly SegmentSearch[];
	readonly damaged: readonly string[];
	readonly shelf: SegmentShelf;
	readonly options: OpenSegmentsOptions;
}

async function assemble(
	{ packs }: Pick<Listing, "packs">,
	{ searches, damaged, shelf, options }: Opened,
): Promise<OpenSegments> {
	const listed = new Map(packs.map(({ name, size }) => [name, size]));
	const segments = searches.map(describe);
	const known = new Map<string, number>();
	const named = new Set<string>();
	for (const { packs: own } of segments)
		for (const { id, size } of own) {
			named.add(id);
			if (listed.get(id) === size) known.set(id, size);
		}
	const unnamed = packs.filter(({ name }) => !named.has(name));
	const adopted = await adoptPacks(unnamed, options);
	for (const { id, size } of adopted) known.set(id, size);
	return {
		segments,
		adopted,
		unknown: packs.map(({ name }) => name).filter((name) => !known.has(name)),
		damaged,
		table(without) {
			const counting = new Map(known);
			for (const id of without) counting.delete(id);
			return new ChunkTable({ segments: searches, adopted, packs: counting });
		},
		close: () => shelf.close(),
	};
}

function describe(search: SegmentSearch): OpenSegment {
	const { reader, file, chunks } = search;
	return {
		name: file.name,
		lease: reader.lease,
		size: file.size,
		chunks,
		packs: Array.from({ length: reader.layout.packs }, (_, i) =>
			reader.pack(i),
		),
		contents: () => packsOfSegment(search),
	};
}

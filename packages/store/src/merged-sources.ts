import type { Bytes } from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import { type ChunkSource, type Counts, findInAny } from "./chunk-source.ts";
import type { MergedSegments } from "./find-places.ts";
import type { OpenLevel } from "./level-store.ts";
import type { PageCache } from "./page-cache.ts";
import { SegmentSearch } from "./segment-search.ts";
import type { SegmentShelf } from "./segment-shelf.ts";
import { SegmentSource } from "./segment-source.ts";

/** The segments that LevelDB holds, opened only when they must be read all the same. */
export class MergedSources implements ChunkSource, MergedSegments {
	readonly count: number;
	readonly chunks: number;
	readonly #names: readonly string[];
	readonly #from: { readonly shelf: SegmentShelf; readonly pages: PageCache };
	#opened: SegmentSource[] | undefined;

	constructor(
		names: readonly string[],
		level: OpenLevel | undefined,
		from: { readonly shelf: SegmentShelf; readonly pages: PageCache },
	) {
		this.#names = names;
		this.#from = from;
		this.count = names.length;
		this.chunks = names.reduce(
			(sum, name) => sum + (level?.merged.get(name)?.chunks ?? 0),
			0,
		);
	}

	/** Without those that are gone or damaged. */
	open(): readonly SegmentSource[] {
		const { shelf, pages } = this.#from;
		this.#opened ??= this.#names.flatMap((name) => {
			const file = shelf.openNow(name);
			return file === undefined
				? []
				: [new SegmentSource(new SegmentSearch(file, pages))];
		});
		return this.#opened;
	}

	find(ids: Bytes, at: number, counts: Counts): ChunkPlace | undefined {
		return findInAny(this.open(), { ids, at }, counts);
	}

	close(): void {
		// The shelf closes the files.
	}
}

import type { Bytes } from "@varve/format";
import type { ChunkPlace } from "./chunk-place.ts";
import type { ChunkSource, Counts } from "./chunk-source.ts";
import type { SegmentSearch } from "./segment-search.ts";

/** A segment searched in place. */
export class SegmentSource implements ChunkSource {
	readonly search: SegmentSearch;

	constructor(search: SegmentSearch) {
		this.search = search;
	}

	find(ids: Bytes, at: number, counts: Counts): ChunkPlace | undefined {
		const { search } = this;
		let chunk = search.find(ids, at);
		if (chunk < 0) return undefined;
		let best: ChunkPlace | undefined;
		do {
			const place = search.place(chunk++);
			if (!counts(place.frame)) continue;
			if (place.frame.plain) return place;
			best ??= place;
		} while (search.isAt(chunk, ids, at));
		return best;
	}

	close(): void {
		this.search.file.close();
	}
}

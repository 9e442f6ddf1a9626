import type { SegmentPack } from "@varve/format";
import { BuiltSegments } from "./built-segments.ts";
import type { PageCache } from "./page-cache.ts";
import type { SegmentFile } from "./segment-file.ts";
import { packsOfSegment } from "./segment-packs.ts";
import { SegmentSearch } from "./segment-search.ts";
import type { Warn } from "./warn.ts";

/** More small segments than this are put together. */
const separate = 32;
/** Chunks of a small segment, and of all that are put together. */
const smallSegment = 20_000;
const chunksTogether = 1_000_000;

export interface Combined {
	readonly segments: readonly SegmentSearch[];
	readonly built: SegmentFile | undefined;
}

/**
 * Many small segments, put together in one on the client: for when LevelDB is not to be had, and each would be asked in turn. What
 * was put together before is used as long as it is of use.
 */
export class CombinedSegments {
	readonly #built: BuiltSegments;
	readonly #pages: PageCache;

	constructor(
		folder: string | undefined,
		{ pages, warn }: { readonly pages: PageCache; readonly warn: Warn },
	) {
		this.#built = new BuiltSegments(folder, warn);
		this.#pages = pages;
	}

	/** Segments that know the same; one that was built for this is the caller's to close. */
	async combine(segments: readonly SegmentSearch[]): Promise<Combined> {
		const small = chooseSmall(segments);
		if (small.size <= separate) return { segments, built: undefined };
		const large = segments.filter((segment) => !small.has(segment));
		const before = await this.#before();
		const left = before === undefined ? [...small] : uncovered(small, before);
		if (before !== undefined && left.length <= separate)
			return withBuilt(before, [...left, ...large]);
		before?.file.close();
		const packs = new Map<string, SegmentPack>();
		for (const segment of small)
			for (const pack of packsOfSegment(segment)) packs.set(pack.id, pack);
		const file = await this.#built.replace([...packs.values()]);
		const together = new SegmentSearch(file, this.#pages);
		return withBuilt(together, large);
	}

	async #before(): Promise<SegmentSearch | undefined> {
		const [file, ...others] = await this.#built.open();
		for (const other of others) other.close();
		return file && new SegmentSearch(file, this.#pages);
	}
}

function withBuilt(
	built: SegmentSearch,
	others: readonly SegmentSearch[],
): Combined {
	return { segments: [built, ...others], built: built.file };
}

function chooseSmall(
	segments: readonly SegmentSearch[],
): ReadonlySet<SegmentSearch> {
	const small = new Set<SegmentSearch>();
	let left = chunksTogether;
	for (const segment of segments) {
		if (segment.chunks > smallSegment || segment.chunks > left) continue;
		left -= segment.chunks;
		small.add(segment);
	}
	return small;
}

/** Segments with a pack that is not in `whole`. */
function uncovered(
	segments: Iterable<SegmentSearch>,
	whole: SegmentSearch,
): SegmentSearch[] {
	const known = new Set(packIdsOf(whole));
	return [...segments].filter((segment) =>
		packIdsOf(segment).some((id) => !known.has(id)),
	);
}

function packIdsOf({ reader }: SegmentSearch): string[] {
	return Array.from(
		{ length: reader.layout.packs },
		(_, i) => reader.pack(i).id,
	);
}

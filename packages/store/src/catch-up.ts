import { join } from "node:path";
import type { Bytes, Hash64, Place, SegmentPack } from "@varve/format";
import { AdoptedPacks } from "./adopted-packs.ts";
import type { ListedFile, ReadBackend } from "./backend.ts";
import type { LookupDescriptor, MemorySegment } from "./chunk-lookup.ts";
import type { ChunkPlace } from "./chunk-place.ts";
import { CombinedSegments } from "./combined-segments.ts";
import { findPlaces } from "./find-places.ts";
import { LevelSource } from "./level-source.ts";
import type { LevelStore, OpenLevel } from "./level-store.ts";
import { chooseToMerge, fitInPlace } from "./merge-policy.ts";
import { packsOfMerged } from "./merged-segments.ts";
import { MergedSources } from "./merged-sources.ts";
import { PackListing } from "./pack-listing.ts";
import { PageCache } from "./page-cache.ts";
import { placesWithFallback } from "./places-with-fallback.ts";
import type { Listing, PlaceOptions } from "./repository-index.ts";
import type { SegmentFile } from "./segment-file.ts";
import { SegmentSearch } from "./segment-search.ts";
import { SegmentShelf } from "./segment-shelf.ts";
import { SegmentSource } from "./segment-source.ts";
import { dropRecords } from "./snapshot-records.ts";
import { SourceLookup } from "./source-lookup.ts";
import { UsablePacks } from "./usable-packs.ts";
import type { Warn } from "./warn.ts";

export interface IndexStateOptions {
	readonly backend: ReadBackend;
	/** Of this repository, in the cache. */
	readonly folder: string | undefined;
	readonly hash64: Hash64;
	readonly warn: Warn;
	readonly level: LevelStore;
}

/** What the index answers about one listing. */
export interface CaughtUp {
	readonly lookup: SourceLookup;
	readonly descriptor: LookupDescriptor;
	readonly adopted: readonly SegmentPack[];
	/** Ids of packs that segments name and that are not there, or not whole. */
	readonly lost: readonly string[];
	/** See RepositoryIndex. */
	places(ids: Bytes, options?: PlaceOptions): (Place | undefined)[];
	/** Closes what belongs to this listing only. */
	close(): void;
}

/** Segments of a listing by where their chunks are looked up. */
interface Division {
	/** Undefined if no segment is merged. */
	readonly level: OpenLevel | undefined;
	/** Names of the segments LevelDB holds. */
	readonly merged: readonly string[];
	readonly inPlace: readonly SegmentSearch[];
	/** One of these, if it was built on the client. */
	readonly built: SegmentFile | undefined;
}

/** What is asked for one set of packs that count. */
interface Answering {
	readonly segments: readonly SegmentSource[];
	readonly source: LevelSource | undefined;
	readonly merged: MergedSources;
	readonly lookup: SourceLookup;
}

/** Which packs count. */
interface Counted {
	readonly listed: PackListing;
	/** With those that are condemned and there: they are read from where there is nothing else. */
	readonly all: PackListing;
	/** What directories tell of packs that no segment names. */
	readonly adopted: SegmentFile | undefined;
}

/** Segments opened at the same time. */
const parallel = 4;

/** Brings look-ups up to a listing. */
export class IndexState {
	readonly #options: IndexStateOptions;
	readonly #shelf: SegmentShelf;
	readonly #adopted: AdoptedPacks;
	readonly #combined: CombinedSegments;
	readonly #pages = new PageCache();

	constructor(options: IndexStateOptions) {
		const { backend, folder, warn } = options;
		const below = (name: string) => folder && join(folder, name);
		this.#options = options;
		this.#shelf = new SegmentShelf({
			backend,
			copies: below("segments"),
			warn,
		});
		this.#adopted = new AdoptedPacks(below("adopted"), warn);
		this.#combined = new CombinedSegments(below("combined"), {
			pages: this.#pages,
			warn,
		});
	}

	async catchUp(
		listing: Listing,
		signal: AbortSignal | undefined,
	): Promise<CaughtUp> {
		const { backend, hash64, warn } = this.#options;
		const division = await this.#divide(listing, signal);
		const { condemned } = listing;
		const packs = nameAll(new UsablePacks(listing), division);
		packs.warnOfWrongSizes(warn);
		const all =
			condemned.size === 0 ? packs : nameAll(readable(listing), division);
		const adopted = await this.#adopted.adopt(all.unnamed(), {
			backend,
			hash64,
			warn,
			signal,
		});
		for (const { id, size } of adopted.packs) {
			all.usable.set(id, size);
			if (!condemned.has(id)) packs.usable.set(id, size);
		}
		const listed = PackListing.of(packs.usable);
		const caughtUp = {
			...this.#assemble(division, {
				listed,
				all: all === packs ? listed : PackListing.of(all.usable),
				adopted: adopted.file,
			}),
			adopted: adopted.packs.filter(({ id }) => !condemned.has(id)),
			lost: packs.lost(),
		};
		// Not before: what was caught up with until now stands if this fails.
		await this.#shelf.keepOnly(new Set(listing.segments.map((s) => s.name)));
		return caughtUp;
	}

	async #divide(
		listing: Listing,
		signal: AbortSignal | undefined,
	): Promise<Division> {
		const { level } = this.#options;
		if (fitInPlace(listing.segments)) {
			if (level.isOpen)
				await level.use(({ database }) => dropUnlisted(database, listing));
		} else {
			const division = await level.use((open) =>
				this.#divideWith(open, listing, signal),
			);
			if (division !== undefined) return division;
		}
		const inPlace = await this.#openAll(listing.segments, signal);
		const { segments, built } = await this.#combined.combine(inPlace);
		return { level: undefined, merged: [], inPlace: segments, built };
	}

	/** Merges what is to be merged, and takes out what is gone. */
	async #divideWith(
		level: OpenLevel,
		listing: Listing,
		signal: AbortSignal | undefined,
	): Promise<Division> {
		const store = this.#options.level;
		const listed = new Set(listing.segments.map(({ name }) => name));
		const gone = [...level.merged.keys()].filter((name) => !listed.has(name));
		await store.takeOut(level, gone);
		await dropUnlisted(level.database, listing);
		const isMerged = (name: string) => level.merged.has(name);
		const unmerged = await this.#openAll(
			listing.segments.filter(({ name }) => !isMerged(name)),
			signal,
		);
		signal?.throwIfAborted();
		await store.merge(level, chooseToMerge(unmerged));
		const fresh = await store.dropIfStale(level);
		if (fresh === undefined)
			throw new Error("the index could not be opened again");
		if (fresh !== level) return await this.#divideWith(fresh, listing, signal);
		return {
			level,
			merged: [...listed].filter(isMerged),
			inPlace: unmerged.filter(({ file }) => !isMerged(file.name)),
			built: undefined,
		};
	}

	async #openAll(
		segments: readonly ListedFile[],
		signal: AbortSignal | undefined,
	): Promise<SegmentSearch[]> {
		const opened: SegmentSearch[] = [];
		const waiting = segments.values();
		const lane = async () => {
			for (const segment of waiting) {
				signal?.throwIfAborted();
				const file = await this.#shelf.open(segment.name);
				if (file !== undefined)
					opened.push(new SegmentSearch(file, this.#pages));
			}
		};
		await Promise.all(Array.from({ length: parallel }, lane));
		return opened;
	}

	#assemble(
		division: Division,
		{ listed, all, adopted }: Counted,
	): Omit<CaughtUp, "lost" | "adopted"> {
		const { level, merged, built } = division;
		const { inPlace } = division;
		const searches =
			adopted === undefined
				? inPlace
				: [...inPlace, new SegmentSearch(adopted, this.#pages)];
		const first = this.#answering(division, searches, listed);
		const { lookup, source } = first;
		let last: Answering | undefined;
		const condemned = () => {
			// Searches anew: a frame remembers whether it counts.
			last ??= this.#answering(division, searches.map(again), all);
			return last;
		};
		const again = ({ file }: SegmentSearch) =>
			new SegmentSearch(file, this.#pages);
		return {
			lookup,
			descriptor: {
				level: source && this.#options.level.path,
				segments: pathsOf(searches),
				memory: memoryOf(searches),
				merged: merged.flatMap((name) => this.#shelf.pathOf(name) ?? []),
				packs: listed.ids,
				packSizes: listed.sizes,
				empty: lookup.empty,
			},
			places: (ids, { plain = false } = {}) => {
				const places = this.#find(ids, first, level);
				if (all.count === listed.count) return places;
				const fallback = (rest: Bytes) => this.#find(rest, condemned(), level);
				return placesWithFallback(ids, { places, plain, fallback });
			},
			close() {
				adopted?.close();
				built?.close();
			},
		};
	}

	#answering(
		{ level, merged }: Division,
		searches: readonly SegmentSearch[],
		packs: PackListing,
	): Answering {
		const segments = searches.map((search) => new SegmentSource(search));
		const mergedSources = new MergedSources(merged, level, {
			shelf: this.#shelf,
			pages: this.#pages,
		});
		const source =
			level && merged.length > 0
				? this.#levelSource(level, packs, mergedSources)
				: undefined;
		const sources = source === undefined ? segments : [...segments, source];
		const lookup = new SourceLookup(packs, sources);
		return { segments, source, merged: mergedSources, lookup };
	}

	#find(
		ids: Bytes,
		{ segments, source, merged, lookup }: Answering,
		level: OpenLevel | undefined,
	): (ChunkPlace | undefined)[] {
		return findPlaces(ids, {
			segments,
			level: source,
			merged,
			counts: lookup.counts,
			onLevelMiss: () =>
				this.#options.level.reportDamage(
					new Error("a chunk is missing"),
					level?.database,
				),
		});
	}

	#levelSource(
		{ database }: OpenLevel,
		packs: PackListing,
		merged: MergedSources,
	): LevelSource {
		const { hash64, level } = this.#options;
		return new LevelSource({
			get: (key) => database.getSync(key),
			packs,
			hash64,
			instead: (cause) => {
				level.reportDamage(cause, database);
				return merged;
			},
		});
	}

	/** A segment that was just written: the next listing has it. */
	async addSegment(name: string, bytes: Bytes): Promise<void> {
		await this.#shelf.add(name, bytes);
	}

	close(): void {
		this.#shelf.close();
	}
}

async function dropUnlisted(
	database: OpenLevel["database"],
	{ snapshots }: Listing,
): Promise<void> {
	await dropRecords(database, new Set(snapshots.map(({ name }) => name)));
}

function nameAll(
	packs: UsablePacks,
	{ level, merged, inPlace }: Division,
): UsablePacks {
	for (const name of merged) {
		const segment = level?.merged.get(name);
		if (segment === undefined) continue;
		for (const pack of packsOfMerged(segment)) packs.name(pack);
	}
	for (const { reader } of inPlace)
		for (let i = 0; i < reader.layout.packs; i++) packs.name(reader.pack(i));
	return packs;
}

/** Whatever is there, condemned or not. */
function readable({ packs }: Listing): UsablePacks {
	return new UsablePacks({ packs, condemned: new Set() });
}

function pathsOf(searches: readonly SegmentSearch[]): string[] {
	return searches.flatMap(({ file }) => file.path ?? []);
}

function memoryOf(searches: readonly SegmentSearch[]): MemorySegment[] {
	return searches.flatMap(({ file: { name, memory } }) =>
		memory === undefined ? [] : [{ name, bytes: memory }],
	);
}

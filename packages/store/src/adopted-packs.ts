import type { SegmentPack } from "@varve/format";
import { type AdoptOptions, adoptPacks } from "./adopt-packs.ts";
import type { ListedFile } from "./backend.ts";
import { BuiltSegments } from "./built-segments.ts";
import { PageCache } from "./page-cache.ts";
import type { SegmentFile } from "./segment-file.ts";
import { packsOfSegment } from "./segment-packs.ts";
import { SegmentSearch } from "./segment-search.ts";
import type { Warn } from "./warn.ts";

export interface Adopted {
	readonly packs: readonly SegmentPack[];
	/** Lists them all; undefined if there are none. */
	readonly file: SegmentFile | undefined;
}

/** Packs that no segment names. What their directories tell is kept in a segment on the client, until a real one names them. */
export class AdoptedPacks {
	readonly #built: BuiltSegments;

	constructor(folder: string | undefined, warn: Warn) {
		this.#built = new BuiltSegments(folder, warn);
	}

	async adopt(
		unnamed: readonly ListedFile[],
		options: AdoptOptions,
	): Promise<Adopted> {
		if (unnamed.length === 0) {
			await this.#built.keepOnly();
			return { packs: [], file: undefined };
		}
		const [kept, ...others] = await this.#built.open();
		for (const file of others) file.close();
		const known = kept === undefined ? [] : packsIn(kept);
		const packs = await this.#join(known, unnamed, options);
		if (kept !== undefined && isSame(packs, known))
			return { packs, file: kept };
		kept?.close();
		if (packs.length === 0) return { packs, file: undefined };
		return { packs, file: await this.#built.replace(packs) };
	}

	/** Those of the unnamed packs that are known already, and the others from their directories. */
	async #join(
		known: readonly SegmentPack[],
		unnamed: readonly ListedFile[],
		options: AdoptOptions,
	): Promise<SegmentPack[]> {
		const byId = new Map<string, SegmentPack>(known.map((p) => [p.id, p]));
		const isKnown = (file: ListedFile) =>
			byId.get(file.name)?.size === file.size;
		const fresh = await adoptPacks(
			unnamed.filter((file) => !isKnown(file)),
			options,
		);
		const old = unnamed
			.filter(isKnown)
			.map((file) => byId.get(file.name) as SegmentPack);
		return [...old, ...fresh].sort((a, b) => (a.id < b.id ? -1 : 1));
	}
}

function isSame(a: readonly SegmentPack[], b: readonly SegmentPack[]): boolean {
	return a.length === b.length && a.every((pack, i) => pack.id === b[i]?.id);
}

function packsIn(file: SegmentFile): SegmentPack[] {
	return packsOfSegment(new SegmentSearch(file, new PageCache(1)));
}

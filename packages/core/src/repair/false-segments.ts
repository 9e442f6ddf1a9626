import { CorruptError, isVarveError, type SegmentPack } from "@varve/format";
import type { ListedFile, Listing, OpenSegments } from "@varve/store";
import type { Repository } from "../repository.ts";
import { PackEnds } from "../verify/pack-ends.ts";
import { differingFrames } from "../verify/segment-frames.ts";
import { isAsWritten } from "./damaged-pack.ts";
import { PackBytes } from "./pack-bytes.ts";

export interface FalseSegments {
	/** Names of segments that do not tell what is in packs that are just as they were written, or that tell nothing sensible. */
	readonly names: readonly string[];
	/** What they should have told of their packs. */
	readonly packs: readonly SegmentPack[];
}

/** Compares segments with the directories of their packs. Of two that differ the segment is wrong if the pack has the SHA-256 it is named by. */
export async function findFalseSegments(
	repository: Repository,
	segments: OpenSegments["segments"],
	{
		listing,
		signal,
	}: { readonly listing: Listing; readonly signal: AbortSignal | undefined },
): Promise<FalseSegments> {
	const listed = new Map(listing.packs.map((file) => [file.name, file]));
	const comparison = new Comparison(repository);
	const names: string[] = [];
	const right = new Map<string, SegmentPack>();
	for (const segment of segments) {
		signal?.throwIfAborted();
		const packs = contentsOf(segment);
		let isFalse = packs === undefined;
		const own: SegmentPack[] = [];
		for (const pack of packs ?? []) {
			const file = listed.get(pack.id);
			const corrected = file && comparison.corrected(pack, file);
			isFalse ||= corrected !== undefined;
			own.push(corrected ?? pack);
			await new Promise((resolve) => setImmediate(resolve));
		}
		if (!isFalse) continue;
		names.push(segment.name);
		for (const pack of own) right.set(pack.id, pack);
	}
	return { names, packs: [...right.values()] };
}

/** undefined for one that contradicts itself. */
function contentsOf(
	segment: OpenSegments["segments"][number],
): SegmentPack[] | undefined {
	try {
		return segment.contents();
	} catch (error) {
		if (error instanceof CorruptError) return undefined;
		throw error;
	}
}

class Comparison {
	readonly #repository: Repository;
	readonly #ends: PackEnds;

	constructor(repository: Repository) {
		this.#repository = repository;
		const { backend, tools } = repository;
		this.#ends = new PackEnds(backend.blocking, (bytes) => tools.hash64(bytes));
	}

	/** What the pack tells of itself, if that is something else and the pack is as it was written. */
	corrected(said: SegmentPack, file: ListedFile): SegmentPack | undefined {
		if (said.size !== file.size) return undefined;
		const own = this.#directoryOf(said, file);
		if (own === undefined) return undefined;
		const isSame =
			own.kind === said.kind &&
			differingFrames(said.frames, own.frames).length === 0;
		if (isSame) return undefined;
		const bytes = new PackBytes(this.#repository.backend.blocking, file);
		return isAsWritten(bytes, file.name) ? own : undefined;
	}

	#directoryOf(
		{ id, size }: SegmentPack,
		file: ListedFile,
	): SegmentPack | undefined {
		try {
			const kind = this.#ends.kind(file);
			const trailer = this.#ends.trailer(file);
			return { id, size, kind, frames: this.#ends.directory(file, trailer) };
		} catch (error) {
			// Damaged, which is for the repair of packs.
			if (isVarveError(error)) return undefined;
			throw error;
		}
	}
}

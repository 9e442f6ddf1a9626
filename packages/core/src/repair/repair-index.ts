import { CorruptError } from "@varve/format";
import type { Listing, OpenSegments, Stage } from "@varve/store";
import { readGcList } from "../listing.ts";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { settleUnnamed } from "../settle-seen.ts";
import { toldAs } from "../told-as.ts";
import { catchUp, dropAbsent, noneAbsent, notAmong } from "./absent-packs.ts";
import { withRepairLease } from "./exclusive.ts";
import { type FalseSegments, findFalseSegments } from "./false-segments.ts";
import { lossesOf } from "./losses.ts";
import { mendPacks } from "./mend-packs.ts";
import type { IndexRepaired, RepairOptions } from "./options.ts";
import { damagedCopies, putBackLost, renewCopies } from "./put-back.ts";
import { namePacks } from "./segments.ts";

/**
 * Makes all that is derived anew, from what is there: segments from packs, and this client's index from segments. Packs that no segment names are named;
 * segments that are damaged, or contradict packs, go to the quarantine once others have taken their place. What packs without a directory
 * hold is found frame by frame, and moved to packs that have one.
 */
export async function repairIndex(
	repository: Repository,
	options: RepairOptions = {},
): Promise<IndexRepaired> {
	return await toldAs(
		repository,
		{ verb: "repair", subject: "index" },
		async () => {
			if (options.dryRun === true)
				return await mend(repository, undefined, options);
			const { signal } = options;
			const lease = { command: "repair index", signal };
			await repository.cache.clear();
			return await withRepairLease(repository, lease, (stage, signal) =>
				mend(repository, stage, { ...options, signal }),
			);
		},
	);
}

async function mend(
	repository: Repository,
	stage: Stage | undefined,
	{ wait, signal }: RepairOptions,
): Promise<IndexRepaired> {
	const back = await putBackLost(repository, stage);
	const gcLists = await putAwayGcLists(repository, stage);
	const listing = await listToRead(repository);
	const segments = await repository.openSegments(listing, signal);
	try {
		const named = await nameAll(repository, stage, {
			...{ listing, segments, signal },
		});
		const { mended, lost, waitingFor } = await mendPacks(repository, {
			packs: unknownPacks(listing, segments),
			...{ segments, condemned: listing.condemned, stage, wait, signal },
		});
		await catchUp(repository, stage);
		const absent =
			waitingFor.length > 0
				? noneAbsent
				: await dropAbsent(repository, stage, signal);
		if (stage !== undefined) {
			const damaged = await damagedCopies(repository);
			await renewCopies(repository, stage, { damaged, signal });
		}
		return {
			dryRun: stage === undefined,
			putBack: back,
			...named,
			packsUnnamed: absent.unnamed,
			missing: notAmong(absent.left, mended),
			gcLists,
			mended,
			losses: await lossesOf(repository, [...lost, ...absent.lost]),
			waitingFor,
		};
	} finally {
		segments.close();
	}
}

/** Lists of which nobody can tell what they condemn: without them nothing is condemned, and the next gc finds out anew. */
async function putAwayGcLists(
	{ backend, tools }: Repository,
	stage: Stage | undefined,
): Promise<number> {
	let count = 0;
	for (const { name } of await backend.list("gc"))
		try {
			await readGcList(name, backend, tools);
		} catch (error) {
			if (!(error instanceof CorruptError)) throw error;
			if (stage !== undefined) await backend.quarantine(stage, "gc", name);
			count++;
		}
	return count;
}

interface Found {
	readonly listing: Listing;
	readonly segments: OpenSegments;
	readonly signal: AbortSignal | undefined;
}

/** New segments first, then the old ones away. */
async function nameAll(
	repository: Repository,
	stage: Stage | undefined,
	{ listing, segments, signal }: Found,
): Promise<Pick<IndexRepaired, "packsNamed" | "segmentsReplaced">> {
	const wrong: FalseSegments = await findFalseSegments(
		repository,
		segments.segments,
		{ listing, signal },
	);
	const packs = [...segments.adopted, ...wrong.packs];
	const replaced = [...segments.damaged, ...wrong.names];
	if (stage !== undefined) {
		await settleUnnamed(repository, packs);
		const written = new Set(await namePacks(repository, stage, packs));
		for (const name of replaced)
			if (!written.has(name))
				await repository.backend.quarantine(stage, "segments", name);
	}
	return {
		packsNamed: segments.adopted.length,
		segmentsReplaced: replaced.length,
	};
}

/** Packs of which no whole segment tells, for their directories cannot be read, or of another size than it tells. */
function unknownPacks(
	{ packs }: Listing,
	{ unknown }: OpenSegments,
): Listing["packs"] {
	const names = new Set(unknown);
	return packs.filter(({ name }) => names.has(name));
}

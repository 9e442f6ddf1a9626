import { isVarveError, type SnapshotId } from "@varve/format";
import type { Listing } from "@varve/store";
import { countCopies } from "./copies/catch-up.ts";
import { listRepository } from "./listing.ts";
import type { Repository } from "./repository.ts";

/**
 * Brings look-ups up to a moment at which these snapshots were listed, if they are at all. A damaged gc list stops a writer, but
 * not a reader: it may use what is condemned as long as it is there.
 */
export async function prepareToRead(
	repository: Repository,
	snapshots: readonly SnapshotId[],
): Promise<Listing> {
	try {
		const listing = await repository.objects.prepare();
		const listed = new Set(listing.snapshots.map((file) => file.name));
		if (snapshots.every((id) => listed.has(id))) {
			if (listing.condemned.size > 0 || repository.index.lost.length > 0)
				await catchUpToRead(repository, listing);
			return listing;
		}
	} catch (error) {
		if (!isVarveError(error) || error.name !== "CorruptError") throw error;
	}
	return listAgain(repository);
}

async function listAgain(repository: Repository): Promise<Listing> {
	const listing = await listToRead(repository);
	await catchUpToRead(repository, listing);
	return listing;
}

/**
 * Makes look-ups know of this listing, and of condemned packs as long as they are there: a snapshot that was under way when they were
 * condemned may need them, and then gc keeps them. A writer must not refer to them, see Intake.makeSure.
 */
export async function catchUpToRead(
	repository: Repository,
	listing: Listing,
): Promise<void> {
	const { index } = repository;
	const condemned = new Set(listing.condemned);
	for (const { name } of listing.packs) condemned.delete(name);
	const readable = { ...listing, condemned };
	await index.catchUp(readable);
	await countCopies(repository, readable);
}

/** Lists the repository as it is now, for one who only reads; look-ups do not know of it yet. */
export function listToRead({
	backend,
	tools,
	observer,
}: Repository): Promise<Listing> {
	return listRepository(backend, tools, (error) =>
		observer.on({
			type: "warning",
			message: `reading on without a gc list that is damaged: ${error.message}`,
		}),
	);
}

import { isVarveError, NotFoundError, type SnapshotId } from "@varve/format";
import { catchUpToRead, countCopies } from "./copies/catch-up.ts";
import { dyingIn, listRepository, type RepositoryListing } from "./listing.ts";
import type { Repository } from "./repository.ts";

/**
 * Brings look-ups up to a moment at which these snapshots were listed. A damaged gc list stops a writer, but not a reader: it may use what
 * is condemned as long as it is there. NotFoundError "NO_SUCH_SNAPSHOT" if one is gone, or is being deleted.
 */
export async function prepareToRead(
	repository: Repository,
	snapshots: readonly SnapshotId[],
): Promise<RepositoryListing> {
	const known = await knownListing(repository);
	if (known !== undefined) {
		const gone = await firstGone(repository, known, snapshots);
		if (gone === undefined) {
			await countCopies(repository, known);
			return known;
		}
	}
	const listing = await listToRead(repository);
	await catchUpToRead(repository, listing);
	const gone = await firstGone(repository, listing, snapshots);
	if (gone === undefined) return listing;
	throw new NotFoundError(
		"NO_SUCH_SNAPSHOT",
		`the snapshot ${gone.slice(0, 8)} is not there any more: it was forgotten, and gc deletes it`,
		{ snapshot: gone },
	);
}

async function knownListing({
	objects,
}: Repository): Promise<RepositoryListing | undefined> {
	try {
		return await objects.prepare();
	} catch (error) {
		if (isVarveError(error) && error.name === "CorruptError") return undefined;
		throw error;
	}
}

async function firstGone(
	{ backend }: Repository,
	listing: RepositoryListing,
	wanted: readonly SnapshotId[],
): Promise<SnapshotId | undefined> {
	const listed = new Set(listing.snapshots.map((file) => file.name));
	const isDoubtful = wanted.some((id) => listing.condemnedSnapshots.has(id));
	const dying = isDoubtful ? await dyingIn(listing, backend) : noNames;
	return wanted.find((id) => !listed.has(id) || dying.has(id));
}

const noNames: ReadonlySet<string> = new Set();

/** Lists the repository as it is now, for one who only reads; look-ups do not know of it yet. */
export function listToRead({
	backend,
	tools,
	observer,
}: Repository): Promise<RepositoryListing> {
	return listRepository(backend, tools, (error) =>
		observer.on({
			type: "warning",
			message: `reading on without a gc list that is damaged: ${error.message}`,
		}),
	);
}

import type { Listing } from "@varve/store";
import type { Repository } from "../repository.ts";

/**
 * Brings the look-ups of one who only reads up to a listing. Packs that are lost count as there if they have copies, which objects are
 * then read from; whoever writes must not build on them, and lists anew.
 */
export async function catchUpToRead(
	repository: Repository,
	listing: Listing,
): Promise<void> {
	await repository.index.catchUp(listing);
	await countCopies(repository, listing);
}

/** The same where look-ups know of the listing already. */
export async function countCopies(
	{ index, backend }: Repository,
	listing: Listing,
): Promise<void> {
	if (index.lost.length === 0) return;
	const lost = new Set(index.lost);
	const copies = (await backend.list("copies/packs")).filter(({ name }) =>
		lost.has(name),
	);
	if (copies.length === 0) return;
	const copied = new Set(copies.map(({ name }) => name));
	const others = listing.packs.filter(({ name }) => !copied.has(name));
	await index.catchUp({ ...listing, packs: [...others, ...copies] });
}

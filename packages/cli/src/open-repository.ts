import { NotFoundError, openRepository, type Repository } from "@varve/core";
import type { FoundRepository } from "./find-repository.ts";
import { cacheFolder, locateRepository, type Session } from "./session.ts";
import { readVersion } from "./version.ts";

export interface OpenChoices {
	/** Worker threads; undefined for one each processor. */
	readonly workers?: number | undefined;
}

/** Opens the repository the user means, works, and closes it. */
export async function withRepository<T>(
	session: Session,
	choices: OpenChoices,
	work: (repository: Repository) => Promise<T>,
): Promise<T> {
	const found = locateRepository(session);
	const repository = await openFound(session, found, choices);
	try {
		return await work(repository);
	} finally {
		await repository.close();
	}
}

/** NotFoundError "NO_REPOSITORY" where there is none. */
export async function openFound(
	session: Session,
	found: FoundRepository,
	choices: OpenChoices = {},
): Promise<Repository> {
	session.log.line(`repository ${found.location} (${found.origin})`);
	try {
		return await openRepository(repositoryOptions(session, found, choices));
	} catch (error) {
		throw found.origin === "default" ? explained(error, found) : error;
	}
}

/** What openRepository and initRepository are given. */
export function repositoryOptions(
	session: Session,
	found: FoundRepository,
	{ workers }: OpenChoices,
) {
	return {
		location: found.location,
		cacheFolder: cacheFolder(session),
		workers,
		observer: session.watcher,
		identity: { program: `varve ${readVersion()}` },
	};
}

/** Nobody named the default repository, so its absence wants more words. */
function explained(error: unknown, { location }: FoundRepository): unknown {
	if (!(error instanceof NotFoundError) || error.code !== "NO_REPOSITORY")
		return error;
	return new NotFoundError(
		error.code,
		`no repository was named, there is no .varve here or above, and no default repository at ${location} yet`,
		{ location },
		{ cause: error },
	);
}

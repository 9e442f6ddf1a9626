import type { Listing } from "@varve/store";
import type { Crew, Repository } from "../repository.ts";
import type { VerifyOptions } from "./options.ts";
import type { VerifySetup } from "./tasks.ts";

/** Threads are not worth their start for less than this, stored. */
const threadBytes = {
	data: 4 * 1024 * 1024,
	"restore-sim": 4 * 1024 * 1024,
	scrub: 512 * 1024 * 1024,
};
const cacheBytes = 12 * 1024 * 1024;

/** The threads that read packs at a level of verify; undefined where none is read. */
export async function readersFor(
	repository: Repository,
	{ level, signal }: VerifyOptions,
	{ packs }: Listing,
): Promise<Crew | undefined> {
	if (level === "structure") return undefined;
	const bytes = packs.reduce((sum, { size }) => sum + size, 0);
	const workers = bytes < threadBytes[level] ? 0 : repository.workers;
	return startReaders(repository, workers, signal);
}

export function startReaders(
	repository: Repository,
	workers: number,
	signal: AbortSignal | undefined,
): Promise<Crew> {
	const setup: VerifySetup = { cacheBytes };
	return repository.startCrew({ workers, signal, job: "verify", setup });
}

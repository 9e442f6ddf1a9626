import { isVarveError } from "@varve/format";
import type { Repository } from "./repository.ts";

export interface RetryOptions {
	readonly repository: Pick<Repository, "timer" | "observer">;
	/** How long to go on trying, ms; 0 or undefined for one try. */
	readonly retryFor: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

const shortestPause = 1_000;
const longestPause = 60_000;

/**
 * Does `work`, and again while someone else is in the way: as long as it fails with a ConflictError "LOCKED", for so long. Tries at
 * growing intervals, and once more at the very end. Fails as the last try did, or with the reason of `signal`.
 */
export async function retryLocked<T>(
	work: () => Promise<T>,
	{ repository, retryFor = 0, signal }: RetryOptions,
): Promise<T> {
	const { timer, observer } = repository;
	const end = timer.uptime() + retryFor;
	for (let pause = shortestPause; ; pause = Math.min(longestPause, pause * 2))
		try {
			return await work();
		} catch (error) {
			const left = end - timer.uptime();
			if (!isLocked(error) || left <= 0) throw error;
			const message = `${error.message}: trying again for ${Math.ceil(left / 1000)} s`;
			observer.on({
				type: pause === shortestPause ? "warning" : "trace",
				message,
			});
			await timer.sleep(Math.min(pause, left), signal);
		}
}

function isLocked(error: unknown): error is Error {
	return isVarveError(error) && error.code === "LOCKED";
}

import { type LeaseOptions, withLease } from "./lease.ts";
import { isRefusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";

/**
 * Works under a lease, so that no gc takes away what is read. Where the repository cannot be written to there can be none: the
 * work is done without, and a warning says so. `lost` as in withLease.
 */
export async function withReaderLease<T>(
	repository: Repository,
	options: Omit<LeaseOptions, "kind">,
	work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
	let began = false;
	try {
		const lease = { ...options, kind: "reader" as const };
		return await withLease(repository, lease, (_, lost) => {
			began = true;
			// What was listed before nobody waited for this reader may be gone by now.
			repository.objects.outdate();
			return work(lost);
		});
	} catch (error) {
		if (began || !isRefusal(error)) throw error;
	}
	repository.observer.on({
		type: "warning",
		message:
			"the repository cannot be written to: reading without a lease, do not run gc meanwhile",
	});
	return work(new AbortController().signal);
}

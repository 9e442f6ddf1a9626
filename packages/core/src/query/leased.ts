import type { LeaseOptions } from "../lease.ts";
import { withReaderLease } from "../reader-lease.ts";
import type { Repository } from "../repository.ts";

/** What `source` yields, under a reader's lease that lasts until the last of it is taken or nobody wants more. */
export async function* leased<T>(
	repository: Repository,
	options: Omit<LeaseOptions, "kind">,
	source: () => AsyncIterable<T>,
): AsyncGenerator<T> {
	let end = () => {};
	const ended = new Promise<void>((resolve) => {
		end = resolve;
	});
	let lease: Promise<void> = ended;
	let lost: AbortSignal | undefined;
	const begun = new Promise<void>((resolve, reject) => {
		lease = withReaderLease(repository, options, (signal) => {
			lost = signal;
			resolve();
			return ended;
		});
		lease.catch(reject);
	});
	try {
		await begun;
		for await (const one of source()) {
			lost?.throwIfAborted();
			yield one;
		}
	} finally {
		end();
		await lease;
	}
}

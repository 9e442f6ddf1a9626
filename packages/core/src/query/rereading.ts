import { isVarveError } from "@varve/format";
import { isVanished } from "../damage.ts";
import type { Repository } from "../repository.ts";

/**
 * What `source` yields, which is the same each time it begins. Nobody waits for who reads without a lease: where something is not found, a gc may
 * have moved it, and it begins once more with a new listing. What was yielded already is left out.
 */
export async function* rereading<T>(
	{ objects }: Pick<Repository, "objects">,
	source: () => AsyncIterable<T>,
): AsyncGenerator<T> {
	let yielded = 0;
	for (let isLast = false; ; isLast = true) {
		let at = 0;
		try {
			for await (const one of source()) {
				if (at++ < yielded) continue;
				yielded++;
				yield one;
			}
			return;
		} catch (error) {
			if (isLast || !isWorthAnother(error)) throw error;
			objects.outdate();
		}
	}
}

/** The same for what is found out in one go. */
export async function readAgain<T>(
	{ objects }: Pick<Repository, "objects">,
	work: () => Promise<T>,
): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!isWorthAnother(error)) throw error;
		objects.outdate();
		return await work();
	}
}

/** A pack was gone already when the segments that named it were, so that nothing told of what it held. */
function isWorthAnother(error: unknown): boolean {
	if (isVarveError(error) && error.code === "MISSING_CHUNK") return true;
	return isVanished(error);
}

import type { VerbName } from "./events.ts";
import type { Repository } from "./repository.ts";

/** What a verb is and what it is done to, as events name them. */
export interface Undertaking {
	readonly verb: VerbName;
	readonly subject: string;
}

/** Tells the observer when a verb begins and how it ends. */
export async function toldAs<T>(
	{ observer }: Pick<Repository, "observer">,
	{ verb, subject }: Undertaking,
	work: () => Promise<T>,
): Promise<T> {
	observer.on({ type: "start", verb, subject });
	try {
		const result = await work();
		observer.on({ type: "stop", verb });
		return result;
	} catch (error) {
		observer.on({ type: "error", verb, error });
		throw error;
	}
}

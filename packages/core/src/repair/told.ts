import type { Repository } from "../repository.ts";

/** Tells the observer when a repair begins and how it ends. */
export async function toldAs<T>(
	{ observer }: Repository,
	subject: string,
	work: () => Promise<T>,
): Promise<T> {
	const verb = "repair";
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

import { isVarveError, type VarveError } from "@varve/format";

const names: readonly string[] = [
	"CorruptError",
	"NotFoundError",
	"StorageError",
];

/**
 * True for what goes wrong with single objects of a repository: the rest of it can still be read. Not for what passes (too many open files, a
 * network that is gone): that says nothing of the object.
 */
export function isDamage(error: unknown): error is VarveError {
	return (
		isVarveError(error) &&
		names.includes(error.name) &&
		error.details["transient"] !== true
	);
}

/**
 * True if a pack that was listed is not there any more: a gc may have moved what it held, if it did not wait for this reader. Who lists the
 * repository anew finds it.
 */
export function isVanished(error: unknown): boolean {
	const first = isVarveError(error) ? (error.cause ?? error) : error;
	return isVarveError(first) && first.code === "NO_FILE";
}

/** What the call returns, or the damage it meets. Anything else is thrown. */
export function attemptRead<T>(read: () => T): T | VarveError {
	try {
		return read();
	} catch (error) {
		if (isDamage(error)) return error;
		throw error;
	}
}

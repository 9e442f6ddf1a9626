import { isVarveError } from "@varve/format";

/** The storage cannot be written to, for want of permission or of room: who only reads can do without. */
export function isRefusal(error: unknown): boolean {
	return (
		isVarveError(error) &&
		(error.code === "REFUSED" || error.code === "NO_SPACE")
	);
}

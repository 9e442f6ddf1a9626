import { TargetError } from "@varve/format";

/** The target cannot take more: restoring on makes no sense. */
export function noSpace(target: string, cause?: unknown): TargetError {
	return new TargetError(
		"NO_SPACE",
		`the target ${target} is full`,
		{ target },
		cause === undefined ? undefined : { cause },
	);
}

export function saysFull(code: string | undefined): boolean {
	return code === "ENOSPC" || code === "EDQUOT";
}

import { codeOf } from "../system.ts";
import { noSpace, saysFull } from "./no-space.ts";
import { sayingOf } from "./target-tree.ts";

export interface Failure {
	/** A word of errno. */
	readonly reason: string;
	readonly message: string;
}

/** What a failed call says of the entry it was for. Throws that the target is full, and what is no error of the system. */
export function failureOf(error: unknown, target: string): Failure {
	const reason = codeOf(error);
	if (reason === undefined) throw error;
	if (saysFull(reason)) throw noSpace(target, error);
	return { reason, message: messageOf(reason, error as Error) };
}

function messageOf(reason: string, error: Error): string {
	return reason === "EEXIST"
		? "something is there already that this restore has not made: somebody else has, or the file system takes two names for one"
		: sayingOf(error);
}

/** Removes what is not whole. Where it has gone by itself, or its directory has, there is nothing left to do. */
export function attemptRemoval(remove: () => void): void {
	try {
		remove();
	} catch (error) {
		const code = codeOf(error);
		if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
	}
}

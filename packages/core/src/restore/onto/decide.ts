import type { NodeChange } from "../../query/compare-nodes.ts";

/** What becomes of one entry of the target. */
export type Action =
	/** It is as it should be. */
	| "unchanged"
	/** There is nothing under its name yet. */
	| "create"
	/** A file, symlink or device with other content. */
	| "update"
	/** Something of another kind is there. */
	| "replace"
	/** Only attributes differ. */
	| "metadata"
	| "delete"
	/** It differs, and someone else must say what is right: it is left as it is. */
	| "conflict"
	/** It differs and is left as it is, because of `overwrite`. */
	| "keep"
	/** What is there stays, and the snapshot's version comes beside it under another name. */
	| "keep-both";

/** When what is there gives way to what is in the snapshot: restic's words. */
export type Overwrite = "always" | "if-changed" | "if-newer" | "never";
export type OnConflict = "skip" | "overwrite" | "keep-both" | "ask";
export type Resolution = Exclude<OnConflict, "ask">;

/**
 * "newer": a file whose content differs and was changed after the snapshot was taken. "kind": it is of another kind. "filled": it is a
 * directory with something in it, where there should be none.
 */
export type Conflict = "newer" | "kind" | "filled";

export interface Policy {
	readonly overwrite: Overwrite;
	/**
	 * undefined: conflicts are overwritten, except that a directory with something in it only gives way where deleting was asked for, and
	 * a symlink in the place of a root not at all.
	 */
	readonly onConflict: OnConflict | undefined;
	readonly delete: boolean;
	/** When the snapshot was taken, in ns since 1970. */
	readonly taken: bigint;
}

/** How an entry of the snapshot and what has its name differ. */
export interface Difference {
	/** ["type"] alone if they are of different kinds; empty if they are the same. */
	readonly changes: readonly NodeChange[];
	/** ns since 1970. */
	readonly wantedTime: bigint;
	readonly liveTime: bigint;
	/** What is there is a directory with something in it. */
	readonly isFilled: boolean;
	/** Both are directories. */
	readonly isDirectory: boolean;
	/** What is there is a symlink in the place of a root. */
	readonly isLinkedRoot?: boolean;
}

export interface Decision {
	readonly action: Action;
	readonly conflict: Conflict | undefined;
}

const substance: readonly NodeChange[] = ["content", "target", "device"];

/** Decides about an entry that is in the snapshot and in the target. A pure function. */
export function decide(difference: Difference, policy: Policy): Decision {
	const { changes, wantedTime, liveTime } = difference;
	if (changes.length === 0) return plain("unchanged");
	const { overwrite } = policy;
	if (overwrite === "never") return plain("keep");
	if (overwrite === "if-newer" && wantedTime <= liveTime) return plain("keep");
	const conflict = conflictOf(difference, policy);
	if (conflict === undefined) return plain(actionOf(changes));
	const resolution = resolutionOf(conflict, difference, policy);
	return resolution === "ask"
		? { action: "conflict", conflict }
		: resolve({ changes, conflict }, resolution);
}

/** What follows once someone has said what is to be done about a conflict. */
export function resolve(
	{
		changes,
		conflict,
	}: {
		readonly changes: readonly NodeChange[];
		readonly conflict: Conflict;
	},
	resolution: Resolution,
): Decision {
	if (resolution === "skip") return { action: "conflict", conflict };
	if (resolution === "keep-both") return { action: "keep-both", conflict };
	return { action: actionOf(changes), conflict };
}

function plain(action: Action): Decision {
	return { action, conflict: undefined };
}

function actionOf(changes: readonly NodeChange[]): Action {
	if (changes.includes("type")) return "replace";
	return changes.some((change) => substance.includes(change))
		? "update"
		: "metadata";
}

function conflictOf(
	{ changes, liveTime, isFilled }: Difference,
	{ taken }: Policy,
): Conflict | undefined {
	const action = actionOf(changes);
	if (action === "replace") return isFilled ? "filled" : "kind";
	return action === "update" && liveTime > taken ? "newer" : undefined;
}

function resolutionOf(
	conflict: Conflict,
	{ isLinkedRoot }: Difference,
	policy: Policy,
): OnConflict {
	if (policy.onConflict !== undefined) return policy.onConflict;
	// Somebody has moved what was there, or wants to lead us elsewhere.
	if (isLinkedRoot === true) return "skip";
	return conflict === "filled" && !policy.delete ? "skip" : "overwrite";
}

/** Free names for the snapshot's version of an entry: the first is tried first. */
export function* besideNames(name: string, tag: string): Generator<string> {
	yield `${name}.${tag}`;
	for (let number = 2; ; number++) yield `${name}.${tag}-${number}`;
}

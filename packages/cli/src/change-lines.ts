import { type EntryChange, pathFields } from "@varve/core";
import { entryFields } from "./entry-lines.ts";
import type { Message } from "./json-line.ts";

/** A change as programs read it: restic's letters. */
export function changeFields(change: EntryChange): Message {
	const { path, modifier, changes, before, after } = change;
	return {
		...pathFields(path),
		modifier,
		changes,
		before: before && entryFields(before),
		after: after && entryFields(after),
	};
}

/** One line for people: the letter, the path, and what changed about it. */
export function changeLine({ path, modifier, changes }: EntryChange): string {
	const what = changes.length === 0 ? "" : `  (${changes.join(", ")})`;
	return `${modifier.padEnd(2)}  ${path}${what}`;
}

/** What the letters mean, for the help. */
export const letterWords =
	"Letters: + added, - removed, T of another type, M other content, M? other content though nothing else changed, which may be rot, U only attributes.";

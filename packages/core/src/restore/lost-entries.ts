import type { Entry } from "./walk.ts";

/**
 * Of all entries those that are lost, or lie in a directory that is (some of its pages may have been read), and that have not come to
 * anything else yet.
 */
export function* lostEntries(
	entries: Iterable<Entry>,
	lost: ReadonlySet<string>,
	isSettled: (suffix: string) => boolean,
): Generator<Entry> {
	for (const entry of entries) {
		const { type, suffix } = entry;
		if (lost.has(suffix) ? type !== "directory" : isBelow(suffix, lost))
			if (lost.has(suffix) || !isSettled(suffix)) yield entry;
	}
}

function isBelow(suffix: string, lost: ReadonlySet<string>): boolean {
	let end = suffix.lastIndexOf("/");
	for (; end > 0; end = suffix.lastIndexOf("/", end - 1))
		if (lost.has(suffix.slice(0, end))) return true;
	return lost.has("");
}

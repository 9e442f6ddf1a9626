import type { SnapshotRecord } from "@varve/format";
import type { Location } from "./locate.ts";
import type { Selection } from "./selection.ts";

/** Reason of an entry that a repaired snapshot lacks: it had been read, and was lost in the repository. */
const lostReason = "DAMAGED";
/** Reason of a file that was stored while it changed: it is there, in a state that it may never have had. */
const tornReason = "CHANGED";

/** What is to be said of a snapshot that is not whole: a sentence each for the entries it lacks, as far as they lie in what is restored. */
export function unreadNotes(
	{ unread }: Pick<SnapshotRecord, "unread">,
	{ location, selection }: Part,
): string[] {
	const counts = { lost: 0, torn: 0, unread: 0 };
	for (const { path, reason } of unread) {
		if (!isIn(path, location, selection)) continue;
		if (reason === lostReason) counts.lost++;
		else if (reason === tornReason) counts.torn++;
		else counts.unread++;
	}
	return [
		...tell(counts.unread, "could not be read when it was taken", "lacks"),
		...tell(counts.lost, "had been lost when it was repaired", "lacks"),
		...tell(counts.torn, "changed while being read", "has"),
	];
}

interface Part {
	readonly location: Location;
	readonly selection: Selection;
}

function tell(count: number, what: string, verb: string): string[] {
	if (count === 0) return [];
	const entries = count === 1 ? "1 entry" : `${count} entries`;
	const them = count === 1 ? "it" : "them";
	return [
		`the snapshot ${verb} ${entries} that ${what}: varve show names ${them}`,
	];
}

function isIn(
	path: string,
	{ prefix, found }: Location,
	selection: Selection,
): boolean {
	const [only] = found;
	if (only?.type === "entry") return path === only.path;
	if (path === prefix) return true;
	return (
		path.startsWith(`${prefix}/`) &&
		isSelected(path.slice(prefix.length + 1).split("/"), prefix, selection)
	);
}

/** What could not be read may have been a directory or not. */
function isSelected(
	names: readonly string[],
	prefix: string,
	selection: Selection,
): boolean {
	let rules = selection.at(prefix);
	for (const name of names.slice(0, -1)) {
		const choice = rules.choose(name, true, 0);
		if (choice === "no") return false;
		rules = rules.enter(name, choice);
	}
	const name = names.at(-1) as string;
	return [true, false].some((is) => rules.choose(name, is, 0) === "yes");
}

import type { VerifyLevel } from "./options.ts";

export interface Coverage {
	readonly level: VerifyLevel;
	/** References were followed from some snapshots only. */
	readonly isPartial: boolean;
	readonly packsListed: number;
	readonly packsRead: number;
}

/** What a run of this kind does not look at, for people: silence would be taken for proof. */
export function uncheckedBy({
	level,
	isPartial,
	packsListed,
	packsRead,
}: Coverage): string[] {
	const unread = packsListed - packsRead;
	const unchecked: string[] = [];
	if (level === "structure")
		unchecked.push(
			"the content of files: of packs only their ends were read (--read-data reads all of them, --scrub their checksums)",
		);
	if (level === "scrub")
		unchecked.push(
			"whether frames decode and chunks match their ids, and whether everything snapshots refer to is there (--read-data)",
		);
	const reads = level === "data" || level === "scrub";
	if (level === "restore-sim")
		unchecked.push(
			"bytes of packs that no restore of these snapshots needs, and what a target makes of the rest (--read-data reads every byte)",
		);
	if (reads && unread > 0) unchecked.push(`${unread} of ${packsListed} packs`);
	// Threads share packs by ranges, so that none sees one whole from front to back.
	if (reads)
		unchecked.push(
			level === "data"
				? "the SHA-256 of whole packs, which is their name: their bytes were compared with the checksums in them, their chunks with ids"
				: "the SHA-256 of whole packs, which is their name: their bytes were compared with the checksums in them",
		);
	if (isPartial) unchecked.push("what other snapshots refer to");
	unchecked.push(
		"files in quarantine and of runs that are not finished",
		"whether a file was read rightly when its snapshot was taken",
	);
	return unchecked;
}

/**
 * The directory in which a restore onto what is there keeps its journal and what it replaced: beside the target, or in it, so that
 * everything moves there and back by rename. Not part of anybody's content: no snapshot captures it, no restore deletes it.
 */
export const journalPrefix = ".varve-restore-";

export function isJournalName(name: string): boolean {
	return name.startsWith(journalPrefix);
}

import { isVarveError } from "@varve/core";

/** What a user can do about a failure, by its code. One place, so that messages need not say it. */
const hints: Readonly<Record<string, string>> = {
	NO_REPOSITORY:
		"name a repository with -r DIR or VARVE_REPOSITORY, or make one: varve init -r DIR; `varve snapshot DIR` makes the default one by itself",
	NOT_A_DIRECTORY: "a repository is a directory: name one with -r DIR",
	NEWER_FORMAT: "use a newer version of varve",
	UNKNOWN_FEATURE: "use a newer version of varve",
	NO_SUCH_SNAPSHOT: "varve snapshots lists what there is",
	AMBIGUOUS: "give more characters of the id",
	TARGET_NOT_EMPTY: "name a directory that is new or empty",
	NO_SPACE:
		"nothing was committed and earlier snapshots are whole; free some space and run it again",
	REFUSED: "check owner and permissions, and that the file system is writable",
	FENCED:
		"run it again: what was already stored is used; a machine that slept for long loses its lease",
	EXISTS: "take another place",
};

const damaged =
	"run varve verify --read-data to learn what else is damaged; snapshots it does not name can be restored";

/** What to do about an error, or undefined. */
export function hintOf(error: unknown): string | undefined {
	if (!isVarveError(error)) return undefined;
	return (
		hints[error.code] ?? (error.name === "CorruptError" ? damaged : undefined)
	);
}

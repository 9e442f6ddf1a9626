import { isVarveError, type VarveError } from "@varve/core";

/** What a user can do about a failure, by its code. One place, so that messages need not say it. */
const byCode: Readonly<Record<string, string>> = {
	NO_REPOSITORY:
		"name a repository with -r DIR or VARVE_REPOSITORY, or make one: varve init -r DIR; `varve snapshot DIR` makes the default one by itself",
	NOT_A_DIRECTORY: "a repository is a directory: name one with -r DIR",
	NOT_EMPTY:
		"name a directory that is new or empty; a repository that is there needs no init",
	NO_SUCH_SNAPSHOT: "varve snapshots lists what there is",
	NO_SUCH_POLICY:
		"varve policy lists what there is; varve policy set NAME --keep-daily 7 makes one",
	BAD_POLICY:
		"varve repair snapshots sets it right if it can; varve policy set NAME says its rules anew",
	EMPTY_POLICY: "name rules, as --keep-daily 7; varve forget --help lists them",
	WOULD_REMOVE_ALL:
		"look at the tags: varve snapshots; if it is meant, say --unsafe-allow-remove-all",
	PACKS_DAMAGED:
		"run varve repair packs first, then a snapshot: what can be had is saved, and what the sources still have is stored again",
	NO_SUCH_PACK: "varve verify names the packs that are damaged",
	TARGET_NOT_EMPTY:
		"name a new or an empty directory, or say what is to become of what is there: --overwrite always, --delete or --in-place; -n shows the plan",
	RESTORE_UNFINISHED:
		"what can be neither finished nor put back is given up with varve undo --forget DIR",
	NO_JOURNAL:
		"name what was restored: the folder .varve-restore-... lies beside it, or in it",
	CONDEMNED:
		"it can still be restored by its whole id while the gc has not finished",
	AMBIGUOUS: "give more characters of the id",
	REFUSED: "check owner and permissions, and that the file system is writable",
	LOCKED:
		"varve unlock says who works there since when; --retry-lock 10m tries again for so long",
	NO_SUCH_LEASE: "varve unlock lists those there are",
	FENCED:
		"run it again: what was already stored is used; a machine that slept for long loses its lease",
	STORAGE_FAILED:
		"run it again; if it fails again, look at the disk and at the log of the system",
	MEMORY_FAULT:
		"something changed in the memory of this machine: test it before you trust it with anything",
};

/** By class and code, where the same code means something else to do. */
const byClass: Readonly<Record<string, string>> = {
	"StorageError NO_SPACE":
		"no snapshot was made and earlier ones are whole: free some space and run it again",
	"TargetError NO_SPACE": "name a target on another disk, or free some space",
	"NotFoundError NO_SUCH_PATH":
		"varve ls SNAPSHOT lists what there is, varve find NAME where it is",
};

const newer = "use a newer version of varve";
const damaged =
	"run varve verify --read-data to learn what else is damaged; varve repair packs saves what is intact";

/** What to do about an error, or undefined. */
export function hintOf(error: unknown): string | undefined {
	if (!isVarveError(error)) return undefined;
	// Of a directory that is restored into: there is no lease to look at.
	if (error.code === "LOCKED" && error.details["path"] !== undefined)
		return "run it again when that has ended";
	const known = byClass[`${error.name} ${error.code}`] ?? byCode[error.code];
	return known ?? byKind(error);
}

function byKind({ name, details }: VarveError): string | undefined {
	const { feature } = details;
	if (name === "UnsupportedError" && feature !== undefined) return newer;
	return name === "CorruptError" ? damaged : undefined;
}

/** Codes that have words here, to be held against those there are. */
export function hintedCodes(): readonly string[] {
	const last = Object.keys(byClass).map((key) => key.split(" ")[1] as string);
	return [...Object.keys(byCode), ...last];
}

import { ConflictError, StorageError } from "@varve/format";

/** What an errno of the repository's file system means. The one place where it is decided. */

const noSpace = ["ENOSPC", "EDQUOT"];
const refused = ["EACCES", "EPERM", "EROFS"];
const transient = [
	"EAGAIN",
	"EBUSY",
	"EINTR",
	"EMFILE",
	"ENFILE",
	"ENETDOWN",
	"ENETRESET",
	"ENETUNREACH",
	"EHOSTDOWN",
	"EHOSTUNREACH",
	"ECONNRESET",
	"ESTALE",
	"ETIMEDOUT",
];

/** True for an error of the operating system with one of these codes. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
	const code = errnoOf(error);
	return code !== undefined && codes.includes(code);
}

/** True for any error of the operating system. */
export function isSystemError(error: unknown): boolean {
	return errnoOf(error) !== undefined;
}

function errnoOf(error: unknown): string | undefined {
	if (!(error instanceof Error) || !("syscall" in error)) return undefined;
	const code = (error as NodeJS.ErrnoException).code;
	return typeof code === "string" ? code : undefined;
}

/**
 * The StorageError for a failure of the operating system, `action` being what could not be done ("write packs/ab/…").
 * Anything else is a bug and comes back as it is.
 */
export function storageError(cause: unknown, action: string): unknown {
	const errno = errnoOf(cause);
	if (errno === undefined) return cause;
	const [code, reason] = meaningOf(errno);
	return new StorageError(
		code,
		`cannot ${action}: ${reason}`,
		{ errno, transient: transient.includes(errno) },
		{ cause },
	);
}

function meaningOf(errno: string): [code: string, reason: string] {
	if (noSpace.includes(errno)) return ["NO_SPACE", `no space left (${errno})`];
	if (refused.includes(errno))
		return ["REFUSED", `the file system refuses it (${errno})`];
	return ["STORAGE_FAILED", `the storage failed (${errno})`];
}

/** What the owner of a stage that is gone meets. */
export function fenced(lease: string, cause?: unknown): ConflictError {
	return new ConflictError(
		"FENCED",
		`the lease ${lease} was declared dead by another process, or has ended: its stage is gone`,
		{ lease },
		cause === undefined ? undefined : { cause },
	);
}

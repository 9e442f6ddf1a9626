import { isVarveError, type Selected } from "@varve/core";
import { Interrupted } from "./interrupted.ts";
import { isBrokenPipe } from "./screen.ts";

/** What the program ends with. An unknown code means failure. */
export const ExitCode = {
	done: 0,
	failed: 1,
	usage: 2,
	incomplete: 3,
	damaged: 4,
	different: 5,
	unfaithful: 6,
	failedHalfway: 9,
	noRepository: 10,
	locked: 11,
	noSpace: 13,
	newerFormat: 14,
	refused: 15,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** By code, where the code says more than the class. */
const byCode: Readonly<Record<string, ExitCode>> = {
	NO_REPOSITORY: ExitCode.noRepository,
	NOT_A_DIRECTORY: ExitCode.noRepository,
	AMBIGUOUS: ExitCode.usage,
	FENCED: ExitCode.locked,
	LOCKED: ExitCode.locked,
	LEASE_LOST: ExitCode.locked,
	RESTORE_RUNNING: ExitCode.locked,
	NEWER_FORMAT: ExitCode.newerFormat,
	UNKNOWN_FEATURE: ExitCode.newerFormat,
	NO_SPACE: ExitCode.noSpace,
	REFUSED: ExitCode.refused,
};

const byClass: Readonly<Record<string, ExitCode>> = {
	InputError: ExitCode.usage,
	NotFoundError: ExitCode.failed,
	ConflictError: ExitCode.failed,
	UnsupportedError: ExitCode.failed,
	CorruptError: ExitCode.damaged,
	StorageError: ExitCode.failed,
	SourceError: ExitCode.failed,
	TargetError: ExitCode.failed,
};

/** What was done, was done well, but perhaps not with the snapshot that was meant: a record is lost. */
export function doubted(
	{ isDoubtful }: Pick<Selected, "isDoubtful">,
	code: number,
): number {
	return code === ExitCode.done && isDoubtful ? ExitCode.damaged : code;
}

/** The one place where an error becomes an exit code. */
export function exitCodeOf(error: unknown): number {
	if (error instanceof Interrupted) return error.exitCode;
	if (isBrokenPipe(error)) return ExitCode.done;
	if (isUsageOutcome(error)) return usageCode(error.code);
	if (!isVarveError(error)) return ExitCode.failed;
	const { committed, feature } = error.details;
	if (committed === true) return ExitCode.failedHalfway;
	// Whatever is stored in a way this program does not know, be it a frame or the whole repository.
	if (error.name === "UnsupportedError" && feature !== undefined)
		return ExitCode.newerFormat;
	return byCode[error.code] ?? byClass[error.name] ?? ExitCode.failed;
}

interface UsageOutcome {
	readonly code: string;
}

/** What commander throws for a wrong call, and for help and version, which are no failures. */
export function isUsageOutcome(error: unknown): error is UsageOutcome {
	return (
		error instanceof Error &&
		"code" in error &&
		typeof error.code === "string" &&
		error.code.startsWith("commander.")
	);
}

function usageCode(code: string): ExitCode {
	return code === "commander.helpDisplayed" || code === "commander.version"
		? ExitCode.done
		: ExitCode.usage;
}

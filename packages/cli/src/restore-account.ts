import { type RestoreReport, restoreOutcome } from "@varve/core";
import { ExitCode } from "./exit-code.ts";
import type { Message } from "./json-line.ts";
import { shortId } from "./short-id.ts";
import {
	formatBytes,
	formatCount,
	formatCounted,
	formatDuration,
} from "./units.ts";

/** By the outcome of a restore. */
export const exitCodes = {
	whole: ExitCode.done,
	unfaithful: ExitCode.unfaithful,
	damaged: ExitCode.damaged,
} as const;

export function restoreExitCode(report: RestoreReport): ExitCode {
	return exitCodes[restoreOutcome(report)];
}

/** What both ways of restoring tell. */
type AnyRestoreReport = Pick<
	RestoreReport,
	| ("dryRun" | "snapshot" | "target" | "problems" | "notRestored" | "duration")
	| ("files" | "directories" | "symlinks" | "hardLinks" | "others" | "bytes")
	| "verified"
>;

/** Of the last message of `restore --json`, what it holds wherever was restored to. */
export function restoredFields(report: AnyRestoreReport): Message {
	return {
		dry_run: report.dryRun,
		snapshot_id: report.snapshot,
		target: report.target,
		files_restored: report.files,
		dirs_restored: report.directories,
		symlinks_restored: report.symlinks,
		hardlinks_restored: report.hardLinks,
		others_restored: report.others,
		bytes_restored: report.bytes,
		files_verified: report.verified?.files,
		bytes_verified: report.verified?.bytes,
		error_count: report.problems.length,
		not_restored: report.notRestored,
		seconds_elapsed: report.duration / 1000,
	};
}

/** The last message of `restore --json`. */
export function restoreSummary(report: RestoreReport): Message {
	const outcome = restoreOutcome(report);
	return { ...restoredFields(report), outcome, notes: report.notes };
}

/** The closing lines for people. */
export function restoreAccount(report: RestoreReport): string[] {
	const verb = report.dryRun ? "would restore" : "restored";
	const { files, bytes, directories, symlinks, hardLinks, others } = report;
	const parts = [
		formatCounted(files, "file"),
		formatCounted(directories, "directory", "directories"),
		...(symlinks > 0 ? [formatCounted(symlinks, "symlink")] : []),
		...(hardLinks > 0 ? [formatCounted(hardLinks, "hard link")] : []),
		...(others > 0 ? [formatCounted(others, "special file")] : []),
		formatBytes(bytes),
	];
	return [
		`${verb} ${shortId(report.snapshot)} into ${report.target}`,
		`  ${parts.join(", ")} in ${formatDuration(report.duration)}`,
		...verifiedLines(report),
		...lossLines(report),
		...problemLines(report),
	];
}

function verifiedLines({ verified }: RestoreReport): string[] {
	return verified === undefined
		? []
		: [
				`  read back and found equal: ${formatCounted(verified.files, "file")}, ${formatBytes(verified.bytes)}`,
			];
}

export function lossLines({ notRestored }: RestoreReport): string[] {
	return Object.entries(notRestored).map(
		([what, count]) => `  not given back: ${what} (${formatCount(count)})`,
	);
}

function problemLines(report: RestoreReport): string[] {
	const count = (wanted: string) =>
		report.problems.filter(({ kind }) => kind === wanted).length;
	const lines = [
		[count("damaged"), "damaged in the repository, and not restored"],
		[count("unwritten"), "could not be written"],
		[count("unfaithful"), "not exactly as they were"],
	] as const;
	const nothing =
		restoreOutcome(report) === "unfaithful" && report.problems.length === 0
			? ["  nothing matched what was asked for"]
			: [];
	return [
		...lines
			.filter(([number]) => number > 0)
			.map(
				([number, what]) =>
					`  ${formatCounted(number, "entry", "entries")} ${what}`,
			),
		...nothing,
	];
}

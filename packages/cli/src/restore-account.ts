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

const exitCodes = {
	whole: ExitCode.done,
	unfaithful: ExitCode.unfaithful,
	damaged: ExitCode.damaged,
} as const;

export function restoreExitCode(report: RestoreReport): ExitCode {
	return exitCodes[restoreOutcome(report)];
}

/** The last message of `restore --json`. */
export function restoreSummary(report: RestoreReport): Message {
	return {
		dry_run: report.dryRun,
		snapshot_id: report.snapshot,
		target: report.target,
		outcome: restoreOutcome(report),
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
		notes: report.notes,
		seconds_elapsed: report.duration / 1000,
	};
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

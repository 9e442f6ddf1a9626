import type { SnapshotResult, Statistics } from "@varve/core";
import { quoteForShell } from "./escape-text.ts";
import type { FoundRepository } from "./find-repository.ts";
import { programWords } from "./invocation.ts";
import type { Message } from "./json-line.ts";
import { notKeptLines } from "./not-kept.ts";
import { shortId } from "./short-id.ts";
import type { Surroundings } from "./surroundings.ts";
import {
	formatBytes,
	formatCount,
	formatCounted,
	formatDuration,
} from "./units.ts";

/** A snapshot that was taken, or a dry run, and where. */
export interface Taking {
	readonly result: SnapshotResult;
	readonly found: FoundRepository;
	/** The repository was made for it. */
	readonly made: boolean;
	readonly dryRun: boolean;
}

/** The last message of `snapshot --json`. */
export function snapshotSummary({
	result,
	found,
	made,
	dryRun,
}: Taking): Message {
	const { id, record, skipped, vanished, excluded } = result;
	const { statistics: s } = record;
	return {
		dry_run: dryRun,
		files_new: s.filesNew,
		files_changed: s.filesChanged,
		files_unmodified: s.filesUnmodified,
		dirs_new: s.directoriesNew,
		dirs_changed: s.directoriesChanged,
		dirs_unmodified: s.directoriesUnmodified,
		data_blobs: s.chunksAdded,
		data_added: s.bytesAdded,
		data_added_packed: s.bytesStored,
		total_files_processed: s.files,
		total_dirs_processed: s.directories,
		total_bytes_processed: s.bytes,
		total_duration: s.duration / 1000,
		files_excluded: excluded,
		files_vanished: vanished,
		files_unread: record.unread.length,
		not_kept: record.notKept,
		skipped,
		snapshot_id: id,
		parent: record.parent,
		repository: found.location,
		repository_made: made,
	};
}

/** The closing lines for people. */
export function snapshotAccount(
	taking: Taking,
	surroundings: Surroundings,
): string[] {
	const { result, dryRun } = taking;
	return [
		...repositoryLines(taking),
		headline(taking),
		...countLines(result.record.statistics),
		addedLine(result.record.statistics, dryRun),
		...troubleLines(result),
		...restoreLines(taking, surroundings),
	];
}

/** A repository that nobody named is named here, so that nobody looks for it. */
function repositoryLines({ found, made }: Taking): string[] {
	if (made) return [`made the repository ${found.location}`];
	return found.origin === "default" || found.origin === "upwards"
		? [`repository ${found.location}`]
		: [];
}

function headline({ result, dryRun }: Taking): string {
	const { id, record, skipped } = result;
	const paths = record.roots.map(({ path }) => path);
	const shown = paths.slice(0, 3).join(", ");
	const more = paths.length > 3 ? ` and ${paths.length - 3} more` : "";
	if (skipped) return `no snapshot of ${shown}${more}: nothing has changed`;
	if (id === undefined || dryRun)
		return `a snapshot of ${shown}${more} would hold:`;
	return `snapshot ${shortId(id)} of ${shown}${more}`;
}

function countLines(s: Statistics): string[] {
	const others = s.symlinks + s.others;
	const parts = [
		formatCounted(s.files, "file"),
		formatCounted(s.directories, "directory", "directories"),
		...(others > 0
			? [formatCounted(others, "other entry", "other entries")]
			: []),
		formatBytes(s.bytes),
	];
	return [
		`  holds   ${parts.join(", ")}`,
		`  files   ${formatCount(s.filesNew)} new, ${formatCount(s.filesChanged)} changed, ${formatCount(s.filesUnmodified)} unmodified`,
	];
}

function addedLine(s: Statistics, dryRun: boolean): string {
	const duration = formatDuration(s.duration);
	if (dryRun)
		return `  adding  ${formatBytes(s.bytesAdded)} before compression; looked in ${duration}`;
	const from =
		s.bytesAdded > 0
			? ` (${formatBytes(s.bytesAdded)} before compression)`
			: "";
	return `  added   ${formatBytes(s.bytesStored)}${from} in ${duration}`;
}

function troubleLines({ record, vanished }: SnapshotResult): string[] {
	const unread = record.unread.length;
	return [
		...(unread > 0
			? [
					`  not whole: ${formatCounted(unread, "entry", "entries")} could not be read, or changed while being read`,
				]
			: []),
		...notKeptLines(record.notKept),
		...(vanished > 0
			? [
					`  ${formatCounted(vanished, "entry", "entries")} vanished meanwhile, which is no failure`,
				]
			: []),
	];
}

function restoreLines(
	{ result, found }: Taking,
	surroundings: Surroundings,
): string[] {
	if (result.id === undefined) return [];
	const id = shortId(result.id);
	const repository =
		found.origin === "flag" ? ` -r ${quoteForShell(found.location)}` : "";
	const program = programWords(surroundings);
	return [
		`restore it: ${program} restore${repository} ${id} -t restored-${id}`,
	];
}

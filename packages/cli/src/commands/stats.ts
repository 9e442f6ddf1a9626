import {
	listSnapshots,
	type ObjectSums,
	type RepositoryStats,
	type Snapshot,
	stats,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import type { Message } from "../json-line.ts";
import { withRepository } from "../open-repository.ts";
import { namedSnapshots } from "../selected-snapshots.ts";
import { shortId } from "../short-id.ts";
import { pairLines, tableLines } from "../table.ts";
import { formatTime, type OffsetAt } from "../times.ts";
import { formatBytes, formatCount } from "../units.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Show how much snapshots hold, how much of the repository they take, and what each of them alone does: about what forgetting it would free.",
			)
			.argument("[snapshot...]", "only these; else all");
		addFilterFlags(command);
	},
	examples: [["varve stats", "sizes of all snapshots and of the repository"]],
	async run(session, command) {
		const flags = command.opts<FilterFlags>();
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots =
				command.args.length === 0
					? await listSnapshots(repository, filterOf(flags))
					: await namedSnapshots(repository, command.args, flags);
			const { signal, report, surroundings } = session;
			const found = await stats(repository, snapshots, { signal });
			for (const { id, files, restoreBytes, alone } of found.snapshots)
				report.message("snapshot_stats", {
					snapshot: id,
					total_file_count: files,
					total_size: restoreBytes,
					alone: sumFields(alone),
				});
			report.message("summary", totalFields(found));
			report.lines([
				...tableOf(found, snapshots, surroundings.offsetAt),
				...totalLines(found),
			]);
			return 0;
		});
	},
};

function sumFields({ objects, rawBytes, storedBytes }: ObjectSums): Message {
	return { blobs: objects, raw_size: rawBytes, stored_size: storedBytes };
}

function totalFields(found: RepositoryStats): Message {
	const { referred, deltas, files, restoreBytes, packBytes, snapshots } = found;
	return {
		snapshots_count: snapshots.length,
		total_file_count: files,
		total_size: restoreBytes,
		referred: sumFields(referred),
		deltas: { ...sumFields(deltas), saved_size: savedBy(found) },
		compression_ratio: ratio(referred.rawBytes, referred.storedBytes),
		repository_size: packBytes,
	};
}

/** What the chunks stored as differences would take besides, if they were compressed as well as all others are. */
function savedBy({ referred, deltas }: RepositoryStats): number {
	const others = referred.storedBytes - deltas.storedBytes;
	const othersRaw = referred.rawBytes - deltas.rawBytes;
	if (othersRaw === 0) return 0;
	const plain = Math.round((deltas.rawBytes * others) / othersRaw);
	return Math.max(0, plain - deltas.storedBytes);
}

function ratio(raw: number, stored: number): number {
	return stored === 0 ? 1 : Math.round((raw / stored) * 100) / 100;
}

function tableOf(
	{ snapshots }: RepositoryStats,
	asked: readonly Snapshot[],
	offsetAt: OffsetAt,
): string[] {
	const times = new Map(asked.map(({ id, record }) => [id, record.time]));
	const columns = [
		{ title: "id" },
		{ title: "time" },
		{ title: "files", align: "right" as const },
		{ title: "size", align: "right" as const },
		{ title: "alone", align: "right" as const },
	];
	const rows = snapshots.map(({ id, files, restoreBytes, alone }) => [
		shortId(id),
		formatTime(Date.parse(times.get(id) ?? ""), offsetAt),
		formatCount(files),
		formatBytes(restoreBytes),
		formatBytes(alone.storedBytes),
	]);
	return tableLines(columns, rows);
}

function totalLines(found: RepositoryStats): string[] {
	const { referred, deltas, files, restoreBytes, packBytes } = found;
	return pairLines([
		["holding", `${formatBytes(restoreBytes)} in ${formatCount(files)} files`],
		[
			"stored",
			`${formatBytes(referred.storedBytes)} for ${formatBytes(referred.rawBytes)} in ${formatCount(referred.objects)} chunks (${ratio(referred.rawBytes, referred.storedBytes)} to 1)`,
		],
		...(deltas.objects === 0
			? []
			: [
					[
						"differences",
						`${formatBytes(deltas.storedBytes)} for ${formatBytes(deltas.rawBytes)} in ${formatCount(deltas.objects)} of these; about ${formatBytes(savedBy(found))} saved`,
					] as const,
				]),
		["repository", `${formatBytes(packBytes)} in packs`],
	]);
}

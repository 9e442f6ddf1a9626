import { resolve } from "node:path";
import { history, listSnapshots, pathFields, type Version } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { entryFields } from "../entry-lines.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { shortId } from "../short-id.ts";
import { tableLines } from "../table.ts";
import { formatTime, type OffsetAt } from "../times.ts";
import { formatBytes } from "../units.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Show every version of one path, the newest last: from which snapshot on, in how many, its size, and what changed.",
			)
			.argument("<path>", "as it is here, or absolute");
		addFilterFlags(command);
	},
	examples: [
		["varve history notes.txt", "every version of a file that was kept"],
	],
	async run(session, command) {
		const flags = command.opts<FilterFlags>();
		const { report, surroundings } = session;
		const path = resolve(surroundings.cwd, command.args[0] as string);
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots = await listSnapshots(repository, filterOf(flags));
			const versions = await history(repository, path, snapshots);
			for (const version of versions)
				report.message("version", {
					...pathFields(path),
					hostname: version.host,
					first: version.first.id,
					last: version.last.id,
					time: version.first.record.time,
					snapshots_count: version.count,
					changes: version.changes,
					node: version.entry && entryFields(version.entry),
				});
			report.message("summary", { versions: versions.length });
			report.lines(versionLines(versions, surroundings.offsetAt));
			return 0;
		});
	},
};

function versionLines(
	versions: readonly Version[],
	offsetAt: OffsetAt,
): string[] {
	const columns = [
		{ title: "since" },
		{ title: "snapshot" },
		{ title: "in", align: "right" as const },
		{ title: "host" },
		{ title: "size", align: "right" as const },
		{ title: "changed" },
	];
	const rows = versions.map(({ first, count, host, entry, changes }) => [
		formatTime(Date.parse(first.record.time), offsetAt),
		shortId(first.id),
		String(count),
		host,
		sizeOf(entry),
		changes.join(", "),
	]);
	return tableLines(columns, rows);
}

function sizeOf(entry: Version["entry"]): string {
	if (entry === undefined) return "gone";
	return entry.type === "file" ? formatBytes(entry.size) : entry.type;
}

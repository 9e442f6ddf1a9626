import {
	type DiffStatistics,
	type DiffSums,
	diff,
	selectPath,
} from "@varve/core";
import { changeFields, changeLine, letterWords } from "../change-lines.ts";
import type { CommandFile } from "../command-entry.ts";
import { ExitCode } from "../exit-code.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import type { Message } from "../json-line.ts";
import { withRepository } from "../open-repository.ts";
import { formatBytes, formatCounted } from "../units.ts";

interface Flags extends FilterFlags {
	readonly metadata?: boolean;
	readonly exitCode?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				`Compare two snapshots, or what is below a path of each. ${letterWords}`,
			)
			.argument("<snapshot>", "the older one, and with :path what of it")
			.argument("<snapshot>", "the newer one")
			.option("--metadata", "name what has only other attributes too")
			.option("--exit-code", "end with 5 if there are differences");
		addFilterFlags(command);
	},
	examples: [
		["varve diff latest~1 latest", "what the last snapshot changed"],
		[
			"varve diff --exit-code yesterday:/etc latest:/etc",
			"whether a directory changed since yesterday",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const { report, screen, signal } = session;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const [a = "", b = ""] = command.args;
			const from = await selectPath(repository, a, filterOf(flags));
			const to = await selectPath(repository, b, filterOf(flags));
			const { metadata } = flags;
			let changes = 0;
			for await (const item of diff(repository, { from, to, metadata })) {
				if (item.type === "statistics") {
					report.message("statistics", {
						source_snapshot: from.snapshot.id,
						target_snapshot: to.snapshot.id,
						...statisticsFields(item),
					});
					report.account(statisticsLines(item));
					continue;
				}
				report.message("change", () => changeFields(item));
				report.line(() => changeLine(item));
				if (++changes % 256 === 0) await screen.room(signal);
			}
			report.message("summary", { changes });
			return flags.exitCode === true && changes > 0
				? ExitCode.different
				: ExitCode.done;
		});
	},
};

function statisticsFields(statistics: DiffStatistics): Message {
	const { changedFiles, added, removed } = statistics;
	return {
		changed_files: changedFiles,
		added: sumFields(added),
		removed: sumFields(removed),
	};
}

function sumFields(sums: DiffSums): Message {
	const { files, dirs, others, dataBlobs, treeBlobs, bytes } = sums;
	return {
		files,
		dirs,
		others,
		data_blobs: dataBlobs,
		tree_blobs: treeBlobs,
		bytes,
	};
}

function statisticsLines({
	changedFiles,
	added,
	removed,
}: DiffStatistics): string[] {
	const line = (word: string, { files, dirs, others, bytes }: DiffSums) =>
		`${word}  ${formatCounted(files, "file")}, ${formatCounted(dirs, "directory", "directories")}, ${formatCounted(others, "other entry", "other entries")}, ${formatBytes(bytes)} of stored content`;
	return [
		line("added  ", added),
		line("removed", removed),
		`changed  ${formatCounted(changedFiles, "file")}`,
	];
}

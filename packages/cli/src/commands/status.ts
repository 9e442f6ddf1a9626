import {
	pathFields,
	type StatusResult,
	type StatusSums,
	selectPath,
	status,
} from "@varve/core";
import { changeFields, changeLine, letterWords } from "../change-lines.ts";
import type { CommandFile } from "../command-entry.ts";
import { ExitCode } from "../exit-code.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import type { Report } from "../report.ts";
import { shortId } from "../short-id.ts";
import { formatBytes, formatCount, formatCounted } from "../units.ts";

interface Flags extends FilterFlags {
	readonly metadata?: boolean;
	readonly force?: boolean;
	readonly exitCode?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				`Compare a snapshot with the files as they are now. What the snapshot left out by its rules is not taken for new. ${letterWords}`,
			)
			.argument("[snapshot]", "which one, and with :path what of it", "latest")
			.option("--metadata", "name what has only other attributes too")
			.option("-f, --force", "read all files, also those that seem untouched")
			.option("--exit-code", "end with 5 if there are differences");
		addFilterFlags(command);
	},
	examples: [
		["varve status", "what changed since the last snapshot"],
		[
			"varve status tag:before-upgrade:/etc",
			"what an upgrade did to a directory",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const { metadata, force: readAll, exitCode } = flags;
		const { report, screen, signal } = session;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const [name = ""] = command.processedArgs;
			const { snapshot, path } = await selectPath(
				repository,
				name,
				filterOf(flags),
			);
			const counts = { change: 0, unreadable: 0, statistics: 0 };
			const request = { snapshot, path, metadata, readAll, signal };
			for await (const item of status(repository, request)) {
				counts[item.type]++;
				tell(report, item);
				if (counts.change % 256 === 255) await screen.room(signal);
				if (item.type === "statistics")
					tellSums(report, item, { id: snapshot.id, changes: counts.change });
			}
			if (exitCode === true && counts.change > 0) return ExitCode.different;
			return counts.unreadable > 0 ? ExitCode.incomplete : ExitCode.done;
		});
	},
};

function tell(report: Report, item: StatusResult): void {
	if (item.type === "change") {
		report.message("change", () => changeFields(item));
		report.line(() => changeLine(item));
	} else if (item.type === "unreadable") {
		const { path, reason } = item;
		const message = `cannot be looked at (${reason})`;
		const fields = pathFields(path);
		report.entryError(`${path}: ${message}`, {
			error: { message },
			during: "status",
			item: fields.path,
			item_b64: fields.path_b64,
			reason,
		});
	}
}

function tellSums(
	report: Report,
	sums: StatusSums,
	{ id, changes }: { readonly id: string; readonly changes: number },
): void {
	const { same, added, removed, modified, metadata } = sums;
	report.message("summary", {
		snapshot: id,
		changes,
		entries_unmodified: same,
		entries_added: added,
		entries_removed: removed,
		entries_changed: modified,
		entries_touched: metadata,
		entries_unread: sums.unreadable,
		files_read: sums.filesRead,
		bytes_read: sums.bytesRead,
	});
	report.account([
		`since ${shortId(id)}: ${formatCount(added)} added, ${formatCount(removed)} removed, ${formatCount(modified)} changed, ${formatCount(metadata)} with other attributes only, ${formatCount(same)} as they were`,
		`read ${formatCounted(sums.filesRead, "file")} to find out, ${formatBytes(sums.bytesRead)}`,
	]);
}

import { cacheUsage, clearCache } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { withRepository } from "../open-repository.ts";
import { tableLines } from "../table.ts";
import { formatBytes, formatCount } from "../units.ts";

interface Flags {
	readonly clear?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Show what this machine keeps of a repository to be quick: its index and what lstat said last. All of it can be lost.",
			)
			.option("--clear", "delete it; the next command builds it again");
	},
	examples: [["varve cache", "show how much it is, and where"]],
	async run(session, command) {
		const { clear = false } = command.opts<Flags>();
		const usage = await withRepository(session, { workers: 0 }, (repository) =>
			clear ? clearCache(repository) : cacheUsage(repository),
		);
		const { report } = session;
		const { folder, parts } = usage;
		for (const part of parts) report.message("cache_part", part);
		const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
		report.message("summary", { folder, bytes, cleared: clear });
		const columns = [
			{ title: "what" },
			{ title: "size", align: "right" as const },
			{ title: "files", align: "right" as const },
		];
		const rows = parts.map((part) => [
			part.name,
			formatBytes(part.bytes),
			formatCount(part.files),
		]);
		report.lines([
			...(parts.length > 0 ? tableLines(columns, rows) : []),
			folder === undefined
				? "nothing is kept"
				: `${clear ? "deleted" : "kept"} ${formatBytes(bytes)} in ${folder}`,
		]);
		return 0;
	},
};

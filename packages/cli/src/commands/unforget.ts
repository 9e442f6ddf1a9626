import {
	InputError,
	listForgotten,
	type Repository,
	type Snapshot,
	selectSnapshot,
	unforget,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import {
	addFilterFlags,
	type FilterFlags,
	filterOf,
	isNarrowed,
} from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { shortId } from "../short-id.ts";
import { formatTime } from "../times.ts";
import { formatCounted } from "../units.ts";

interface Flags extends FilterFlags {
	readonly all?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Bring forgotten snapshots back: those that are named, or all that --host, --path and --tag let through. Possible until a gc deletes them.",
			)
			.argument(
				"[snapshot...]",
				"which ones; varve snapshots --forgotten lists them",
			)
			.option("--all", "all forgotten ones");
		addFilterFlags(command);
	},
	examples: [
		["varve unforget 1a2b3c4d", "bring one snapshot back"],
		["varve unforget --all", "bring back all that a gc has not deleted"],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const { report, surroundings } = session;
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots = await chosen(repository, command.args, flags);
			const ids = snapshots.map(({ id }) => id);
			const done = await unforget(repository, ids);
			for (const { id, changed } of done)
				report.message("unforgotten", { snapshot_id: id, changed });
			const changed = done.filter((one) => one.changed).length;
			report.message("summary", {
				snapshots_count: done.length,
				snapshots_changed: changed,
			});
			report.account([
				...snapshots.map(({ id, record }, i) => {
					const time = formatTime(
						Date.parse(record.time),
						surroundings.offsetAt,
					);
					const before = done[i]?.changed ? "" : " (was not forgotten)";
					return `${shortId(id)}  ${time}${before}`;
				}),
				`brought back ${formatCounted(changed, "snapshot")}`,
			]);
			return 0;
		});
	},
};

async function chosen(
	repository: Repository,
	names: readonly string[],
	flags: Flags,
): Promise<Snapshot[]> {
	if (names.length === 0 && flags.all !== true && !isNarrowed(flags))
		throw new InputError(
			"NO_SNAPSHOT_NAMED",
			"name snapshots, or narrow the choice by --host, --path or --tag, or say --all",
		);
	if (names.length === 0) return listForgotten(repository, filterOf(flags));
	const filter = { ...filterOf(flags), forgotten: true };
	const found = new Map<string, Snapshot>();
	for (const name of names) {
		const one = await selectSnapshot(repository, name, filter);
		found.set(one.id, one);
	}
	return [...found.values()];
}

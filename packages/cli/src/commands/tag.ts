import {
	addTags,
	InputError,
	type Relabelled,
	type Repository,
	removeTags,
	type SnapshotId,
	setNote,
	setTags,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags } from "../filter-flags.ts";
import { reportLabels } from "../label-account.ts";
import { withRepository } from "../open-repository.ts";
import { gatherWords } from "../option-values.ts";
import { selectedSnapshots } from "../selected-snapshots.ts";

interface Flags extends FilterFlags {
	readonly add?: readonly string[];
	readonly remove?: readonly string[];
	readonly set?: readonly string[];
	readonly note?: string;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Change the tags or the note of snapshots: of those that are named, or of all that --host, --path and --tag let through. Nothing is written for what is so already.",
			)
			.argument("[snapshot...]", "which ones")
			.option("--add <tag>", "add a tag; several times, or a,b", gatherWords)
			.option("--remove <tag>", "take a tag away", gatherWords)
			.option("--set <tag>", "leave exactly these tags", gatherWords)
			.option("--note <text>", "keep a remark; an empty one takes it away");
		addFilterFlags(command);
	},
	examples: [
		["varve tag latest --add before-upgrade", "label the newest snapshot"],
		[
			"varve tag --tag nightly --remove nightly",
			"take a tag from all that have it",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		requireChange(flags);
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots = await selectedSnapshots(
				repository,
				command.args,
				flags,
			);
			const ids = snapshots.map(({ id }) => id);
			reportLabels(session.report, await change(repository, ids, flags));
			return 0;
		});
	},
};

function requireChange({ add, remove, set, note }: Flags): void {
	if (set !== undefined && (add !== undefined || remove !== undefined))
		throw new InputError(
			"WRONG_MIXTURE",
			"--set cannot be combined with --add or --remove",
		);
	if ([add, remove, set, note].every((flag) => flag === undefined))
		throw new InputError(
			"NOTHING_TO_DO",
			"say what to change: --add, --remove, --set or --note",
		);
}

/** How the labels are after all changes, and how many there were in each. */
async function change(
	repository: Repository,
	ids: readonly SnapshotId[],
	{ add, remove, set, note }: Flags,
): Promise<Relabelled[]> {
	const steps = [
		...(set === undefined ? [] : [await setTags(repository, ids, set)]),
		...(add === undefined ? [] : [await addTags(repository, ids, add)]),
		...(remove === undefined
			? []
			: [await removeTags(repository, ids, remove)]),
		...(note === undefined ? [] : [await setNote(repository, ids, note)]),
	];
	const last = steps.at(-1) ?? [];
	return last.map((one, i) => ({
		...one,
		changes: steps.reduce((sum, step) => sum + (step[i]?.changes ?? 0), 0),
	}));
}

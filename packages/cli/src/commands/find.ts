import {
	type Find,
	findEntries,
	InputError,
	listSnapshots,
	type Repository,
	type Snapshot,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { entryFields, entryLine } from "../entry-lines.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { gather } from "../option-values.ts";
import { namedSnapshots } from "../selected-snapshots.ts";
import type { Session } from "../session.ts";
import { shortId } from "../short-id.ts";
import { formatTime } from "../times.ts";

interface Flags extends FilterFlags {
	readonly ignoreCase?: boolean;
	readonly long?: boolean;
	readonly id?: readonly string[];
	readonly snapshot?: readonly string[];
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Find where names occur: in all snapshots, or in some. A pattern without a slash matches a name at any depth; with one, the last parts of a path; with one in front, the whole path.",
			)
			.argument("[pattern...]", "names, or patterns as *.conf")
			.option("-i, --ignore-case", "whatever the case")
			.option("-l, --long", "with permissions, owner, size and time")
			.option(
				"--id <id>",
				"what holds this chunk or is this tree; 4 characters of it are enough",
				gather,
			)
			.option("-s, --snapshot <snapshot>", "only in this one", gather);
		addFilterFlags(command);
	},
	examples: [
		["varve find nginx.conf", "every place of a name in every snapshot"],
		["varve find -l '*.sql' -s latest", "all SQL files of the newest snapshot"],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const snapshots = await snapshotsOf(repository, flags);
			const { ignoreCase, id: ids } = flags;
			const patterns = command.args;
			if (patterns.length === 0 && ids === undefined)
				throw new InputError("NOTHING_TO_FIND", "name what is to be found");
			const request = { snapshots, patterns, ignoreCase, ids };
			const finds = findEntries(repository, request);
			const matches = await printAll(session, finds, flags.long === true);
			const { report } = session;
			report.message("summary", {
				matches,
				snapshots_count: snapshots.length,
			});
			if (matches === 0) report.account(["nothing found"]);
			return 0;
		});
	},
};

async function snapshotsOf(
	repository: Repository,
	{ snapshot: names = [], ...flags }: Flags,
): Promise<Snapshot[]> {
	return names.length === 0
		? await listSnapshots(repository, filterOf(flags))
		: await namedSnapshots(repository, names, flags);
}

/** Prints a heading where another snapshot begins. Resolves to the number of finds. */
async function printAll(
	{ report, screen, surroundings, signal }: Session,
	finds: AsyncIterable<Find>,
	isLong: boolean,
): Promise<number> {
	const { offsetAt } = surroundings;
	let matches = 0;
	let current: Snapshot | undefined;
	for await (const { snapshot, entry, id } of finds) {
		report.message("match", () => ({
			snapshot: snapshot.id,
			object_id: id,
			...entryFields(entry),
		}));
		if (snapshot !== current) {
			const time = formatTime(Date.parse(snapshot.record.time), offsetAt);
			const { host } = snapshot.record;
			report.line(() => `snapshot ${shortId(snapshot.id)} of ${time}, ${host}`);
		}
		current = snapshot;
		report.line(
			() => `  ${entryLine(entry, isLong ? { offsetAt } : undefined)}`,
		);
		if (++matches % 256 === 0) await screen.room(signal);
	}
	return matches;
}

import {
	listSnapshots,
	type Repository,
	type Snapshot,
	type SnapshotFilter,
	tellStoredLate,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { positiveValue } from "../option-values.ts";
import { shortId } from "../short-id.ts";
import { snapshotFields } from "../snapshot-fields.ts";
import { tableLines } from "../table.ts";
import { formatTime } from "../times.ts";
import { formatBytes, formatCounted } from "../units.ts";

interface Flags extends FilterFlags {
	readonly latest?: number;
	readonly forgotten?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command.description(
			"List snapshots, the newest last: id, time, host, tags, size of what they hold, what they added to the repository, paths.",
		);
		addFilterFlags(command)
			.option("--latest <n>", "only the newest n", positiveValue)
			.option("--forgotten", "forgotten ones too");
	},
	examples: [
		["varve snapshots", "list all"],
		[
			"varve snapshots --tag before-upgrade --latest 3",
			"the last three with a tag",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const filter = { ...filterOf(flags), forgotten: flags.forgotten };
		const listed = await withRepository(session, { workers: 0 }, (repository) =>
			listNewest(repository, filter, flags.latest),
		);
		const { report, surroundings } = session;
		for (const snapshot of listed)
			report.message("snapshot", snapshotFields(snapshot));
		report.message("summary", { snapshots_count: listed.length });
		const when = (time: string) =>
			formatTime(Date.parse(time), surroundings.offsetAt);
		report.lines(listLines(listed, when));
		return 0;
	},
};

async function listNewest(
	repository: Repository,
	filter: SnapshotFilter,
	latest: number | undefined,
): Promise<Snapshot[]> {
	const all = await listSnapshots(repository, filter);
	const listed = latest === undefined ? all : all.slice(-latest);
	return tellStoredLate(repository, listed);
}

function listLines(
	snapshots: readonly Snapshot[],
	when: (time: string) => string,
): string[] {
	if (snapshots.length === 0) return ["no snapshots"];
	const columns = [
		{ title: "id" },
		{ title: "time" },
		{ title: "host" },
		{ title: "tags" },
		{ title: "size", align: "right" as const },
		{ title: "added", align: "right" as const },
		{ title: "paths" },
	];
	const rows = snapshots.map(({ id, record, ...snapshot }) => [
		shortId(id),
		when(record.time),
		record.host,
		marksOf(snapshot, { unread: record.unread.length, when }),
		formatBytes(record.statistics.bytes),
		formatBytes(record.statistics.bytesStored),
		record.roots.map(({ path }) => path).join(", "),
	]);
	const count = formatCounted(snapshots.length, "snapshot");
	return [...tableLines(columns, rows), count];
}

type Marks = Pick<Snapshot, "tags" | "pin" | "forgotten" | "storedLate">;

function marksOf(
	{ tags, pin, forgotten, storedLate }: Marks,
	{ unread, when }: { unread: number; when: (time: string) => string },
): string {
	const marks = [
		...(pin ? ["[pinned]"] : []),
		...(forgotten ? ["[forgotten]"] : []),
		...(unread > 0 ? ["[not whole]"] : []),
		...(storedLate === undefined ? [] : [`[stored ${when(storedLate)}]`]),
	];
	return [...tags, ...marks].join(" ");
}

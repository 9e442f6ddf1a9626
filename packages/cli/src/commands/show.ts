import {
	pathFields,
	type Scope,
	type SnapshotDetails,
	selectSnapshot,
	showSnapshot,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import type { Message } from "../json-line.ts";
import { notKeptPairs } from "../not-kept.ts";
import { withRepository } from "../open-repository.ts";
import { snapshotFields } from "../snapshot-fields.ts";
import { pairLines } from "../table.ts";
import { formatTime, type OffsetAt } from "../times.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Show the whole record of a snapshot: where it comes from, what it holds, what was left out, what could not be read.",
			)
			.argument("<snapshot>", "which one");
		addFilterFlags(command);
	},
	examples: [["varve show latest", "show the newest snapshot"]],
	async run(session, command) {
		const flags = command.opts<FilterFlags>();
		const name = command.args[0] as string;
		const snapshot = await withRepository(
			session,
			{ workers: 0 },
			async (repository) => {
				const filter = filterOf(flags);
				const chosen = await selectSnapshot(repository, name, filter);
				return await showSnapshot(repository, chosen);
			},
		);
		const { report, surroundings } = session;
		report.message("snapshot", {
			...snapshotFields(snapshot),
			...recordFields(snapshot),
		});
		report.lines(recordLines(snapshot, surroundings.offsetAt));
		return 0;
	},
};

/** What a list of snapshots has no room for. */
function recordFields({ record, labels, hasParent }: SnapshotDetails): Message {
	const { scope, unread, notKept, users, groups, provenance, known } = record;
	return {
		roots: record.roots.map(({ path, kind, tree }) => ({
			...pathFields(path),
			kind,
			tree,
		})),
		excludes: scope.excludes,
		scope,
		unread: unread.map(({ path, reason }) => ({ ...pathFields(path), reason })),
		not_kept: notKept,
		users,
		groups,
		provenance,
		known,
		features: record.features,
		parent_present: hasParent,
		labels: labels.map((label) => ({
			time: label.time,
			op: label.op,
			value: "value" in label ? label.value : undefined,
		})),
	};
}

function recordLines(snapshot: SnapshotDetails, offsetAt: OffsetAt): string[] {
	const { id, record, tags, pin, note, expires, forgotten } = snapshot;
	const { roots, program, provenance } = record;
	const when = (time: string) => formatTime(Date.parse(time), offsetAt);
	const marks = [
		...tags,
		pin ? "[pinned]" : "",
		forgotten ? "[forgotten]" : "",
	];
	const pairs: (readonly [string, string])[] = [
		["snapshot", id],
		["time", when(record.time)],
		["host", record.host],
		["user", record.user],
		...roots.map(({ path }) => ["path", path] as const),
		["tags", marks.filter((mark) => mark !== "").join(" ")],
		["note", note],
		["expires", expires === undefined ? "" : when(expires)],
		["parent", parentWords(snapshot)],
		...roots.map(({ tree }) => ["tree", tree] as const),
		["program", program],
		...statisticsPairs(snapshot),
		...scopePairs(record.scope),
		...notKeptPairs(record.notKept),
		...Object.entries(provenance).map(
			([key, value]) =>
				[
					key,
					typeof value === "string" ? value : JSON.stringify(value),
				] as const,
		),
		...record.unread.map(
			({ path, reason }) => ["not read", `${path} (${reason})`] as const,
		),
	];
	return pairLines(pairs.filter(([, value]) => value !== ""));
}

function parentWords({ record, hasParent }: SnapshotDetails): string {
	if (record.parent === undefined) return "none";
	return hasParent ? record.parent : `${record.parent} (gone)`;
}

function statisticsPairs({ record }: SnapshotDetails): [string, string][] {
	const s = record.statistics;
	return [
		[
			"holds",
			`${formatCount(s.files)} files, ${formatCount(s.directories)} directories, ${formatCount(s.symlinks)} symlinks, ${formatCount(s.others)} others, ${formatBytes(s.bytes)}`,
		],
		[
			"files",
			`${formatCount(s.filesNew)} new, ${formatCount(s.filesChanged)} changed, ${formatCount(s.filesUnmodified)} unmodified`,
		],
		[
			"added",
			`${formatBytes(s.bytesStored)} (${formatBytes(s.bytesAdded)} before compression, ${formatCount(s.chunksAdded)} chunks)`,
		],
		["took", formatDuration(s.duration)],
	];
}

function scopePairs(scope: Scope): (readonly [string, string])[] {
	const { excludeLargerThan } = scope;
	return [
		...scope.excludes.map((pattern) => ["left out", pattern] as const),
		...scope.iexcludes.map(
			(pattern) => ["left out", `${pattern} (whatever the case)`] as const,
		),
		...scope.excludeIfPresent.map(
			(name) => ["left out", `beside ${name}`] as const,
		),
		["left out", scope.excludeCaches ? "cache directories" : ""],
		[
			"left out",
			excludeLargerThan === undefined
				? ""
				: `files larger than ${formatBytes(excludeLargerThan)}`,
		],
		["left out", scope.gitignore ? "what .gitignore says" : ""],
		["left out", scope.oneFileSystem ? "other file systems" : ""],
	];
}

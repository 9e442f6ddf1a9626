import { resolve } from "node:path/posix";
import type { SnapshotId, SnapshotRecord } from "@varve/format";
import { tellLostRecords } from "../copies/tell-copies.ts";
import { mergeLabels } from "../labels/merge-labels.ts";
import { type Marks, readMarks } from "../labels/read-marks.ts";
import type { Repository, Snapshot } from "../repository.ts";

/** Which snapshots are meant. What is not said does not count. */
export interface SnapshotFilter {
	/** Taken on one of these. */
	readonly hosts?: readonly string[] | undefined;
	/** Having each of these as a root. */
	readonly paths?: readonly string[] | undefined;
	/** Each a list, joined by commas, of tags that are all there; one such list is enough. "" stands for no tags at all. */
	readonly tags?: readonly string[] | undefined;
	/** Forgotten ones too. */
	readonly forgotten?: boolean | undefined;
}

/** Snapshots with their labels, the newest last. Opens no object but records and labels that this client has not seen before. */
export async function listSnapshots(
	repository: Repository,
	filter: SnapshotFilter = {},
): Promise<Snapshot[]> {
	const listed = await repository.backend.list("snapshots");
	const ids = listed.map(({ name }) => name as SnapshotId);
	const records = await repository.index.records(ids);
	await tellLostRecords(repository);
	const marks = await readMarks(repository);
	return sortByTime(
		[...records]
			.map(([id, record]) => labelled(id, record, marks))
			.filter(matcher(filter)),
	);
}

export function labelled(
	id: SnapshotId,
	record: SnapshotRecord,
	{ labels, forgotten, unsure }: Marks,
): Snapshot {
	const merged = mergeLabels(record, labels.get(id) ?? []);
	const isForgotten = forgotten.has(id);
	const pin = merged.pin || unsure.has(id);
	return { id, record, ...merged, pin, forgotten: isForgotten };
}

/** True for the snapshots that a filter lets through. */
export function matcher(
	filter: SnapshotFilter,
): (snapshot: Snapshot) => boolean {
	const { hosts = [], tags = [], forgotten = false } = filter;
	const paths = filter.paths?.map((path) => resolve("/", path)) ?? [];
	const lists = tags.map((list) => list.split(",").filter(Boolean));
	return ({ record, tags, forgotten: isForgotten }) =>
		(forgotten || !isForgotten) &&
		(hosts.length === 0 || hosts.includes(record.host)) &&
		paths.every((path) => record.roots.some((root) => root.path === path)) &&
		(lists.length === 0 || lists.some((list) => hasTags(tags, list)));
}

export function hasTags(
	tags: readonly string[],
	wanted: readonly string[],
): boolean {
	if (wanted.length === 0) return tags.length === 0;
	return wanted.every((tag) => tags.includes(tag));
}

/** Oldest first; ids decide between equal times. */
export function sortByTime(snapshots: readonly Snapshot[]): Snapshot[] {
	const keyed = snapshots.map((snapshot) => {
		return { snapshot, time: Date.parse(snapshot.record.time) };
	});
	keyed.sort(
		(a, b) => a.time - b.time || (a.snapshot.id < b.snapshot.id ? -1 : 1),
	);
	return keyed.map(({ snapshot }) => snapshot);
}

import {
	encodeLabel,
	InputError,
	type Label,
	type LabelChange,
	NotFoundError,
	type SnapshotId,
	toHex,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { withLease } from "../lease.ts";
import type { Repository } from "../repository.ts";
import { settleSeen } from "../settle-seen.ts";
import { effectiveChanges, type Labels, mergeLabels } from "./merge-labels.ts";
import { type Marks, readMarks } from "./read-marks.ts";

export interface Relabelled {
	readonly id: SnapshotId;
	readonly labels: Labels;
	/** Changes made; 0 if all was so already. */
	readonly changes: number;
}

type Ids = readonly SnapshotId[];
type Tags = readonly string[];
type Done = Promise<Relabelled[]>;

export async function addTags(
	repository: Repository,
	ids: Ids,
	tags: Tags,
): Done {
	const changes = tags.map(requireTag).map(adding);
	return changeLabels(repository, { ids, changes: () => changes });
}

export async function removeTags(
	repository: Repository,
	ids: Ids,
	tags: Tags,
): Done {
	const changes = tags.map(removing);
	return changeLabels(repository, { ids, changes: () => changes });
}

/** Leaves exactly these tags. */
export async function setTags(
	repository: Repository,
	ids: Ids,
	tags: Tags,
): Done {
	const wanted = tags.map(requireTag);
	const changes = (labels: Labels) => [
		...labels.tags.filter((tag) => !wanted.includes(tag)).map(removing),
		...wanted.map(adding),
	];
	return changeLabels(repository, { ids, changes });
}

/** Pinned snapshots are exempt from retention. */
export async function pin(repository: Repository, ids: Ids): Done {
	return changeLabels(repository, { ids, changes: () => [{ op: "pin" }] });
}

export async function unpin(repository: Repository, ids: Ids): Done {
	return changeLabels(repository, { ids, changes: () => [{ op: "unpin" }] });
}

/** An empty note takes the note away. */
export async function setNote(
	repository: Repository,
	ids: Ids,
	note: string,
): Done {
	const changes: LabelChange[] = [{ op: "note", value: note }];
	return changeLabels(repository, { ids, changes: () => changes });
}

const adding = (value: string): LabelChange => ({ op: "add-tag", value });
const removing = (value: string): LabelChange => ({ op: "remove-tag", value });

/** A tag can be said on the command line, alone and in a list. InputError (code "BAD_TAG") otherwise. */
export function requireTag(tag: string): string {
	if (tag !== "" && tag === tag.trim() && !/[,\p{Cc}]/u.test(tag)) return tag;
	throw new InputError(
		"BAD_TAG",
		`a tag has no comma or control character in it and no space at its ends, and is not empty: ${JSON.stringify(tag)}`,
		{ tag },
	);
}

interface Change {
	readonly ids: Ids;
	readonly changes: (labels: Labels) => readonly LabelChange[];
}

/** Writes a label for each change that changes something: done twice, the second writes nothing. */
async function changeLabels(
	repository: Repository,
	{ ids, changes }: Change,
): Promise<Relabelled[]> {
	const plan = await planChanges(repository, ids, changes);
	const open = plan.filter((one) => one.writing.length > 0);
	if (open.length > 0) {
		const snapshots = open.map(({ id }) => id);
		const command = `label ${snapshots.map((id) => id.slice(0, 8)).join(" ")}`;
		await withLease(
			repository,
			{ kind: "writer", snapshots, command: command.slice(0, 1000) },
			async (stage) => {
				await requireListed(repository, snapshots);
				await settleSeen(repository);
				const written: string[] = [];
				for (const { writing } of open)
					for (const label of writing)
						written.push(await put(repository, stage, label));
				await requireStillListed(repository, stage, { snapshots, written });
			},
		);
	}
	// Who made it so may have been killed before that was durable.
	if (open.length < plan.length) await settleSeen(repository);
	return plan.map(({ id, labels, writing }) => ({
		id,
		labels,
		changes: writing.length,
	}));
}

interface Planned {
	readonly id: SnapshotId;
	/** As they are afterwards. */
	readonly labels: Labels;
	readonly writing: readonly Label[];
}

async function planChanges(
	repository: Repository,
	ids: Ids,
	changes: Change["changes"],
): Promise<Planned[]> {
	const records = await repository.index.records(ids);
	const marks = await readMarks(repository);
	return ids.map((id) => {
		const record = records.get(id);
		if (record === undefined) throw gone(id);
		const before = marks.labels.get(id) ?? [];
		const labels = mergeLabels(record, before);
		const time = timeAfter(marks, id, repository.clock.now());
		const writing = effectiveChanges(labels, changes(labels)).map(
			(change, i): Label => ({ ...change, snapshot: id, time: time(i) }),
		);
		const added = writing.map((label) => ({ uuid: "", label }));
		const after = mergeLabels(record, [...before, ...added]);
		return { id, labels: after, writing };
	});
}

/** Times for new labels: later than those that are there, also if the clock has gone back since. */
function timeAfter(marks: Marks, id: SnapshotId, now: number) {
	const before = marks.labels.get(id) ?? [];
	const last = before.map(({ label }) => Date.parse(label.time) + 1);
	const first = Math.max(now, ...last);
	return (i: number) => new Date(first + i).toISOString();
}

async function requireListed({ backend }: Repository, ids: Ids): Promise<void> {
	const listed = await backend.list("snapshots");
	const names = new Set(listed.map(({ name }) => name));
	for (const id of ids) if (!names.has(id)) throw gone(id);
}

/** A gc that deletes the record after this looks for labels after that. One that did before has not seen these. */
async function requireStillListed(
	repository: Repository,
	stage: Stage,
	{
		snapshots,
		written,
	}: { readonly snapshots: Ids; readonly written: readonly string[] },
): Promise<void> {
	try {
		await requireListed(repository, snapshots);
	} catch (error) {
		if (!(error instanceof NotFoundError)) throw error;
		const lost = String(error.details["snapshot"]);
		for (const name of written)
			if (name.startsWith(lost))
				await repository.backend.remove(stage, "labels", name);
		throw error;
	}
}

function gone(id: SnapshotId): NotFoundError {
	return new NotFoundError(
		"NO_SUCH_SNAPSHOT",
		`the snapshot ${id.slice(0, 8)} is not in the repository`,
		{ snapshot: id },
	);
}

async function put(
	{ tools }: Repository,
	stage: Stage,
	label: Label,
): Promise<string> {
	const bytes = encodeLabel(label, (b) => tools.sha256Hex(b));
	const name = `${label.snapshot}.${toHex(tools.random(16))}`;
	await stage.putBytes("labels", name, bytes, { exclusive: true });
	return name;
}

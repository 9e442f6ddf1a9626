import type { Label, LabelChange, SnapshotRecord } from "@varve/format";

/** What is said of a snapshot and may change. */
export interface Labels {
	/** In the order in which they were given. */
	readonly tags: readonly string[];
	readonly pin: boolean;
	readonly note: string;
	/** RFC 3339; undefined for never. */
	readonly expires: string | undefined;
}

/** A label and the uuid in its name. */
export interface NamedLabel {
	readonly uuid: string;
	readonly label: Label;
}

type Born = Pick<SnapshotRecord, "tags" | "pin" | "note">;

/** The labels of a snapshot: those it was born with, and later changes in the order of time, then uuid, in whatever order they come. */
export function mergeLabels(
	record: Born,
	changes: readonly NamedLabel[],
): Labels {
	const born: Labels = {
		tags: [...new Set(record.tags)],
		pin: record.pin,
		note: record.note,
		expires: undefined,
	};
	return [...changes]
		.sort(inOrder)
		.reduce((labels, { label }) => applyChange(labels, label), born);
}

function inOrder(a: NamedLabel, b: NamedLabel): number {
	const time = Date.parse(a.label.time) - Date.parse(b.label.time);
	return time || (a.uuid < b.uuid ? -1 : 1);
}

export function applyChange(labels: Labels, change: LabelChange): Labels {
	switch (change.op) {
		case "add-tag": {
			const { value } = change;
			if (labels.tags.includes(value)) return labels;
			return { ...labels, tags: [...labels.tags, value] };
		}
		case "remove-tag": {
			const tags = labels.tags.filter((tag) => tag !== change.value);
			return { ...labels, tags };
		}
		case "pin":
			return { ...labels, pin: true };
		case "unpin":
			return { ...labels, pin: false };
		case "note":
			return { ...labels, note: change.value };
		case "expire":
			return { ...labels, expires: change.value || undefined };
		default:
			return change satisfies never;
	}
}

/** Of these changes, in their order, those that change something. */
export function effectiveChanges(
	labels: Labels,
	changes: readonly LabelChange[],
): LabelChange[] {
	let now = labels;
	return changes.filter((change) => {
		const next = applyChange(now, change);
		const changed = !sameLabels(now, next);
		now = next;
		return changed;
	});
}

function sameLabels(a: Labels, b: Labels): boolean {
	return (
		a.pin === b.pin &&
		a.note === b.note &&
		a.expires === b.expires &&
		a.tags.length === b.tags.length &&
		a.tags.every((tag, i) => tag === b.tags[i])
	);
}

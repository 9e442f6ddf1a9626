import {
	NotFoundError,
	type SnapshotId,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import { unreplaced } from "../repair/replaced.ts";
import type { SnapshotOptions, SourceRoot } from "./options.ts";

/** The snapshot a new one is compared with. */
export interface Parent {
	readonly id: SnapshotId;
	readonly record: SnapshotRecord;
	readonly roots: readonly TreeId[];
}

export type Records = ReadonlyMap<SnapshotId, SnapshotRecord>;

/** The newest snapshot of the same roots on the same host, or the one asked for; undefined if there is none. */
export function chooseParent(
	records: Records,
	options: SnapshotOptions,
	host: string,
): Parent | undefined {
	// One in whose place a repair has made another has a hole, whoever asks for it.
	const whole = unreplaced(records);
	if (options.parent !== undefined) {
		const record = records.get(options.parent);
		if (record === undefined)
			throw new NotFoundError(
				"NO_SUCH_SNAPSHOT",
				`there is no snapshot ${options.parent} to be the parent`,
			);
		return sameRoots(record, options.roots) && whole.has(options.parent)
			? asParent(options.parent, record)
			: undefined;
	}
	let best: [SnapshotId, SnapshotRecord] | undefined;
	for (const [id, record] of whole) {
		if (record.host !== host || !sameRoots(record, options.roots)) continue;
		if (
			best === undefined ||
			Date.parse(record.time) > Date.parse(best[1].time)
		)
			best = [id, record];
	}
	return best === undefined ? undefined : asParent(...best);
}

/** What was not asked for then is not in the parent's trees, and does not show in what lstat says now. */
export function keepsAsMuch(
	parent: Pick<SnapshotRecord, "kept">,
	kept: SnapshotRecord["kept"],
): boolean {
	return kept.every((kind) => parent.kept.includes(kind));
}

function asParent(id: SnapshotId, record: SnapshotRecord): Parent {
	return { id, record, roots: record.roots.map((root) => root.tree) };
}

function sameRoots(
	record: SnapshotRecord,
	roots: readonly SourceRoot[],
): boolean {
	return (
		record.roots.length === roots.length &&
		record.roots.every(
			(root, i) => root.path === roots[i]?.path && root.kind === roots[i]?.kind,
		)
	);
}

import { decodeLabel, type SnapshotId } from "@varve/format";
import { attemptRead, isDamage } from "../damage.ts";
import { listCondemned } from "../listing.ts";
import type { Repository } from "../repository.ts";
import { namesOf } from "./copy-files.ts";

/** A snapshot that is gone with its copy, and the labels that speak of it. */
export interface LostByLabel {
	readonly id: SnapshotId;
	/** Names of files. */
	readonly labels: readonly string[];
}

/**
 * Snapshots of which neither a record nor a copy is there, but a label is, and no mark of forgetting. gc deletes the labels of a snapshot after
 * its record and before its list, and only then the mark; whoever writes a label looks for the record after that. So something else took it away. Other traces prove nothing:
 * a `parent`, say, may name what was forgotten and collected.
 */
export async function lostByLabels(
	repository: Pick<Repository, "backend" | "tools">,
): Promise<LostByLabel[]> {
	const { backend } = repository;
	const labels = await labelsById(repository);
	if (labels.size === 0) return [];
	const kinds = ["snapshots", "copies/snapshots", "forgotten"] as const;
	for (const kind of kinds)
		for (const name of namesOf(await backend.list(kind))) labels.delete(name);
	const lost: LostByLabel[] = [];
	for (const [name, files] of labels) {
		const id = name as SnapshotId;
		// Taken since the records were listed.
		if ((await backend.size("snapshots", id)) !== undefined) continue;
		if (await isCondemned(repository, id)) continue;
		const left: string[] = [];
		for (const file of files)
			if (await speaksOf(repository, file, id)) left.push(file);
		if (left.length > 0) lost.push({ id, labels: left });
	}
	return lost;
}

async function labelsById({
	backend,
}: Pick<Repository, "backend">): Promise<Map<string, string[]>> {
	const labels = new Map<string, string[]>();
	for (const { name } of await backend.list("labels")) {
		const id = name.slice(0, name.indexOf("."));
		const files = labels.get(id);
		if (files === undefined) labels.set(id, [name]);
		else files.push(name);
	}
	return labels;
}

/** By a list that cannot be read, too. */
async function isCondemned(
	{ backend, tools }: Pick<Repository, "backend" | "tools">,
	id: SnapshotId,
): Promise<boolean> {
	let isUnsure = false;
	const { snapshots } = await listCondemned(backend, tools, () => {
		isUnsure = true;
	});
	return isUnsure || snapshots.has(id);
}

/** False for one that is gone by now, or cannot be read: that is damage of its own. */
async function speaksOf(
	{ backend, tools }: Pick<Repository, "backend" | "tools">,
	file: string,
	id: SnapshotId,
): Promise<boolean> {
	try {
		const bytes = await backend.read("labels", file);
		const label = attemptRead(() =>
			decodeLabel(bytes, (b) => tools.sha256Hex(b)),
		);
		return !(label instanceof Error) && label.snapshot === id;
	} catch (error) {
		if (isDamage(error)) return false;
		throw error;
	}
}

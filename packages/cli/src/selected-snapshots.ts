import {
	InputError,
	listSnapshots,
	type Repository,
	type Snapshot,
	selectSnapshot,
} from "@varve/core";
import { type FilterFlags, filterOf, isNarrowed } from "./filter-flags.ts";

/** The snapshots that are named, each once; or, if none is, all that the flags let through, which must say something then. */
export async function selectedSnapshots(
	repository: Repository,
	names: readonly string[],
	flags: FilterFlags,
): Promise<Snapshot[]> {
	if (names.length === 0 && !isNarrowed(flags))
		throw new InputError(
			"NO_SNAPSHOT_NAMED",
			"name snapshots, or narrow the choice by --host, --path or --tag",
		);
	if (names.length === 0) return listSnapshots(repository, filterOf(flags));
	return namedSnapshots(repository, names, flags);
}

/** The snapshots that are named, each once. */
export async function namedSnapshots(
	repository: Repository,
	names: readonly string[],
	flags: FilterFlags = {},
): Promise<Snapshot[]> {
	const chosen = new Map<string, Snapshot>();
	for (const name of names) {
		const one = await selectSnapshot(repository, name, filterOf(flags));
		chosen.set(one.id, one);
	}
	return [...chosen.values()];
}

import type { Config, Label, SnapshotId } from "@varve/format";
import type { FileKind } from "@varve/store";
import { readMarks } from "../labels/read-marks.ts";
import type { Repository, Snapshot } from "../repository.ts";

/** A snapshot with the history of its labels. */
export interface SnapshotDetails extends Snapshot {
	/** Later changes to tags, pin, note and expiry, oldest first. */
	readonly labels: readonly Label[];
	/** The snapshot it was compared with is still there. */
	readonly hasParent: boolean;
}

export async function showSnapshot(
	repository: Repository,
	snapshot: Snapshot,
): Promise<SnapshotDetails> {
	const marks = await readMarks(repository);
	const labels = (marks.labels.get(snapshot.id) ?? []).map((one) => one.label);
	const listed = await repository.backend.list("snapshots");
	const { parent } = snapshot.record;
	return {
		...snapshot,
		labels: labels.sort((a, b) => Date.parse(a.time) - Date.parse(b.time)),
		hasParent: listed.some(({ name }) => name === (parent as SnapshotId)),
	};
}

/** Number and bytes of the files of one kind. */
export interface KindSize {
	readonly kind: FileKind;
	readonly files: number;
	readonly bytes: number;
}

export interface RepositoryFacts {
	readonly location: string;
	readonly config: Config;
	/** Bytes that can still be written, where the storage can tell. */
	readonly space: number | undefined;
	/** Those of which there are any. */
	readonly kinds: readonly KindSize[];
}

const countedKinds: readonly FileKind[] = [
	"packs",
	"segments",
	"snapshots",
	"labels",
	"forgotten",
	"policies",
	"leases",
	"gc",
	"keys",
	"copies/packs",
	"copies/snapshots",
	"quarantine",
];

/** What a repository is, and what lies in it. */
export async function readConfig(
	repository: Repository,
): Promise<RepositoryFacts> {
	const { backend, config } = repository;
	const kinds: KindSize[] = [];
	for (const kind of countedKinds) {
		const files = await backend.list(kind);
		const bytes = files.reduce((sum, { size }) => sum + size, 0);
		if (files.length > 0) kinds.push({ kind, files: files.length, bytes });
	}
	const space = await backend.space();
	return { location: backend.location, config, space, kinds };
}

export interface CacheUsage {
	/** undefined if this client keeps nothing. */
	readonly folder: string | undefined;
	readonly parts: readonly {
		/** What it is for. */
		readonly name: string;
		readonly bytes: number;
		readonly files: number;
	}[];
}

/** What this client keeps of a repository. */
export async function cacheUsage({ cache }: Repository): Promise<CacheUsage> {
	return { folder: cache.folder, parts: await cache.usage() };
}

/** Deletes what this client keeps of a repository, and says what that was. The next command builds it again. */
export async function clearCache(repository: Repository): Promise<CacheUsage> {
	const usage = await cacheUsage(repository);
	await repository.cache.clear();
	return usage;
}

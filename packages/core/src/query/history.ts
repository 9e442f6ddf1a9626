import { resolve } from "node:path/posix";
import {
	encodeName,
	type Node,
	NodeKind,
	NotFoundError,
	printableName,
	type SnapshotRecord,
	type TreeId,
} from "@varve/format";
import { prepareToRead } from "../prepare-to-read.ts";
import type { ObjectReader, Repository, Snapshot } from "../repository.ts";
import { type NodeChange, nodeChanges } from "./compare-nodes.ts";
import { type Entry, toEntry } from "./entry.ts";
import { sortByTime } from "./list-snapshots.ts";
import { nodeOfRoot } from "./placed-nodes.ts";
import { readAgain } from "./rereading.ts";

/** One version of a path on one host: how it was from one snapshot to another. */
export interface Version {
	readonly host: string;
	/** The first snapshot with this version, and the last before another one. */
	readonly first: Snapshot;
	readonly last: Snapshot;
	/** Snapshots that have it, from the first to the last. */
	readonly count: number;
	/** undefined where the path was gone. */
	readonly entry: Entry | undefined;
	/** What is not as in the version before; "added" and "removed" where one of both is not there. */
	readonly changes: readonly (NodeChange | "added" | "removed")[];
}

/**
 * Every version of one path (absolute) in these snapshots, oldest first, each host for itself. Snapshots whose roots do not reach
 * the path say nothing about it. NotFoundError "NO_SUCH_PATH" if none has it.
 */
export function history(
	repository: Repository,
	path: string,
	snapshots: readonly Snapshot[],
): Promise<Version[]> {
	return readAgain(repository, () => versionsOf(repository, path, snapshots));
}

async function versionsOf(
	repository: Repository,
	path: string,
	snapshots: readonly Snapshot[],
): Promise<Version[]> {
	await prepareToRead(
		repository,
		snapshots.map(({ id }) => id),
	);
	const finder = new PathFinder(repository.objects, resolve("/", path));
	const hosts = new Map<string, HostHistory>();
	for (const snapshot of sortByTime(snapshots)) {
		const { host } = snapshot.record;
		const node = finder.in(snapshot.record);
		if (node === "out of reach") continue;
		const known = hosts.get(host) ?? new HostHistory(finder.path);
		hosts.set(host, known);
		known.add(snapshot, node);
	}
	const versions = [...hosts.values()].flatMap((one) => one.versions);
	if (versions.length > 0) return sortByFirst(versions);
	throw new NotFoundError(
		"NO_SUCH_PATH",
		`no snapshot holds ${printableName(finder.path)}`,
		{ path: printableName(finder.path) },
	);
}

function sortByFirst(versions: readonly Version[]): Version[] {
	const time = ({ first }: Version) => Date.parse(first.record.time);
	return [...versions].sort((a, b) => time(a) - time(b));
}

type Draft = { -readonly [K in keyof Version]: Version[K] };

class HostHistory {
	readonly versions: Draft[] = [];
	readonly #path: string;
	#node: Node | undefined;

	constructor(path: string) {
		this.#path = path;
	}

	add(snapshot: Snapshot, node: Node | undefined): void {
		const current = this.versions.at(-1);
		const changes = changesOf(this.#node, node);
		this.#node = node;
		if (changes.length > 0) this.#begin(snapshot, node, changes);
		else if (current !== undefined) {
			current.last = snapshot;
			current.count++;
		}
	}

	#begin(
		snapshot: Snapshot,
		node: Node | undefined,
		changes: Version["changes"],
	): void {
		const placed = node && { path: this.#path, root: 0, node };
		const entry = placed && toEntry(placed, snapshot.record);
		const { host } = snapshot.record;
		const span = { first: snapshot, last: snapshot, count: 1 };
		this.versions.push({ host, ...span, entry, changes });
	}
}

function changesOf(
	before: Node | undefined,
	after: Node | undefined,
): Version["changes"] {
	if (before === undefined) return after === undefined ? [] : ["added"];
	return after === undefined ? ["removed"] : nodeChanges(before, after);
}

/** Finds one path in many snapshots; each tree on the way is read once. */
class PathFinder {
	readonly path: string;
	readonly #objects: ObjectReader;
	readonly #known = new Map<string, Node | undefined>();

	constructor(objects: ObjectReader, path: string) {
		this.#objects = objects;
		this.path = path;
	}

	/** undefined if it is not in a snapshot that would have it. */
	in(record: SnapshotRecord): Node | undefined | "out of reach" {
		let isReached = false;
		for (const [i, root] of record.roots.entries()) {
			if (root.path === this.path) return nodeOfRoot(record, i).node;
			const start = root.path === "/" ? root.path : `${root.path}/`;
			if (!this.path.startsWith(start)) continue;
			isReached ||= root.kind === "directory";
			const node = this.#below(root.tree, this.path.slice(start.length));
			if (node !== undefined) return node;
		}
		return isReached ? undefined : "out of reach";
	}

	#below(tree: TreeId, path: string): Node | undefined {
		const key = tree + path;
		if (this.#known.has(key)) return this.#known.get(key);
		const node = this.#lookup(tree, path);
		this.#known.set(key, node);
		return node;
	}

	#lookup(tree: TreeId, path: string): Node | undefined {
		const slash = path.indexOf("/");
		const name = slash < 0 ? path : path.slice(0, slash);
		const node = this.#objects.lookup(tree, encodeName(name));
		if (slash < 0 || node === undefined) return node;
		if (node.kind !== NodeKind.directory || node.tree === undefined)
			return undefined;
		return this.#below(node.tree, path.slice(slash + 1));
	}
}

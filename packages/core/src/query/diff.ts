import { type SnapshotRecord, sortNames } from "@varve/format";
import { prepareToRead } from "../prepare-to-read.ts";
import type { ObjectReader, Repository, Snapshot } from "../repository.ts";
import { type Location, locate } from "../restore/locate.ts";
import { type NodeChange, nodeChanges } from "./compare-nodes.ts";
import {
	DiffCount,
	type DifferingPair,
	type DiffStatistics,
} from "./diff-statistics.ts";
import { type Entry, type PlacedNode, toEntry } from "./entry.ts";
import { mergeByName, type Pair } from "./merge-entries.ts";
import { type Modifier, modifierOf } from "./modifier.ts";
import { childrenOf, nodeOf } from "./placed-nodes.ts";
import { rereading } from "./rereading.ts";

export interface DiffSide {
	readonly snapshot: Snapshot;
	/** Absolute, or below a root; undefined for the whole snapshot. */
	readonly path?: string | undefined;
}

export interface DiffRequest {
	readonly from: DiffSide;
	readonly to: DiffSide;
	/** Report entries too of which only attributes changed. */
	readonly metadata?: boolean | undefined;
}

export interface EntryChange {
	readonly type: "change";
	/** Where it is, or was. */
	readonly path: string;
	readonly modifier: Modifier;
	/** What is not the same; empty for what was added or removed. */
	readonly changes: readonly NodeChange[];
	readonly before: Entry | undefined;
	readonly after: Entry | undefined;
}

export type DiffItem =
	| EntryChange
	| ({ readonly type: "statistics" } & DiffStatistics);

/**
 * What is different between two snapshots, or between what lies below a path of each: changes in the order of the walk, then one item of
 * statistics. What has the same tree id on both sides is not looked at. Memory: about 30 bytes for each chunk of changed files.
 */
export function diff(
	repository: Repository,
	request: DiffRequest,
): AsyncGenerator<DiffItem> {
	return rereading(repository, () => compare(repository, request));
}

async function* compare(
	repository: Repository,
	{ from, to, metadata = false }: DiffRequest,
): AsyncGenerator<DiffItem> {
	await prepareToRead(repository, [from.snapshot.id, to.snapshot.id]);
	const sides = {
		before: sideOf(repository, from),
		after: sideOf(repository, to),
	};
	const count = new DiffCount(repository.objects);
	for (const pair of differing(repository.objects, sides)) {
		count.add(pair);
		const change = changeOf(pair, sides);
		if (change !== undefined && (metadata || change.modifier !== "U"))
			yield change;
	}
	yield { type: "statistics", ...count.finish() };
}

interface Side {
	readonly record: SnapshotRecord;
	readonly location: Location;
}

interface Sides {
	readonly before: Side;
	readonly after: Side;
}

type NodePair = Pair<PlacedNode, PlacedNode>;

function sideOf(repository: Repository, { snapshot, path }: DiffSide): Side {
	const { record } = snapshot;
	return { record, location: locate(repository.objects, record, path) };
}

/** Pairs that are not the same, each directory before what is in it. */
function* differing(
	objects: ObjectReader,
	sides: Sides,
): Generator<DifferingPair> {
	const open: Iterator<NodePair>[] = [topPairs(sides).values()];
	for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
		const { value: pair, done } = at.next();
		if (done === true) {
			open.pop();
			continue;
		}
		const { before, after } = pair;
		const changes = before && after ? nodeChanges(before.node, after.node) : [];
		if (before && after && changes.length === 0) continue;
		yield { before, after, changes };
		if (before?.node.tree !== after?.node.tree)
			open.push(pairsIn(objects, pair, sides));
	}
}

function pairsIn(
	objects: ObjectReader,
	pair: NodePair,
	sides: Sides,
): Iterator<NodePair> {
	const within = (placed: PlacedNode | undefined, { record }: Side) =>
		placed === undefined ? [] : childrenOf(objects, placed, record);
	const nameOf = ({ node }: PlacedNode) => node.name;
	return mergeByName(
		within(pair.before, sides.before),
		within(pair.after, sides.after),
		{ before: nameOf, after: nameOf },
	);
}

/** What was located on both sides: two single things are compared whatever their names are, several by where they lie. */
function topPairs({ before, after }: Sides): NodePair[] {
	const left = placedIn(before);
	const right = placedIn(after);
	const isOne = left.size === 1 && right.size === 1;
	const named = before.location.prefix + after.location.prefix !== "";
	if (isOne && named) {
		const [a] = left.values();
		const [b] = right.values();
		return [{ before: a, after: b }];
	}
	const keys = sortNames([...new Set([...left.keys(), ...right.keys()])]);
	return keys.map((key) => ({ before: left.get(key), after: right.get(key) }));
}

function placedIn({ location }: Side): Map<string, PlacedNode> {
	const { found, prefix } = location;
	return new Map(
		found.map((located) => [
			located.path.slice(prefix.length),
			nodeOf(located),
		]),
	);
}

function changeOf(
	{ before, after, changes }: DifferingPair,
	sides: Sides,
): EntryChange | undefined {
	const modifier =
		before === undefined
			? "+"
			: after === undefined
				? "-"
				: modifierOf(before.node, after.node, changes);
	if (modifier === undefined) return undefined;
	return {
		type: "change",
		path: (after ?? before)?.path ?? "",
		modifier,
		changes,
		before: before && toEntry(before, sides.before.record),
		after: after && toEntry(after, sides.after.record),
	};
}

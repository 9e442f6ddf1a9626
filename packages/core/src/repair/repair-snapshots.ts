import {
	encodeForgotten,
	encodeLabel,
	encodeRecord,
	type SnapshotId,
	type SnapshotRecord,
	toHex,
	utf8,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { attemptRead } from "../damage.ts";
import { listSnapshots } from "../query/list-snapshots.ts";
import type { Repository, Snapshot } from "../repository.ts";
import { toldAs } from "../told-as.ts";
import { catchUp, dropAbsent } from "./absent-packs.ts";
import { putAwayMarks } from "./damaged-marks.ts";
import { mendPolicies } from "./damaged-policies.ts";
import { withRepairLease } from "./exclusive.ts";
import { type LostEntry, requireMissing, TreeMender } from "./mend-trees.ts";
import type {
	MendedSnapshot,
	RepairSnapshotsOptions,
	SnapshotsRepaired,
} from "./options.ts";
import { putBackLost, renewCopies } from "./put-back.ts";
import { comesFrom, repairedFrom } from "./replaced.ts";
import { TreeStore } from "./tree-store.ts";

/**
 * Makes another snapshot in the place of each one that has a hole: without the files that cannot be read whole, and with directories that hold what is left.
 * The damaged one stays, until it is forgotten. Done again it does nothing. CorruptError "PACKS_DAMAGED" while there are damaged packs from
 * which more may be had.
 */
export async function repairSnapshots(
	repository: Repository,
	options: RepairSnapshotsOptions = {},
): Promise<SnapshotsRepaired> {
	return await toldAs(
		repository,
		{ verb: "repair", subject: "snapshots" },
		async () => {
			if (options.dryRun === true)
				return await mend(repository, undefined, options);
			const { signal } = options;
			const lease = { command: "repair snapshots", signal };
			return await withRepairLease(repository, lease, (stage, signal) =>
				mend(repository, stage, { ...options, signal }),
			);
		},
	);
}

async function mend(
	repository: Repository,
	stage: Stage | undefined,
	options: RepairSnapshotsOptions,
): Promise<SnapshotsRepaired> {
	const back = await putBackLost(repository, stage);
	const marks = await putAwayMarks(repository, stage);
	const policies = await mendPolicies(repository, stage);
	await catchUp(repository, stage);
	const all = await listSnapshots(repository, { forgotten: true });
	const listed = await repository.backend.list("snapshots");
	const trees = new TreeStore(repository, stage);
	try {
		const drafts = await draftAll(repository, trees, { all, options });
		await trees.finish();
		const snapshots: MendedSnapshot[] = [];
		for (const draft of drafts)
			snapshots.push(await settle(repository, stage, { draft, options }));
		await catchUp(repository, stage);
		if (stage !== undefined) {
			const { signal } = options;
			await dropAbsent(repository, stage, signal);
			await renewCopies(repository, stage, { damaged: [], signal });
		}
		return {
			dryRun: stage === undefined,
			putBack: back,
			marks,
			policies,
			examined: all.length,
			snapshots,
			unreadable: listed.length - all.length,
		};
	} finally {
		trees.discard();
	}
}

/** A snapshot with a hole, and what is to be in its place. */
interface Draft {
	readonly snapshot: Snapshot;
	readonly record: SnapshotRecord;
	readonly lost: readonly LostEntry[];
	/** The same was made before. */
	readonly there: SnapshotId | undefined;
}

async function draftAll(
	repository: Repository,
	{ meta }: TreeStore,
	{
		all,
		options: { snapshots, signal },
	}: {
		readonly all: readonly Snapshot[];
		readonly options: RepairSnapshotsOptions;
	},
): Promise<Draft[]> {
	const mender = new TreeMender(repository, meta);
	const records = new Map(all.map(({ id, record }) => [id, record]));
	const named = new Set(snapshots?.map(({ id }) => id));
	const drafts: Draft[] = [];
	for (const snapshot of all) {
		if (snapshots === undefined ? snapshot.forgotten : !named.has(snapshot.id))
			continue;
		signal?.throwIfAborted();
		const mended = await mendRecord(repository, mender, snapshot);
		if (mended === undefined) continue;
		const record = recordOf(repository, { snapshot, ...mended, records });
		const there = [...records].find(
			([id, other]) =>
				comesFrom(records, id, snapshot.id) && holdsTheSame(other, record),
		);
		drafts.push({ snapshot, record, lost: mended.lost, there: there?.[0] });
	}
	return drafts;
}

interface Mended {
	readonly roots: SnapshotRecord["roots"];
	readonly links: SnapshotRecord["links"];
	/** With absolute paths. */
	readonly lost: readonly LostEntry[];
}

/** undefined for a snapshot that is whole. */
async function mendRecord(
	repository: Repository,
	mender: TreeMender,
	{ record }: Snapshot,
): Promise<Mended | undefined> {
	const lost: LostEntry[] = [];
	const roots: SnapshotRecord["roots"][number][] = [];
	for (const root of record.roots) {
		const mended = await mender.mend(root.tree);
		roots.push({ ...root, tree: mended.tree });
		const base = root.path.replace(/\/+$/, "");
		for (const { path, ...entry } of mended.lost)
			lost.push({ ...entry, path: `${base}/${path}`.replace(/(?<=.)\/$/, "") });
	}
	const hasLinks = isReadable(repository, record.links);
	const hasScan = isReadable(repository, record.scan);
	if (lost.length === 0 && hasLinks && hasScan) return undefined;
	return { roots, links: hasLinks ? record.links : undefined, lost };
}

/** All pieces of a list of pieces are there. */
function isReadable(
	{ objects }: Repository,
	list: SnapshotRecord["links"],
): boolean {
	if (list === undefined) return true;
	const error = attemptRead(() => {
		for (const _ of objects.pieces(list));
	});
	if (error !== undefined) requireMissing(error);
	return error === undefined;
}

function recordOf(
	{ identity, tools }: Repository,
	{
		snapshot,
		roots,
		links,
		lost,
		records,
	}: Mended & {
		readonly snapshot: Snapshot;
		readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	},
): SnapshotRecord {
	const { id, record, tags, pin, note } = snapshot;
	const { statistics } = record;
	const files = lost.filter(({ what }) => what === "file");
	const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
	const known = [...records.keys()].sort();
	return {
		...record,
		roots,
		links,
		// Of what is not in the trees any more it would say that it is unchanged.
		scan: undefined,
		tags: [...tags].sort(),
		pin,
		note,
		program: identity.program,
		statistics: {
			...statistics,
			files: Math.max(0, statistics.files - files.length),
			bytes: Math.max(0, statistics.bytes - bytes),
			chunksAdded: 0,
			bytesAdded: 0,
			bytesStored: 0,
		},
		unread: [
			...record.unread,
			...lost.map(({ path }) => ({ path, reason: "DAMAGED" })),
		],
		provenance: { ...record.provenance, [repairedFrom]: id },
		known: {
			count: known.length,
			hash: tools.sha256Hex(utf8(known.join("\n"))),
		},
	};
}

function holdsTheSame(a: SnapshotRecord, b: SnapshotRecord): boolean {
	return (
		a.links === b.links &&
		a.scan === b.scan &&
		a.roots.length === b.roots.length &&
		a.roots.every((root, i) => root.tree === b.roots[i]?.tree)
	);
}

async function settle(
	repository: Repository,
	stage: Stage | undefined,
	{
		draft: { snapshot, record, lost, there },
		options,
	}: { readonly draft: Draft; readonly options: RepairSnapshotsOptions },
): Promise<MendedSnapshot> {
	let replacement = there;
	if (stage !== undefined) {
		options.signal?.throwIfAborted();
		replacement ??= await commit(repository, stage, { snapshot, record });
		if (options.forget === true && !snapshot.forgotten)
			await markForgotten(repository, stage, snapshot.id, replacement);
	}
	return {
		id: snapshot.id,
		time: record.time,
		replacement,
		isNew: there === undefined,
		isForgotten:
			snapshot.forgotten || (options.forget === true && stage !== undefined),
		lost: lost.map(({ path, what }) => ({ path, what })),
	};
}

async function commit(
	{ tools, clock }: Repository,
	stage: Stage,
	{ snapshot, record }: Pick<Draft, "snapshot" | "record">,
): Promise<SnapshotId> {
	const bytes = encodeRecord(record);
	const id = tools.sha256Hex(bytes) as SnapshotId;
	const { expires } = snapshot;
	// A label of a snapshot that is not there yet is none; the other way round one could be forgotten too late.
	if (expires !== undefined) {
		const time = new Date(clock.now()).toISOString();
		const label = { snapshot: id, time, op: "expire", value: expires } as const;
		const name = `${id}.${toHex(tools.random(16))}`;
		const content = encodeLabel(label, (b) => tools.sha256Hex(b));
		await stage.putBytes("labels", name, content, { exclusive: true });
	}
	await stage.putBytes("snapshots", id, bytes);
	return id;
}

async function markForgotten(
	{ tools, clock, identity }: Repository,
	stage: Stage,
	id: SnapshotId,
	replacement: SnapshotId,
): Promise<void> {
	const mark = {
		snapshot: id,
		time: new Date(clock.now()).toISOString(),
		host: identity.host,
		user: identity.user,
		reason: `repaired: ${replacement} is in its place`,
	};
	const bytes = encodeForgotten(mark, (b) => tools.sha256Hex(b));
	await stage.putBytes("forgotten", id, bytes);
}

import {
	contentLength,
	encodeRecord,
	isVarveError,
	NodeKind,
	noStatistics,
	type Root,
	type SnapshotId,
	type SnapshotRecord,
	type TreeId,
	utf8,
	wholeScope,
} from "@varve/format";
import type { Listing, Stage } from "@varve/store";
import { lostByLabels } from "../copies/lost-by-label.ts";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { formatTime } from "../time.ts";
import { toldAs } from "../told-as.ts";
import { catchUp } from "./absent-packs.ts";
import { withRepairLease } from "./exclusive.ts";
import { listedRecords } from "./losses.ts";
import { TreeMender } from "./mend-trees.ts";
import { withOneBitRight } from "./one-bit.ts";
import type { Recovered, RecoveredTree, RepairOptions } from "./options.ts";
import { findOrphanTrees } from "./orphan-trees.ts";
import {
	damagedRecords,
	type PutBack,
	putBackLost,
	renewCopies,
} from "./put-back.ts";
import { TreeStore } from "./tree-store.ts";

/**
 * Finds the trees that no snapshot reaches, for the record that did is lost, and makes a snapshot of them in which each is a directory `recovered-<id>`. A record that
 * is damaged is set right if that can be, else it goes to the quarantine once its trees are in a snapshot again. Done again it does nothing.
 */
export async function recover(
	repository: Repository,
	options: Omit<RepairOptions, "wait"> = {},
): Promise<Recovered> {
	return await toldAs(
		repository,
		{ verb: "repair", subject: "recover" },
		async () => {
			if (options.dryRun === true)
				return await search(repository, undefined, options.signal);
			const { signal } = options;
			const lease = { command: "recover", signal };
			return await withRepairLease(repository, lease, (stage, signal) =>
				search(repository, stage, signal),
			);
		},
	);
}

async function search(
	repository: Repository,
	stage: Stage | undefined,
	signal: AbortSignal | undefined,
): Promise<Recovered> {
	const back = await putBackLost(repository, stage);
	const damaged =
		stage === undefined
			? await damagedBut(repository, back)
			: await damagedRecords(repository);
	const mended = await mendRecords(repository, stage, damaged);
	await catchUp(repository, stage);
	const listing = await listToRead(repository);
	const records = await listedRecords(repository);
	const trees = new TreeStore(repository, stage);
	try {
		const orphans = await orphansIn(repository, {
			...{ listing, records: records.values(), signal },
		});
		const all = await mendOrphans(repository, trees, orphans);
		const found = all.filter(({ root }) => !isThere(root, records));
		await trees.finish();
		signal?.throwIfAborted();
		const id =
			stage === undefined || found.length === 0
				? undefined
				: await commit(repository, stage, { found, records });
		const lost = (damaged as SnapshotId[]).filter(
			(one) => !mended.includes(one),
		);
		const gone = await lostByLabels(repository);
		if (stage !== undefined) {
			await putAway(repository, stage, lost, signal);
			for (const name of gone.flatMap(({ labels }) => labels))
				await repository.backend.quarantine(stage, "labels", name);
		}
		repository.objects.outdate();
		return {
			dryRun: stage === undefined,
			putBack: back,
			id,
			trees: found.map(({ root: { path }, ...tree }) => ({ path, ...tree })),
			recordsMended: mended,
			recordsLost: [...lost, ...gone.map(({ id }) => id)],
		};
	} finally {
		trees.discard();
	}
}

/** What a run would find that has put these back. */
async function damagedBut(
	repository: Repository,
	back: readonly PutBack[],
): Promise<string[]> {
	const names = new Set(back.map(({ name }) => name));
	return (await damagedRecords(repository)).filter((name) => !names.has(name));
}

/** Records that are lost, and their copies, which are damaged too. */
async function putAway(
	repository: Repository,
	stage: Stage,
	lost: readonly SnapshotId[],
	signal: AbortSignal | undefined,
): Promise<void> {
	for (const name of lost) {
		await repository.backend.quarantine(stage, "copies/snapshots", name);
		await repository.backend.quarantine(stage, "snapshots", name);
	}
	await renewCopies(repository, stage, { damaged: [], signal });
}

/** Of these the ones that could be set right. */
async function mendRecords(
	{ backend, tools }: Repository,
	stage: Stage | undefined,
	damaged: readonly string[],
): Promise<SnapshotId[]> {
	const mended: SnapshotId[] = [];
	for (const name of damaged) {
		const id = name as SnapshotId;
		const bytes = await backend.read("snapshots", id);
		const right = withOneBitRight(bytes, (b) => tools.sha256Hex(b) === id);
		if (right === undefined) continue;
		mended.push(id);
		if (stage === undefined) continue;
		await backend.quarantine(stage, "snapshots", id, { stays: true });
		await stage.putBytes("snapshots", id, right);
	}
	return mended;
}

async function orphansIn(
	repository: Repository,
	{
		listing,
		records,
		signal,
	}: {
		readonly listing: Listing;
		readonly records: Iterable<SnapshotRecord>;
		readonly signal: AbortSignal | undefined;
	},
): Promise<TreeId[]> {
	const segments = await repository.openSegments(listing, signal);
	try {
		const { condemned } = listing;
		const search = { segments, condemned, records, signal };
		return await findOrphanTrees(repository, search);
	} finally {
		segments.close();
	}
}

interface FoundTree extends Omit<RecoveredTree, "path"> {
	readonly root: Root;
}

/** Without those of which nothing can be read. */
async function mendOrphans(
	repository: Repository,
	{ meta }: TreeStore,
	orphans: readonly TreeId[],
): Promise<FoundTree[]> {
	const mender = new TreeMender(repository, meta);
	const found: FoundTree[] = [];
	for (const orphan of orphans) {
		const { tree, lost } = await mender.mend(orphan);
		const sums = sumsOf(repository, orphan);
		const files =
			sums.files - lost.filter(({ what }) => what === "file").length;
		if (sums.entries === 0 || (files <= 0 && lost.length > 0)) continue;
		const bytes = sums.bytes - lost.reduce((sum, one) => sum + one.bytes, 0);
		const root = rootOf(repository, orphan, tree);
		found.push({ root, files, bytes, lost: lost.length });
	}
	return found;
}

/** A snapshot has it already, without what could not be read then. */
function isThere(
	{ path, tree }: Root,
	records: ReadonlyMap<SnapshotId, SnapshotRecord>,
): boolean {
	return [...records.values()].some(({ roots }) =>
		roots.some((root) => root.path === path && root.tree === tree),
	);
}

/** Of all that can be read below a tree. */
function sumsOf({ objects }: Repository, top: TreeId) {
	const sums = { entries: 0, files: 0, bytes: 0 };
	const stack = [top];
	for (let tree = stack.pop(); tree !== undefined; tree = stack.pop())
		try {
			for (const node of [...objects.nodes(tree)]) {
				sums.entries++;
				if (node.tree !== undefined) stack.push(node.tree);
				if (node.kind !== NodeKind.file) continue;
				sums.files++;
				sums.bytes += contentLength(node.content);
			}
		} catch (error) {
			if (!isVarveError(error)) throw error;
		}
	return sums;
}

/** Only root may look into it until somebody has seen what it is. */
function rootOf({ clock }: Repository, orphan: TreeId, tree: TreeId): Root {
	return {
		path: `/recovered-${orphan.slice(0, 12)}`,
		kind: "directory",
		tree,
		mode: 0o700,
		uid: 0,
		gid: 0,
		mtime: Math.floor(clock.now() / 1000),
		mtimeNs: 0,
		xattrs: [],
	};
}

async function commit(
	{ tools, clock, identity }: Repository,
	stage: Stage,
	{
		found,
		records,
	}: {
		readonly found: readonly FoundTree[];
		readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	},
): Promise<SnapshotId> {
	const known = [...records.keys()].sort();
	const now = clock.now();
	const record: SnapshotRecord = {
		time: formatTime(now, clock.offsetMinutes(now)),
		host: identity.host,
		user: identity.user,
		roots: found.map(({ root }) => root),
		links: undefined,
		scan: undefined,
		parent: undefined,
		scope: wholeScope,
		tags: ["recovered"],
		pin: false,
		note: "trees that no snapshot reached",
		program: identity.program,
		statistics: {
			...noStatistics,
			files: found.reduce((sum, { files }) => sum + files, 0),
			bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
		},
		unread: [],
		kept: [],
		notKept: {},
		users: {},
		groups: {},
		provenance: { recovered: found.length },
		known: {
			count: known.length,
			hash: tools.sha256Hex(utf8(known.join("\n"))),
		},
		features: [],
	};
	const bytes = encodeRecord(record);
	const id = tools.sha256Hex(bytes) as SnapshotId;
	await stage.putBytes("snapshots", id, bytes);
	return id;
}

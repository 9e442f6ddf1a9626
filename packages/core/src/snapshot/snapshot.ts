import {
	CorruptError,
	canonicalJson,
	encodeRecord,
	type Root,
	rootFields,
	type SnapshotId,
	type SnapshotRecord,
	SourceError,
	StorageError,
	utf8,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { copyCommitted } from "../copies/keep-copies.ts";
import { growReserve } from "../gc/reserve.ts";
import { either, withLease } from "../lease.ts";
import { listCondemned } from "../listing.ts";
import type { Repository } from "../repository.ts";
import { formatTime } from "../time.ts";
import { toldAs } from "../told-as.ts";
import { SnapshotAttempt, type Taken } from "./attempt.ts";
import type { SnapshotOptions, SnapshotResult } from "./options.ts";
import { chooseParent, type Parent, type Records } from "./parent.ts";
import { cameBackDifferent } from "./read-back.ts";

/**
 * Takes a snapshot: walk, judge, read what changed, store, commit. Throws what makes a snapshot impossible; entries that cannot be
 * read are in the record.
 */
export async function snapshot(
	repository: Repository,
	options: SnapshotOptions,
): Promise<SnapshotResult> {
	const subject = options.roots.map((root) => root.path).join(", ");
	return await toldAs(repository, { verb: "snapshot", subject }, () =>
		take(repository, options),
	);
}

async function take(
	repository: Repository,
	options: SnapshotOptions,
): Promise<SnapshotResult> {
	// What the producer of a stream meets before anyone waits for it is told later, not lost.
	options.stream?.done.catch(() => {});
	repository.objects.outdate();
	const host = options.host ?? repository.identity.host;
	const records = await listRecords(repository);
	const parent =
		options.force === true && options.parent === undefined
			? undefined
			: chooseParent(records, options, host);
	if (options.dryRun === true)
		return run(repository, options, {
			records,
			parent,
			host,
			stage: undefined,
		});
	await requireSpace(repository);
	const snapshots = parent === undefined ? [] : [parent.id];
	const sources = options.roots.map((root) => root.path);
	const { name } = options.stream ?? {};
	const words = ["snapshot", ...(name === undefined ? sources : [name])];
	const command = words.join(" ").slice(0, 1000);
	return withLease(
		repository,
		{ kind: "writer", snapshots, command },
		async (stage, lost) => {
			// First what is condemned, then what is there: a gc that begins later waits for this lease.
			const { backend, tools, objects } = repository;
			// A reader beside this may have listed before the lease was there.
			objects.outdate();
			const condemned = await listCondemned(backend, tools);
			const still = await listRecords(repository);
			const inherited =
				parent !== undefined &&
				still.has(parent.id) &&
				!condemned.snapshots.has(parent.id)
					? parent
					: undefined;
			const signal = either(lost, options.signal);
			return run(
				repository,
				{ ...options, signal },
				{
					records: still,
					parent: inherited,
					host,
					stage,
				},
			);
		},
	);
}

async function listRecords({ backend, index }: Repository): Promise<Records> {
	const listed = await backend.list("snapshots");
	return index.records(listed.map(({ name }) => name as SnapshotId));
}

/** Compressed sizes cannot be known beforehand, but a disk that has no room for one frame has none for a snapshot. */
async function requireSpace({ backend, config }: Repository): Promise<void> {
	const space = await backend.space();
	if (space !== undefined && space < config.frameBytes)
		throw new StorageError(
			"NO_SPACE",
			`the repository ${backend.location} has only ${space} bytes left`,
			{ space },
		);
}

interface Circumstances {
	readonly records: Records;
	readonly parent: Parent | undefined;
	readonly host: string;
	readonly stage: Stage | undefined;
}

/** What an attempt stored, and the parent it was compared with in the end. */
interface Stored {
	readonly work: SnapshotAttempt;
	readonly taken: Taken;
	readonly parent: Parent | undefined;
}

/** A parent whose objects are damaged or do not fit is done without: content is read and stored again, which also heals. */
async function store(
	repository: Repository,
	options: SnapshotOptions,
	circumstances: Circumstances & { readonly started: number },
): Promise<Stored> {
	const { stage, parent, started } = circumstances;
	trace(
		repository,
		parent === undefined
			? "no parent snapshot: everything is read"
			: `compared with the parent snapshot ${parent.id}`,
	);
	const work = new SnapshotAttempt(repository, {
		options,
		stage,
		parent,
		started,
	});
	try {
		return { work, taken: await work.store(), parent };
	} catch (error) {
		await work[Symbol.asyncDispose]();
		// A stream cannot be read again, and takes nothing from a parent.
		const isParents = parent !== undefined && options.stream === undefined;
		if (!(error instanceof CorruptError) || !isParents) throw error;
		// What this run stored itself is no fault of the parent.
		if (error.code === cameBackDifferent) throw error;
		const message = `the parent snapshot ${parent.id.slice(0, 8)} cannot be used (${error.message}); everything is read again`;
		repository.observer.on({ type: "warning", message });
	}
	return store(repository, options, { ...circumstances, parent: undefined });
}

async function run(
	repository: Repository,
	options: SnapshotOptions,
	circumstances: Circumstances,
): Promise<SnapshotResult> {
	const started = repository.clock.now();
	const { stage, records, host } = circumstances;
	const { taken, parent, ...stored } = await store(repository, options, {
		...circumstances,
		started,
	});
	await using work = stored.work;
	const { report } = taken;
	if (taken.roots.length === 0)
		throw new SourceError(
			"NOTHING_READ",
			`nothing could be read: ${report.unread.map((u) => `${u.path} (${u.reason})`).join(", ")}`,
		);
	const record: SnapshotRecord = {
		time: formatTime(
			options.time ?? started,
			repository.clock.offsetMinutes(options.time ?? started),
		),
		host,
		user: repository.identity.user,
		roots: taken.roots,
		links: taken.links,
		scan: taken.scan,
		parent: parent?.id,
		scope: options.scope,
		tags: [...new Set(options.tags ?? [])].sort(),
		pin: options.pin ?? false,
		note: options.note ?? "",
		program: repository.identity.program,
		statistics: {
			...report.tally,
			duration: Math.max(0, Math.round(repository.clock.now() - started)),
		},
		unread: [...(options.missing ?? []), ...report.unread],
		kept: report.kept,
		notKept: report.notKept,
		users: taken.users,
		groups: taken.groups,
		provenance: options.provenance ?? {},
		known: knownSnapshots(repository, records),
		features: [],
	};
	const facts = {
		record,
		vanished: report.vanishedCount,
		excluded: report.excludedCount,
	};
	if (
		options.skipIfUnchanged === true &&
		parent !== undefined &&
		sameRoots(parent.record.roots, taken.roots) &&
		(await stays(repository, parent, stage))
	)
		return { id: undefined, skipped: true, ...facts };
	if (stage === undefined) return { id: undefined, skipped: false, ...facts };
	trace(
		repository,
		`stored ${work.intake.packsStored} packs, ${work.intake.bytesStored} bytes`,
	);
	await work.intake.makeSure();
	// The same of who made the repository.
	if (records.size === 0) await repository.backend.settle(["config", "keys"]);
	options.signal?.throwIfAborted();
	const id = await commit(repository, stage, record);
	trace(repository, `the record ${id} is durable`);
	const { signal } = options;
	const packs = work.intake.treePacks;
	await copyCommitted(repository, stage, { id, packs, signal });
	await growReserve(repository, stage, records.size + 1);
	await remember(repository, {
		id,
		record,
		work,
		scanKey: taken.scanKey,
		lease: stage.lease,
	});
	return { id, skipped: false, ...facts };
}

/** True if a snapshot can stand for one that would be the same: nobody has forgotten it. With a stage that is durable too, whoever took it or brought it back. */
async function stays(
	repository: Repository,
	{ id }: Parent,
	stage: Stage | undefined,
): Promise<boolean> {
	const forgotten = await repository.backend.list("forgotten");
	if (forgotten.some(({ name }) => name === id)) return false;
	if (stage !== undefined)
		await repository.backend.settle(["snapshots", "forgotten"]);
	return true;
}

function trace({ observer }: Repository, message: string): void {
	observer.on({ type: "trace", message });
}

/** THE commit point: what the record reaches is durable, and from here on it stands. */
async function commit(
	{ tools, objects }: Repository,
	stage: Stage,
	record: SnapshotRecord,
): Promise<SnapshotId> {
	const bytes = encodeRecord(record);
	const id = tools.sha256Hex(bytes) as SnapshotId;
	await stage.putBytes("snapshots", id, bytes);
	objects.outdate();
	return id;
}

interface Remembered {
	readonly id: SnapshotId;
	readonly record: SnapshotRecord;
	readonly work: SnapshotAttempt;
	readonly scanKey: string;
	readonly lease: Stage["lease"];
}

/** The client's own copies. The snapshot stands; what fails here is only slower next time. */
async function remember(
	{ index, cache, observer }: Repository,
	{ id, record, work, scanKey, lease }: Remembered,
): Promise<void> {
	try {
		for (const segment of work.segments)
			await index.addSegment(segment.id, segment.bytes, lease);
		await index.addRecord(id, record);
		if (record.scan !== undefined && record.scan !== work.parentScan)
			await work.scanCopy.write(cache, scanKey, record.scan);
	} catch (error) {
		observer.on({
			type: "warning",
			message: `the snapshot is stored, but this machine's index is not up to date: ${String(error)}`,
		});
	}
}

function knownSnapshots(
	{ tools }: Repository,
	records: Records,
): SnapshotRecord["known"] {
	const ids = [...records.keys()].sort();
	return { count: ids.length, hash: tools.sha256Hex(utf8(ids.join("\n"))) };
}

function sameRoots(a: readonly Root[], b: readonly Root[]): boolean {
	const text = (roots: readonly Root[]) => canonicalJson(roots.map(rootFields));
	return text(a) === text(b);
}

import type { SnapshotId, SnapshotRecord } from "@varve/format";
import type { Listing } from "@varve/store";
import { createObjectReader } from "../objects.ts";
import { listAgain } from "../prepare-to-read.ts";
import { Progress } from "../progress.ts";
import { withReaderLease } from "../reader-lease.ts";
import type { Crew, Repository, Snapshot } from "../repository.ts";
import { Faults } from "./faults.ts";
import type { Fault, Finding } from "./finding.ts";
import { findingsOf } from "./findings.ts";
import { GraphCheck } from "./graph.ts";
import { PackPass } from "./pack-pass.ts";
import { PackQueue } from "./pack-queue.ts";
import { checkMarks, checkRecords } from "./small-files.ts";
import { choosePacks, type Subset } from "./subset.ts";
import { uncheckedBy } from "./unchecked.ts";

/**
 * "structure": everything but the content of packs. "data": that, and every byte of packs, every frame decoded, every chunk proved.
 * "scrub": the checksums of all files, without decoding anything and without following references.
 */
export type VerifyLevel = "structure" | "data" | "scrub";

export interface VerifyOptions {
	/** Follows references from these alone, and reads only packs that they need; undefined for all. */
	readonly snapshots?: readonly Snapshot[] | undefined;
	readonly level: VerifyLevel;
	/** Of the packs that "data" and "scrub" read. */
	readonly subset?: Subset | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface VerifyReport {
	readonly level: VerifyLevel;
	readonly findings: readonly Finding[];
	/** What is unusual, and no damage. */
	readonly notes: readonly string[];
	/** What this run did not look at. */
	readonly notChecked: readonly string[];
	readonly snapshots: number;
	/** In the repository, and read whole. */
	readonly packs: { readonly listed: number; readonly read: number };
	/** Directories and files that references were followed to, each version once. */
	readonly directories: number;
	readonly files: number;
	/** Frames decoded and chunks proved. */
	readonly frames: number;
	readonly chunks: number;
	/** Bytes of packs read, and of chunks proved. */
	readonly bytesRead: number;
	readonly bytesProved: number;
	/** Milliseconds. */
	readonly duration: number;
}

/** Proves that what is stored can be restored. Damage is in the report, never thrown; throws the reason of `signal`. */
export async function verify(
	repository: Repository,
	options: VerifyOptions,
): Promise<VerifyReport> {
	const { observer } = repository;
	observer.on({ type: "start", verb: "verify", subject: options.level });
	try {
		const snapshots = (options.snapshots ?? []).map(({ id }) => id);
		const report = await withReaderLease(
			repository,
			{ snapshots, command: `verify (${options.level})` },
			() => run(withFreshObjects(repository), options),
		);
		observer.on({ type: "stop", verb: "verify" });
		return report;
	} catch (error) {
		observer.on({ type: "error", verb: "verify", error });
		throw error;
	}
}

/** What was read and proved before proves nothing about what is stored now. */
function withFreshObjects(repository: Repository): Repository {
	const { backend, index, tools } = repository;
	return {
		...repository,
		objects: createObjectReader({ backend, index, tools }),
	};
}

/** What a run works with. */
interface Verification {
	readonly repository: Repository;
	readonly options: VerifyOptions;
	readonly listing: Listing;
	readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	readonly faults: Faults;
	readonly progress: Progress;
}

/** What it counts. */
interface Sums {
	readonly graph: GraphCheck | undefined;
	readonly pass: PackPass;
	readonly queue: PackQueue | undefined;
}

async function run(
	repository: Repository,
	options: VerifyOptions,
): Promise<VerifyReport> {
	const started = repository.clock.now();
	options.signal?.throwIfAborted();
	const faults = new Faults();
	const listing = await listAgain(repository);
	await checkMarks(repository, faults);
	const names =
		options.snapshots?.map(({ id }) => id as string) ??
		listing.snapshots.map(({ name }) => name);
	const records = await checkRecords(repository, names, faults);
	const progress = new Progress(repository.observer, "verify");
	const sums = await check({
		repository,
		options,
		listing,
		records,
		faults,
		progress,
	});
	const { graph, pass, queue } = sums;
	const packs = { listed: listing.packs.length, read: queue?.packs ?? 0 };
	return {
		level: options.level,
		findings: findingsOf(faults.all(), repository, records),
		notes: notesOf(pass, faults),
		notChecked: uncheckedBy({
			level: options.level,
			isPartial: options.snapshots !== undefined,
			packsListed: packs.listed,
			packsRead: packs.read,
		}),
		snapshots: records.size,
		packs,
		directories: graph?.directories ?? 0,
		files: graph?.files ?? 0,
		frames: queue?.frames ?? 0,
		chunks: queue?.chunks ?? 0,
		bytesRead: queue?.stored ?? 0,
		bytesProved: queue?.raw ?? 0,
		duration: repository.clock.now() - started,
	};
}

async function check(verification: Verification): Promise<Sums> {
	const { options, listing, records } = verification;
	const isNarrow = options.snapshots !== undefined && options.level === "data";
	const packs = isNarrow ? new Set<string>() : undefined;
	const graph =
		options.level === "scrub" ? undefined : graphOf(verification, packs);
	// Which packs some snapshots need is known only after their references.
	if (isNarrow) await graph?.check(records.values());
	const needed = listing.packs.filter(({ name }) => packs?.has(name) ?? true);
	const crew = await crewFor(verification, needed);
	try {
		const { pass, queue } = readingOf(verification, crew, needed);
		await together([
			pass.run().then(() => queue?.finish()),
			isNarrow ? undefined : graph?.check(records.values()),
		]);
		if (queue !== undefined) await settle(verification, queue);
		return { graph, pass, queue };
	} finally {
		await crew?.close();
	}
}

function graphOf(
	{ repository, options, faults, progress }: Verification,
	packs: Set<string> | undefined,
): GraphCheck {
	return new GraphCheck({
		repository,
		faults,
		signal: options.signal,
		onProgress: (_, files) => progress.add(files, 0, undefined),
		packs,
	});
}

/** Waits for all, and only then throws the first failure: nothing goes on behind the caller's back. */
async function together(
	works: readonly (Promise<void> | undefined)[],
): Promise<void> {
	const failed = (await Promise.allSettled(works)).find(
		(result) => result.status === "rejected",
	);
	if (failed !== undefined) throw failed.reason;
}

const cacheBytes = 24 * 1024 * 1024;
/** Threads are not worth their start for less than this, stored. */
const threadBytes = { data: 4 * 1024 * 1024, scrub: 512 * 1024 * 1024 };

async function crewFor(
	{ repository, options }: Verification,
	needed: Listing["packs"],
): Promise<Crew | undefined> {
	const { level, signal } = options;
	if (level === "structure") return undefined;
	const bytes = needed.reduce((sum, { size }) => sum + size, 0);
	const lookup =
		level === "data" ? repository.index.lookupDescriptor : undefined;
	return repository.startCrew({
		workers: bytes < threadBytes[level] ? 0 : repository.workers,
		signal,
		job: "verify",
		setup: { lookup, cacheBytes },
	});
}

function readingOf(
	{ repository, options, listing, faults, progress }: Verification,
	crew: Crew | undefined,
	needed: Listing["packs"],
): { pass: PackPass; queue: PackQueue | undefined } {
	const { level, subset, signal } = options;
	const random = () =>
		new DataView(repository.tools.random(4).slice().buffer).getUint32(0) /
		2 ** 32;
	const chosen = crew === undefined ? [] : choosePacks(needed, subset, random);
	const bytes = chosen.reduce((sum, { size }) => sum + size, 0);
	progress.begin(level, { files: undefined, bytes: bytes || undefined });
	const decodes = level === "data";
	const queue = crew && new PackQueue({ crew, faults, progress, decodes });
	const pass = new PackPass({
		repository,
		listing,
		faults,
		signal,
		queue,
		chosen: new Set(chosen.map(({ name }) => name)),
		directories: level !== "scrub",
	});
	return { pass, queue };
}

/** After all packs are read: what is good is remembered, and what a scrub found is looked at more closely. */
async function settle(
	verification: Verification,
	queue: PackQueue,
): Promise<void> {
	const { repository, options, faults } = verification;
	if (options.level === "data")
		await repository.index.setVerified(queue.good, repository.clock.now());
	else if (queue.bad.size > 0)
		for (const fault of await decodeBad(verification, queue.bad))
			faults.add(fault);
}

/** Which chunks a scrub's bad packs have lost: here, and only here, a scrub decodes. */
async function decodeBad(
	verification: Verification,
	bad: ReadonlySet<string>,
): Promise<readonly Fault[]> {
	const { repository, options, listing, progress } = verification;
	const faults = new Faults();
	const { signal } = options;
	const lookup = repository.index.lookupDescriptor;
	const crew = await repository.startCrew({
		workers: 0,
		signal,
		job: "verify",
		setup: { lookup, cacheBytes },
	});
	try {
		const queue = new PackQueue({ crew, faults, progress, decodes: true });
		await new PackPass({
			repository,
			listing,
			faults,
			signal,
			queue,
			chosen: bad,
			directories: true,
		}).run();
		await queue.finish();
	} finally {
		await crew.close();
	}
	return faults
		.all()
		.filter(({ code }) => code === "BAD_FRAME" || code === "BAD_CHUNK");
}

function notesOf(
	{ adopted, condemned }: PackPass,
	{ isCut }: Faults,
): string[] {
	return [
		...(adopted > 0
			? [
					`${adopted} packs are in no segment: a run was interrupted; the next snapshot uses what they hold`,
				]
			: []),
		...(condemned > 0
			? [`${condemned} packs are condemned: the next gc deletes them`]
			: []),
		...(isCut
			? ["more chunks are damaged than could be traced to their files"]
			: []),
	];
}

import type { SnapshotId, SnapshotRecord } from "@varve/format";
import type { RepositoryListing } from "../listing.ts";
import type { Progress } from "../progress.ts";
import type { Crew, Repository } from "../repository.ts";
import type { CopyCheck } from "./copy-check.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./finding.ts";
import { GraphCheck } from "./graph.ts";
import type { VerifyOptions } from "./options.ts";
import { PackPass } from "./pack-pass.ts";
import { PackQueue } from "./pack-queue.ts";
import { startReaders } from "./readers.ts";
import { choosePacks } from "./subset.ts";

/** What a run works with. */
export interface Verification {
	readonly repository: Repository;
	readonly options: VerifyOptions;
	/** Reads packs; undefined where none is read. */
	readonly crew: Crew | undefined;
	readonly listing: RepositoryListing;
	readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	readonly faults: Faults;
	readonly progress: Progress;
	/** undefined where copies are not looked at. */
	readonly copies: CopyCheck | undefined;
}

/** What it counts. */
export interface Sums {
	readonly graph: GraphCheck | undefined;
	readonly pass: PackPass;
	readonly queue: PackQueue | undefined;
}

/** Follows references and goes through the packs, at the same time where one does not need the other. */
export async function runPasses(verification: Verification): Promise<Sums> {
	const { options, listing, records } = verification;
	const isNarrow = options.snapshots !== undefined && options.level === "data";
	const packs = isNarrow ? new Set<string>() : undefined;
	const graph =
		options.level === "scrub" ? undefined : graphOf(verification, packs);
	// Which packs some snapshots need is known only after their references.
	if (isNarrow) await graph?.check(records.values());
	const needed = listing.packs.filter(({ name }) => packs?.has(name) ?? true);
	const { pass, queue } = readingOf(verification, needed);
	await together([
		pass.run().then(() => queue?.finish()),
		isNarrow ? undefined : graph?.check(records.values()),
	]);
	if (queue !== undefined) await settle(verification, queue);
	return { graph, pass, queue };
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

function readingOf(
	{
		repository,
		options,
		crew,
		listing,
		faults,
		progress,
		copies,
	}: Verification,
	needed: RepositoryListing["packs"],
): { pass: PackPass; queue: PackQueue | undefined } {
	const { level, subset, signal } = options;
	const random = () =>
		new DataView(repository.tools.random(4).slice().buffer).getUint32(0) /
		2 ** 32;
	const chosen = crew === undefined ? [] : choosePacks(needed, subset, random);
	const bytes = chosen.reduce((sum, { size }) => sum + size, 0);
	progress.begin(level, { files: undefined, bytes: bytes || undefined });
	const decodes = level === "data";
	const { index } = repository;
	const queue =
		crew && new PackQueue({ crew, index, faults, progress, decodes });
	const pass = new PackPass({
		repository,
		listing,
		faults,
		signal,
		queue,
		copies,
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
	const { repository, listing, progress } = verification;
	const faults = new Faults();
	const { signal } = verification.options;
	const crew = await startReaders(repository, 0, signal);
	try {
		const { index } = repository;
		const options = { crew, index, faults, progress, decodes: true };
		const queue = new PackQueue(options);
		await new PackPass({
			repository,
			listing,
			faults,
			signal,
			queue,
			copies: undefined,
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

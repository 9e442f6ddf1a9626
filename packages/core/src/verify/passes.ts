import type { SnapshotId, SnapshotRecord } from "@varve/format";
import type { ListedFile } from "@varve/store";
import type { RepositoryListing } from "../listing.ts";
import type { Progress } from "../progress.ts";
import type { Crew, Repository } from "../repository.ts";
import { readWithinBudget } from "./budget.ts";
import type { CopyCheck } from "./copy-check.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./finding.ts";
import { GraphCheck } from "./graph.ts";
import type { VerifyOptions } from "./options.ts";
import { PackPass } from "./pack-pass.ts";
import { PackQueue } from "./pack-queue.ts";
import type { Proofs } from "./proofs.ts";
import { startReaders } from "./readers.ts";
import { Simulation } from "./simulate.ts";
import { type Choice, choosePacks, oldestFirst } from "./subset.ts";

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
	/** What is known of when packs were read; undefined where that is not asked. */
	readonly proofs: Proofs | undefined;
	/** When the run began, by Timer.uptime. */
	readonly started: number;
	/** undefined where copies are not looked at. */
	readonly copies: CopyCheck | undefined;
}

/** What it counts. */
export interface Sums {
	readonly graph: GraphCheck | undefined;
	readonly pass: PackPass;
	readonly queue: PackQueue | undefined;
	readonly simulation: Simulation | undefined;
}

/** Follows references and goes through the packs, at the same time where one does not need the other. */
export async function runPasses(verification: Verification): Promise<Sums> {
	const { options, listing, records, proofs } = verification;
	const isNarrow = options.snapshots !== undefined && options.level === "data";
	const packs = isNarrow ? new Set<string>() : undefined;
	const graph =
		options.level === "scrub" ? undefined : graphOf(verification, packs);
	// Which packs some snapshots need is known only after their references.
	if (isNarrow) await graph?.check(records.values());
	const needed = listing.packs.filter(({ name }) => packs?.has(name) ?? true);
	const { pass, queue, chosen } = readingOf(verification, needed);
	try {
		await together([
			readPacks(verification, { pass, queue, chosen }),
			isNarrow ? undefined : graph?.check(records.values()),
		]);
	} finally {
		// Also of a run that is interrupted.
		await proofs?.keep();
	}
	if (queue !== undefined && options.level === "scrub")
		await settleScrub(verification, queue);
	const simulation = simulationOf(verification);
	await simulation?.run(records.values());
	return { graph, pass, queue, simulation };
}

interface Reading {
	readonly pass: PackPass;
	readonly queue: PackQueue | undefined;
	readonly chosen: readonly ListedFile[];
}

/** With a budget everything but content comes first, whatever time it takes, and then packs in the order of their age. */
async function readPacks(
	{ repository, options, started, proofs, copies }: Verification,
	{ pass, queue, chosen }: Reading,
): Promise<void> {
	await pass.run();
	const { budget, signal } = options;
	if (queue !== undefined && budget !== undefined)
		await readWithinBudget({
			repository,
			queue,
			copies,
			packs: oldestFirst(chosen, choiceOf(repository, proofs)),
			isUsedUp: () => repository.timer.uptime() - started >= budget,
			signal,
		});
	await queue?.finish();
}

function choiceOf({ tools }: Repository, proofs: Proofs | undefined): Choice {
	return {
		random: () =>
			new DataView(tools.random(4).slice().buffer).getUint32(0) / 2 ** 32,
		timeOf: (pack) => proofs?.timeOf(pack) ?? 0,
	};
}

function simulationOf({
	repository,
	options,
	crew,
	faults,
	progress,
}: Verification): Simulation | undefined {
	const { level, signal } = options;
	if (crew === undefined || level !== "restore-sim") return undefined;
	return new Simulation({ repository, crew, faults, progress, signal });
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
	verification: Verification,
	needed: RepositoryListing["packs"],
): Reading {
	const { repository, options, listing, faults, progress } = verification;
	const { level, subset, budget, signal } = options;
	const { crew, copies, proofs } = verification;
	const reads = crew !== undefined && level !== "restore-sim";
	const choice = choiceOf(repository, proofs);
	const chosen = reads ? choosePacks(needed, subset, choice) : [];
	const bytes = chosen.reduce((sum, { size }) => sum + size, 0);
	const known = budget === undefined ? bytes || undefined : undefined;
	progress.begin(level, { files: undefined, bytes: known });
	const queue = reads
		? new PackQueue({
				...{ crew, index: repository.index, faults, progress },
				decodes: level === "data",
				onRead: (pack, isGood) => proofs?.take(pack, isGood),
			})
		: undefined;
	const isOrdered = budget !== undefined;
	const pass = new PackPass({
		...{ repository, listing, faults, signal, copies },
		queue: isOrdered ? undefined : queue,
		chosen: new Set(isOrdered ? [] : chosen.map(({ name }) => name)),
		directories: level !== "scrub",
	});
	return { pass, queue, chosen };
}

/** What a scrub found is looked at more closely after all packs are read. */
async function settleScrub(
	verification: Verification,
	queue: PackQueue,
): Promise<void> {
	if (queue.bad.size === 0) return;
	for (const fault of await decodeBad(verification, queue.bad))
		verification.faults.add(fault);
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
		const queue = new PackQueue({
			...{ crew, index, faults, progress, decodes: true },
			onRead: () => {},
		});
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

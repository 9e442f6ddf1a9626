import type { SnapshotRecord, Statistics } from "@varve/format";
import { type AccountMaps, lookUpNumbers, sameAccounts } from "../accounts.ts";
import { either } from "../lease.ts";
import { prepareToRead } from "../prepare-to-read.ts";
import { Progress } from "../progress.ts";
import { readAgain } from "../query/rereading.ts";
import { withReaderLease } from "../reader-lease.ts";
import type { Crew, Repository, Snapshot } from "../repository.ts";
import { toldAs } from "../told-as.ts";
import { countEntries } from "./dry-run.ts";
import { withAcls } from "./inherited-acl.ts";
import { LargeFiles } from "./large-files.ts";
import { HardLinks } from "./links.ts";
import { type Location, locate } from "./locate.ts";
import { Owners } from "./owners.ts";
import { readBack } from "./read-back.ts";
import { RestoreLog, type RestoreReport } from "./report.ts";
import { repositoryOf, requireNoRepository } from "./repository-marks.ts";
import { RestoreRun } from "./restore-run.ts";
import { createSelection } from "./selection.ts";
import { needOf, requireSpace } from "./space.ts";
import {
	type CheckedTarget,
	checkTarget,
	enterTarget,
	ownerRulesOf,
} from "./target.ts";
import { loadTargetCalls, type TargetCalls } from "./target-calls.ts";
import {
	closeTarget,
	pathOf,
	type TargetRoot,
	TargetTree,
} from "./target-tree.ts";
import type { RestoreSetup } from "./tasks.ts";
import { TreeMaker } from "./tree-maker.ts";
import { unreadNotes } from "./unread-notes.ts";
import { type Entry, type NodeEntry, walkLocation } from "./walk.ts";

export interface RestoreOptions {
	readonly snapshot: Snapshot;
	/** Restores what is in this directory of the snapshot, or this one entry, directly into the target. Else paths stay whole. */
	readonly subpath?: string | undefined;
	/** A directory that is new or empty. */
	readonly target: string;
	/** Patterns as of a snapshot's excludes: only entries that match one, and all that is below them. */
	readonly include?: readonly string[] | undefined;
	readonly exclude?: readonly string[] | undefined;
	/** Gives files to the numbers of their users and groups, and not to who has their names here. */
	readonly numericIds?: boolean | undefined;
	/** Reads every restored file back and compares it. */
	readonly verify?: boolean | undefined;
	/** Writes nothing, and says what would be restored. */
	readonly dryRun?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Restores a snapshot, or a part of one. Entries that cannot be restored, or not faithfully, are in the report, and so is damage:
 * everything else is restored. Throws a TargetError ("TARGET_NOT_EMPTY", "TARGET_NOT_DIRECTORY", "TARGET_FAILED", "NO_SPACE"), a
 * NotFoundError "NO_SUCH_PATH", an InputError "BAD_PATH", "BAD_PATTERN" or "TARGET_IN_REPOSITORY", and the reason of `signal`.
 */
export async function restore(
	repository: Repository,
	options: RestoreOptions,
): Promise<RestoreReport> {
	const { id } = options.snapshot;
	const lease = { snapshots: [id], command: "restore" };
	return await toldAs(repository, { verb: "restore", subject: id }, () =>
		withReaderLease(repository, lease, (lost) =>
			run(repository, { ...options, signal: either(lost, options.signal) }),
		),
	);
}

/** What is restored, found out before anything is written. */
interface Restoration {
	readonly repository: Repository;
	readonly options: RestoreOptions;
	readonly location: Location;
	readonly log: RestoreLog;
	/** Walks anew each time. */
	readonly entries: () => Iterable<Entry>;
	readonly newLinks: () => HardLinks;
	readonly pathInRoot: (root: number, suffix: string) => string;
}

async function run(
	repository: Repository,
	options: RestoreOptions,
): Promise<RestoreReport> {
	const started = repository.clock.now();
	options.signal?.throwIfAborted();
	const target = checkTarget(options.target);
	requireNoRepository([target.path], repositoryOf(repository));
	const { log, verified } =
		options.dryRun === true
			? await count(repository, options)
			: await carryOut(repository, options, target);
	const { directories, files, symlinks, hardLinks, others, bytes } = log;
	return {
		snapshot: options.snapshot.id,
		target: target.path,
		dryRun: options.dryRun ?? false,
		directories,
		files,
		symlinks,
		hardLinks,
		others,
		bytes,
		verified,
		problems: log.problems,
		notRestored: log.notRestored,
		notes: log.notes,
		duration: repository.clock.now() - started,
	};
}

type Outcome = {
	readonly log: RestoreLog;
	readonly verified: RestoreReport["verified"];
};

async function count(
	repository: Repository,
	options: RestoreOptions,
): Promise<Outcome> {
	const restoration = await prepare(repository, options);
	const { log, entries } = restoration;
	const links = restoration.newLinks();
	countEntries(entries(), log, linkTest(links, restoration));
	return { log, verified: undefined };
}

async function prepare(
	repository: Repository,
	options: RestoreOptions,
): Promise<Restoration> {
	const { snapshot, subpath, include, exclude } = options;
	const { record } = snapshot;
	const selection = createSelection({
		include: include ?? [],
		exclude: exclude ?? [],
	});
	const { objects } = repository;
	const location = await readAgain(repository, async () => {
		await prepareToRead(repository, [snapshot.id]);
		return locate(objects, record, subpath);
	});
	const log = new RestoreLog(location.prefix, repository.observer);
	for (const note of unreadNotes(record, { location, selection }))
		log.note(note);
	return {
		repository,
		options,
		location,
		log,
		entries: () => walkLocation({ objects, location, selection }),
		newLinks: () => {
			const { links, damage } = HardLinks.read(objects, record);
			if (damage !== undefined)
				log.note(
					`hard links are restored as separate files: their table is damaged (${damage.message})`,
				);
			return links;
		},
		pathInRoot: (root, suffix) =>
			pathInRoot(record, root, location.prefix + suffix),
	};
}

function pathInRoot(
	{ roots }: Pick<SnapshotRecord, "roots">,
	root: number,
	path: string,
): string {
	const rootPath = roots[root]?.path ?? "/";
	return path.slice(rootPath === "/" ? 1 : rootPath.length + 1);
}

function linkTest(links: HardLinks, { pathInRoot }: Restoration) {
	return ({ root, suffix, node }: NodeEntry) =>
		links.takes(root, pathInRoot(root, suffix), { suffix, node });
}

async function carryOut(
	repository: Repository,
	options: RestoreOptions,
	target: CheckedTarget,
): Promise<Outcome> {
	const setup: RestoreSetup = { cacheBytes: workerCacheBytes };
	// Threads take some time to start, which is used to find out what there is to do.
	const crew = await repository.startCrew({
		workers: workersFor(repository, options.snapshot.record.statistics),
		job: "restore",
		setup,
	});
	try {
		const restoration = await prepare(repository, options);
		const root = enterTarget(target);
		try {
			requireSpace(
				target.path,
				options.snapshot.record.statistics,
				(blockBytes) =>
					needOf(restoration.entries(), {
						objects: repository.objects,
						blockBytes,
						isLinked: linkTest(restoration.newLinks(), restoration),
					}),
			);
			const verified = await write(restoration, crew, root);
			return { log: restoration.log, verified };
		} finally {
			// Threads that still write into it end first.
			await crew.close();
			closeTarget(root);
		}
	} finally {
		await crew.close();
	}
}

/** Threads are not worth their start for a few files. */
function workersFor(
	{ workers }: Repository,
	{ files, bytes }: Statistics,
): number {
	return files < 256 && bytes < 8 * 1024 * 1024 ? 0 : workers;
}

const workerCacheBytes = 24 * 1024 * 1024;

async function write(
	restoration: Restoration,
	crew: Crew,
	root: TargetRoot,
): Promise<RestoreReport["verified"]> {
	const { log } = restoration;
	const calls = callsOf(log);
	if (root.descriptor === -1) log.note(withoutDescriptors);
	const tree = new TargetTree(withAcls(root, calls), { openAt: calls.openAt });
	try {
		return await writeInto(restoration, crew, { tree, calls });
	} finally {
		tree.close();
	}
}

const withoutDescriptors =
	"there is no /proc here: directories that others swap for links in the target meanwhile are followed, and paths longer than the system takes cannot be restored";

async function writeInto(
	restoration: Restoration,
	crew: Crew,
	{ tree, calls }: { readonly tree: TargetTree; readonly calls: TargetCalls },
): Promise<RestoreReport["verified"]> {
	const { repository, options, log, location } = restoration;
	const progress = new Progress(repository.observer, "restore");
	progress.begin("restore", totalsOf(restoration));
	const accounts = await accountsFor(options);
	const rules = ownerRulesOf(pathOf(tree.root), accounts);
	const owners = new Owners(rules);
	const maker = new TreeMaker({ tree, owners, calls, log, isNew: true });
	const large = new LargeFiles({ tree, owners, calls, log });
	for (const { path } of location.found)
		maker.prepareAbove(path.slice(location.prefix.length));
	const run = new RestoreRun({
		repository,
		crew,
		tree,
		owners: rules,
		log,
		progress,
		maker,
		large,
		links: restoration.newLinks(),
		signal: options.signal,
		pathInRoot: restoration.pathInRoot,
	});
	try {
		await run.make(restoration.entries, () => {
			repository.objects.outdate();
			return prepareToRead(repository, [options.snapshot.id]);
		});
	} catch (error) {
		await crew.close();
		large.abandon();
		throw error;
	}
	maker.finish();
	return options.verify === true
		? verifyFiles(restoration, crew, { progress, tree })
		: undefined;
}

function accountsFor({
	numericIds,
	snapshot,
}: RestoreOptions): Promise<AccountMaps> | AccountMaps {
	return numericIds === true ? sameAccounts : lookUpNumbers(snapshot.record);
}

function callsOf(log: RestoreLog): TargetCalls {
	const calls = loadTargetCalls();
	if (!calls.exact)
		log.note(
			"times are restored to the microsecond only: koffi cannot be loaded here",
		);
	return calls;
}

function verifyFiles(
	{ repository, options, log, entries }: Restoration,
	crew: Crew,
	{
		progress,
		tree,
	}: { readonly progress: Progress; readonly tree: TargetTree },
): Promise<{ files: number; bytes: number }> {
	progress.begin("verify", { files: log.files, bytes: log.bytes });
	const { objects } = repository;
	const { signal } = options;
	// All has its own owner by now.
	const target = { ...tree.root, owner: undefined };
	const given = { objects, target, crew, log, progress, signal };
	return readBack(entries(), given);
}

/** Known beforehand only for a whole snapshot. */
function totalsOf({ options }: Restoration) {
	const { subpath, include, exclude, snapshot } = options;
	const isWhole =
		subpath === undefined &&
		(include ?? []).length === 0 &&
		(exclude ?? []).length === 0;
	const { files, bytes } = snapshot.record.statistics;
	return isWhole ? { files, bytes } : { files: undefined, bytes: undefined };
}

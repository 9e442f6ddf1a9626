import { NodeKind, type SnapshotRecord, type Statistics } from "@varve/format";
import { isDamage } from "../../damage.ts";
import type { Observer } from "../../events.ts";
import { prepareToRead } from "../../prepare-to-read.ts";
import { Progress } from "../../progress.ts";
import type { Repository, Snapshot } from "../../repository.ts";
import { codeOf } from "../../system.ts";
import { withAcls } from "../inherited-acl.ts";
import { LargeFiles } from "../large-files.ts";
import { HardLinks } from "../links.ts";
import { Owners } from "../owners.ts";
import { RestoreLog } from "../report.ts";
import { RestoreRun } from "../restore-run.ts";
import type { Selection } from "../selection.ts";
import type { TargetCalls } from "../target-calls.ts";
import { sayingOf, TargetTree } from "../target-tree.ts";
import type { OwnerRules } from "../tasks.ts";
import { TreeMaker } from "../tree-maker.ts";
import type { Entry } from "../walk.ts";
import { isMade, type Task } from "./build-steps.ts";
import type { Changes } from "./changes.ts";
import type { JournalFolder } from "./journal-folder.ts";
import { madeEntries } from "./made-entries.ts";
import { type StagedParts, stageParts } from "./stage-parts.ts";

export interface StageOptions {
	readonly repository: Repository;
	readonly snapshot: Snapshot;
	readonly selection: Selection;
	readonly rules: OwnerRules;
	readonly calls: TargetCalls;
	readonly changes: Changes;
	readonly log: StageLog;
	readonly signal: AbortSignal | undefined;
	/** See StagePartsOptions. */
	readonly minPatched?: number | undefined;
}

/** Of what is made in slots: each entry has the path it is made for. */
export class StageLog extends RestoreLog {
	/** Suffixes of what became a further name of a file. */
	readonly linked = new Set<string>();
	/** Bytes written of files of which only parts were, by suffix. */
	readonly partly = new Map<string, number>();
	readonly #pathOfSlot: (slot: number) => string;

	constructor(observer: Observer, pathOfSlot: (slot: number) => string) {
		super("", observer);
		this.#pathOfSlot = pathOfSlot;
	}

	override pathOf(suffix: string): string {
		const { slot, rest } = partSuffix(suffix);
		return (this.#pathOfSlot(slot) + rest).replace(/^\/+(?=\/)/, "") || "/";
	}
}

/** Of "/17/a/b": 17 and "/a/b". */
export function partSuffix(suffix: string): { slot: number; rest: string } {
	const end = suffix.indexOf("/", 1);
	const at = end === -1 ? suffix.length : end;
	return { slot: Number(suffix.slice(1, at)), rest: suffix.slice(at) };
}

/** Threads are not worth their start for a few files. */
const worthThreads = 256;
const cacheBytes = 24 * 1024 * 1024;

/**
 * Makes all that is new in the slots of one home, as a restore into an empty directory would. Nothing else is touched. What cannot be
 * made is in the log. Returns the tasks as they are to be carried out.
 */
export async function stageItems(
	tasks: readonly Task[],
	folder: JournalFolder,
	options: StageOptions,
): Promise<readonly Task[]> {
	const staged: Task[] = [];
	const inFull: Task[] = [];
	for (const task of tasks) {
		const partly = await stagePartly(task, folder, options);
		if (partly === undefined && isMade(task.method)) inFull.push(task);
		staged.push(partly ?? task);
	}
	if (inFull.length > 0) await makeInFull(inFull, folder, options);
	return staged;
}

async function stagePartly(
	task: Task,
	folder: JournalFolder,
	options: StageOptions,
): Promise<Task | undefined> {
	const { item, method, slot } = task;
	if (method !== "swap" || item.parts === undefined) return undefined;
	if (item.wanted?.node.kind !== NodeKind.file) return undefined;
	const { repository, log, rules } = options;
	const path = `${folder.slots.self}/${slot.number}`;
	try {
		const owners = new Owners(rules);
		const { objects } = repository;
		const lose = (what: string) => log.lose(what);
		const given = { ...options, objects, owners, lose };
		const staged = await stageParts(item, path, given);
		if (staged === undefined) return undefined;
		log.files++;
		log.bytes += staged.bytes;
		log.partly.set(`/${slot.number}`, staged.bytes);
		log.restored(`/${slot.number}`, staged.bytes);
		return { ...task, ...staged, patch: patchOf(staged) };
	} catch (error) {
		// Written in full, it meets the same again and says so.
		if (!isDamage(error) && codeOf(error) === undefined) throw error;
		options.repository.observer.on({
			type: "trace",
			message: `${item.path} is written in full: ${sayingOf(error as Error)}`,
		});
		return undefined;
	}
}

function patchOf(staged: StagedParts) {
	return staged.method === "patch" ? staged.patch : undefined;
}

async function makeInFull(
	tasks: readonly Task[],
	folder: JournalFolder,
	options: StageOptions,
): Promise<void> {
	const { repository, snapshot, calls, signal } = options;
	const { slots } = folder;
	const path = `${folder.path}/slots`;
	const root = withAcls({ path, descriptor: slots.descriptor }, calls);
	const crew = await repository.startCrew({
		workers:
			tasks.length < worthThreads && !isMuch(tasks, snapshot.record.statistics)
				? 0
				: repository.workers,
		job: "restore",
		setup: { cacheBytes },
		signal,
	});
	const tree = new TargetTree(root, { openAt: calls.openAt });
	try {
		await makeWith(tasks, { ...options, tree, crew });
	} finally {
		tree.close();
		await crew.close();
	}
}

/** A directory that is made as a whole may hold all of the snapshot. */
function isMuch(tasks: readonly Task[], { files }: Statistics): boolean {
	return (
		files >= worthThreads &&
		tasks.some(({ item }) => item.wanted?.node.kind === NodeKind.directory)
	);
}

interface MakeOptions extends StageOptions {
	readonly tree: TargetTree;
	readonly crew: Awaited<ReturnType<Repository["startCrew"]>>;
}

async function makeWith(
	tasks: readonly Task[],
	options: MakeOptions,
): Promise<void> {
	const { repository, snapshot, rules, calls, log, tree, crew } = options;
	const progress = new Progress(repository.observer, "restore");
	progress.begin("restore", { files: undefined, bytes: undefined });
	const owners = new Owners(rules);
	const maker = new TreeMaker({ tree, owners, calls, log, isNew: true });
	const large = new LargeFiles({ tree, owners, calls, log });
	for (const { item, slot } of tasks)
		for (const { rest } of item.pieces ?? [])
			maker.prepareAbove(`/${slot.number}${rest}`);
	const { links, damage } = HardLinks.read(repository.objects, snapshot.record);
	if (damage !== undefined)
		log.note(
			`hard links are restored as separate files: their table is damaged (${damage.message})`,
		);
	const paths = pathsOf(tasks, snapshot.record);
	const run = new RestoreRun({
		...{ repository, crew, tree, owners: rules, log, progress },
		...{ maker, large, links, signal: options.signal, pathInRoot: paths },
	});
	try {
		await run.make(
			() => stagedEntries(tasks, options),
			() => {
				repository.objects.outdate();
				return prepareToRead(repository, [snapshot.id]);
			},
		);
	} catch (error) {
		await crew.close();
		large.abandon();
		throw error;
	}
	maker.finish();
	for (const { suffix } of links.pending) log.linked.add(suffix);
}

function* stagedEntries(
	tasks: readonly Task[],
	{ repository: { objects }, selection }: StageOptions,
): Generator<Entry> {
	for (const { item, slot } of tasks)
		for (const entry of madeEntries(item, { objects, selection }))
			yield { ...entry, suffix: `/${slot.number}${entry.suffix}` };
}

/** The path below its root of what is made in a slot. */
function pathsOf(
	tasks: readonly Task[],
	{ roots }: SnapshotRecord,
): (root: number, suffix: string) => string {
	const wanted = new Map(tasks.map(({ item, slot }) => [slot.number, item]));
	return (root, suffix) => {
		const { slot, rest } = partSuffix(suffix);
		const item = wanted.get(slot);
		const piece = item?.pieces?.find(
			(p) => p.wanted.root === root && `${rest}/`.startsWith(`${p.rest}/`),
		);
		const path =
			piece === undefined
				? `${item?.wanted?.path ?? ""}${rest}`
				: piece.wanted.path + rest.slice(piece.rest.length);
		const source = roots[root]?.path ?? "/";
		return path.slice(source === "/" ? 1 : source.length + 1);
	};
}

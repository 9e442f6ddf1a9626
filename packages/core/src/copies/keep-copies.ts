import {
	CorruptError,
	decodeConfig,
	FrameKind,
	isVarveError,
	type SegmentPack,
} from "@varve/format";
import type { ListedFile, OpenSegments, Stage } from "@varve/store";
import { type Condemned, listCondemned } from "../listing.ts";
import type { Repository } from "../repository.ts";
import {
	copyKind,
	type FileToCopy,
	namesOf,
	writePackAgain,
	writeRecordAgain,
} from "./copy-files.ts";
import { lostOriginals } from "./lost-originals.ts";

/** What has no copy yet, of what should have one. */
export interface MissingCopies {
	/** Packs with trees. */
	readonly packs: readonly FileToCopy[];
	readonly snapshots: readonly string[];
	readonly config: boolean;
}

const packsAtOnce = 4;

interface CopiesToMake {
	readonly missing: MissingCopies;
	readonly signal?: AbortSignal | undefined;
}

export function areKept({ config }: Pick<Repository, "config">): boolean {
	return config.copies !== false;
}

/**
 * After a commit: copies of the packs with trees that the snapshot refers to and that have none, then one of its record. So a record that
 * has a copy reaches only trees that have one, and a record without tells that somebody was interrupted: then all that is missing is
 * made. The lease of the stage must be older than the call: who condemns anything after the listing here waits for it, and what was
 * condemned before gets no copy. A failure is a warning: the snapshot stands.
 */
export async function copyCommitted(
	repository: Repository,
	stage: Stage,
	{ id, packs, signal }: Committed,
): Promise<void> {
	if (!areKept(repository)) return;
	await surviving(repository, async () => {
		const { backend } = repository;
		const condemned = await listCondemned(repository.backend, repository.tools);
		const copied = namesOf(await backend.list("copies/snapshots"));
		const records = namesOf(await backend.list("snapshots"));
		const isBehind = [...records].some(
			(name) =>
				name !== id && !copied.has(name) && !condemned.snapshots.has(name),
		);
		if (isBehind) {
			const missing = await findMissing(repository, { condemned, signal });
			return await copyLeft(repository, stage, { missing, signal });
		}
		const there = namesOf(await backend.list("copies/packs"));
		await makeCopies(repository, stage, {
			missing: {
				packs: packs.filter(({ name }) => !there.has(name)),
				snapshots: [id],
				config: false,
			},
			signal,
		});
	});
}

interface Committed {
	readonly id: string;
	/** With trees, that its record reaches beside those of its parent. */
	readonly packs: readonly FileToCopy[];
	readonly signal: AbortSignal | undefined;
}

/** Copies of new packs, as gc makes them. A failure is a warning. */
export async function copyTreePacks(
	repository: Repository,
	stage: Stage,
	written: readonly Pick<SegmentPack, "id" | "size" | "kind">[],
): Promise<void> {
	if (!areKept(repository)) return;
	const packs = written
		.filter(({ kind }) => kind === FrameKind.meta)
		.map(({ id, size }) => ({ name: id, size }));
	const missing = { packs, snapshots: [], config: false };
	await surviving(repository, () => makeCopies(repository, stage, { missing }));
}

/**
 * After a gc has found all that snapshots need in packs that are listed: copies of packs that are gone and that nobody needed are removed,
 * and what is missing is made.
 */
export async function settleCopies(
	repository: Repository,
	stage: Stage,
	signal: AbortSignal | undefined,
): Promise<void> {
	const { backend } = repository;
	for (const { name } of await lostOriginals(backend, "packs"))
		await backend.remove(stage, "copies/packs", name);
	await completeCopies(repository, stage, signal);
}

/** Makes what is missing of all, under a lease. A failure is a warning. */
export async function completeCopies(
	repository: Repository,
	stage: Stage,
	signal?: AbortSignal,
): Promise<void> {
	await surviving(repository, () => makeAll(repository, stage, signal));
}

/** The same. Throws what fails. */
export async function makeAll(
	repository: Repository,
	stage: Stage,
	signal?: AbortSignal,
): Promise<void> {
	if (!areKept(repository)) return;
	const condemned = await listCondemned(repository.backend, repository.tools);
	const missing = await findMissing(repository, { condemned, signal });
	await copyLeft(repository, stage, { missing, signal });
}

/** Of what others have left, who may have been killed before it was durable: a copy alone would mean a lost original. */
async function copyLeft(
	repository: Repository,
	stage: Stage,
	{ missing, signal }: CopiesToMake,
): Promise<void> {
	const { backend } = repository;
	const { packs, snapshots, config } = missing;
	await backend.settlePacks(packs.map(({ name }) => name));
	if (snapshots.length > 0) await backend.settle(["snapshots"]);
	if (config) await backend.settle(["config"]);
	await makeCopies(repository, stage, { missing, signal });
}

/** All that has no copy. Reads segments only if a listing shows that packs may be among it. */
export async function findMissing(
	repository: Repository,
	{
		condemned,
		signal,
	}: { condemned: Condemned; signal?: AbortSignal | undefined },
): Promise<MissingCopies> {
	const { backend } = repository;
	const copiedRecords = namesOf(await backend.list("copies/snapshots"));
	const snapshots = [...namesOf(await backend.list("snapshots"))].filter(
		(name) => !copiedRecords.has(name) && !condemned.snapshots.has(name),
	);
	const copiedPacks = namesOf(await backend.list("copies/packs"));
	const listing = {
		segments: await backend.list("segments"),
		packs: await backend.list("packs"),
	};
	const segments = await repository.openSegments(listing, signal);
	try {
		const packs = treePacks(listing.packs, segments).filter(
			({ name }) => !copiedPacks.has(name) && !condemned.packs.has(name),
		);
		const config =
			(await backend.size("copies/config", "config")) === undefined;
		return { packs, snapshots, config };
	} finally {
		segments.close();
	}
}

/** Listed packs that hold trees, of the size they were written with. */
export function treePacks(
	listed: readonly ListedFile[],
	{ segments, adopted }: Pick<OpenSegments, "segments" | "adopted">,
): ListedFile[] {
	const sizes = new Map<string, number>();
	for (const { packs } of [...segments, { packs: adopted }])
		for (const { id, size, kind } of packs)
			if (kind === FrameKind.meta) sizes.set(id, size);
	return listed.filter(({ name, size }) => sizes.get(name) === size);
}

/**
 * Packs first, then records, then `config`; each durable. Ends early, with no error, if `signal` aborts. What is damaged gets no copy; what is
 * wrong with the first of it is thrown when all others have theirs.
 */
export async function makeCopies(
	repository: Repository,
	stage: Stage,
	{ missing: { packs, snapshots, config }, signal }: CopiesToMake,
): Promise<void> {
	let damage: CorruptError | undefined;
	const pastDamage =
		<T>(work: (item: T) => Promise<void>) =>
		async (item: T) => {
			try {
				await work(item);
			} catch (error) {
				if (!(error instanceof CorruptError)) throw error;
				damage ??= error;
			}
		};
	const pack = (file: FileToCopy) =>
		writePackAgain(repository, stage, {
			...file,
			from: "packs",
			to: copyKind("packs"),
		});
	const record = (name: string) =>
		writeRecordAgain(repository, stage, {
			name,
			from: "snapshots",
			to: copyKind("snapshots"),
		});
	await inLanes(packs, signal, pastDamage(pack));
	await inLanes(snapshots, signal, pastDamage(record));
	if (config && signal?.aborted !== true)
		await pastDamage(writeConfigAgain)({ repository, stage });
	if (damage !== undefined) throw damage;
}

async function writeConfigAgain({
	repository: { backend, tools },
	stage,
}: {
	repository: Repository;
	stage: Stage;
}): Promise<void> {
	const bytes = await backend.read("config", "config");
	decodeConfig(bytes, (b) => tools.sha256Hex(b));
	await stage.putBytes(copyKind("config"), "config", bytes);
}

/** Several at once, so that they share the syncs of a folder. */
async function inLanes<T>(
	items: readonly T[],
	signal: AbortSignal | undefined,
	work: (item: T) => Promise<void>,
): Promise<void> {
	const waiting = items.values();
	const lane = async () => {
		for (const item of waiting) {
			if (signal?.aborted === true) return;
			await work(item);
		}
	};
	const lanes = Array.from({ length: packsAtOnce }, lane);
	const failed = (await Promise.allSettled(lanes)).find(
		(result) => result.status === "rejected",
	);
	if (failed !== undefined) throw failed.reason;
}

async function surviving(
	{ observer }: Repository,
	work: () => Promise<void>,
): Promise<void> {
	try {
		await work();
	} catch (error) {
		if (!isVarveError(error)) throw error;
		observer.on({
			type: "warning",
			message: `second copies could not be made, the next snapshot or gc makes them: ${error.message}`,
		});
	}
}

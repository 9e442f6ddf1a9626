import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type Clock,
	initRepository,
	listSnapshots,
	openRepository,
	type Repository,
	restore,
	type SnapshotOptions,
	type SnapshotResult,
	snapshot,
	verify,
} from "@varve/core";
import { wholeScope } from "@varve/format";
import {
	createLocalBackend,
	openLocalBackend,
	type RemoveBackend,
} from "@varve/store";
import {
	type Fault,
	type FaultyBackend,
	faultyBackend,
	makeTree,
} from "@varve/testkit";
import { afterAll } from "vitest";
import { MemoryDisk } from "./memory-disk.ts";
import { type FsCall, type FsPlan, plannedFs } from "./planned-fs.ts";
import { accountOf, differences } from "./tree-account.mjs";

/** Where the repository lies on the disk in memory. */
export const location = "/disk/repository";

/** A clock that is far ahead of every file's times, so that nothing is too young to be trusted. */
const lateClock: Clock = {
	now: () => Date.now() + 3_600_000,
	offsetMinutes: () => 0,
};

/** A process that is not there: its leases are dead for certain. */
const gone = { pid: 2 ** 22 + 1, startTicks: "1" };

const smallParameters = {
	chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
	frameBytes: 4096,
	packBytes: 8192,
} as const;

/** One of so many faults, deaths and losses is tried; VARVE_FAULTS=1 tries all. */
export const share = Number(process.env["VARVE_FAULTS"] ?? 0);

/** Makes a repository with packs of a few KiB; all that this does to the disk goes by `plan`. */
export async function initOn(
	disk: MemoryDisk,
	plan?: FsPlan,
	more: { readonly copies?: false } = {},
): Promise<void> {
	const fs = plan ? plannedFs(disk.layer, plan) : disk.layer;
	const backend = await createLocalBackend(location, { fs });
	const repository = await initRepository({
		location: inThisThread(backend),
		parameters: { ...smallParameters, ...more },
		workers: 0,
		...(plan ? { identity: gone } : {}),
	});
	await repository.close();
}

/** What goes wrong for a process that will be gone afterwards: in the file system, or in the backend. */
export interface Trouble {
	readonly plan?: FsPlan;
	readonly faults?: readonly Fault[];
	readonly cacheFolder?: string | undefined;
	/** It will not be gone. */
	readonly stays?: boolean;
}

/** Opens the repository, works, and closes it. */
export async function within<T>(
	disk: MemoryDisk,
	work: (repository: Repository) => Promise<T>,
	trouble?: Trouble,
): Promise<T> {
	let plan = trouble?.plan;
	const fs = plannedFs(disk.layer, (call) => plan?.(call));
	const backend = await openLocalBackend(location, { fs });
	const repository = await openRepository({
		location: inThisThread(backend, trouble?.faults),
		workers: 0,
		clock: lateClock,
		cacheFolder: trouble?.cacheFolder,
		...(trouble && trouble.stays !== true ? { identity: gone } : {}),
	});
	try {
		return await work(repository);
	} finally {
		// That what was read is closed at last, is not part of the work.
		plan = undefined;
		await repository.close();
	}
}

/** Without a descriptor, all goes through the disk in memory. */
function inThisThread(
	backend: RemoveBackend,
	faults: readonly Fault[] = [],
): FaultyBackend {
	return faultyBackend(backend, faults);
}

export function takeIn(
	repository: Repository,
	path: string,
	options: Pick<SnapshotOptions, "signal" | "skipIfUnchanged"> = {},
): Promise<SnapshotResult> {
	return snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
		...options,
	});
}

/** What a source was when it was taken. */
export interface Kept {
	readonly id: string | undefined;
	readonly account: ReadonlyMap<string, string>;
}

/** A disk with a repository with one snapshot of `source`, which then has changed. */
export interface Bench {
	readonly disk: MemoryDisk;
	readonly source: string;
	readonly first: Kept;
	/** Of the source as it is now. */
	readonly account: ReadonlyMap<string, string>;
}

/** In a folder that goes when the tests of the file are done. */
export async function makeBench(): Promise<Bench> {
	const folder = mkdtempSync(join(tmpdir(), "varve-bench-"));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	const source = join(folder, "source");
	const disk = new MemoryDisk();
	await initOn(disk);
	makeTree(source, { old: noise(2000, 3), sub: { kept: noise(2000, 5) } });
	const { id } = await within(disk, (r) => takeIn(r, source));
	const first = { id, account: accountOf(source) };
	makeTree(source, { old: noise(3000, 7) });
	makeTree(join(source, "new"), { a: noise(9000, 11), b: "short", c: {} });
	return { disk, source, first, account: accountOf(source) };
}

/** Text that chunks and frames are made of, but that does not compress to nothing. */
function noise(length: number, seed: number): string {
	const letters = Array.from({ length }, (_, i) =>
		((i * i * seed) % 7919).toString(36),
	);
	return letters.join("");
}

/** What another process finds after something went wrong with a snapshot. */
export interface Afterwards {
	/** Ids of the snapshots listed. */
	readonly listed: readonly string[];
	readonly complaints: readonly string[];
	/** What is there for good, the next snapshot included. */
	readonly kept: readonly Kept[];
}

/** Looks at the repository, takes the next snapshot, and looks again; all that is listed must restore, the first one among it. */
export async function lookAfter(
	disk: MemoryDisk,
	{ source, first, account }: Bench,
): Promise<Afterwards> {
	return await within(disk, async (repository) => {
		const { findings } = await verify(repository, { level: "data" });
		const complaints = findings.map(({ message }) => message);
		const listed = (await listSnapshots(repository)).map(({ id }) => id);
		const { id } = await takeIn(repository, source);
		const others = listed.filter((each) => each !== first.id);
		const kept = [first, ...[...others, id].map((id) => ({ id, account }))];
		for (const complaint of await complaintsOf(repository, source, kept))
			complaints.push(`after the next snapshot: ${complaint}`);
		return { listed, complaints, kept };
	});
}

/** Sentences about what is not right with a repository in which these snapshots of a source are to be. */
export async function complaintsOf(
	repository: Repository,
	source: string,
	kept: readonly Kept[],
): Promise<string[]> {
	const { findings } = await verify(repository, { level: "data" });
	const complaints = findings.map(({ message }) => message);
	const snapshots = await listSnapshots(repository);
	for (const { id, account } of kept) {
		const snapshot = snapshots.find((each) => each.id === id);
		if (snapshot === undefined) {
			complaints.push(`the snapshot ${id} is not listed`);
			continue;
		}
		const target = mkdtempSync(join(tmpdir(), "varve-restored-"));
		const { problems } = await restore(repository, { snapshot, target });
		const found = differences(account, accountOf(join(target, source)));
		complaints.push(...problems.map(({ message }) => message), ...found);
		rmSync(target, { recursive: true });
	}
	return complaints;
}

/** Stages and leases. */
export function leftoversOn(disk: MemoryDisk): string[] {
	return ["tmp", "leases"].flatMap((folder) =>
		disk.namesIn(`${location}/${folder}`).map((name) => `${folder}/${name}`),
	);
}

/** A call, for people. */
export function describeCall(call: FsCall | undefined): string {
	const path = (call?.path ?? "").slice(location.length);
	return `${call?.operation} ${path.replace(/[0-9a-f]{32,}/g, "…")}`;
}

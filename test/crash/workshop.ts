import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmdirSync,
	rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type Clock,
	initRepository,
	listSnapshots,
	openRepository,
	type Repository,
	restore,
	type SnapshotResult,
	snapshot,
	verify,
} from "@varve/core";
import { wholeScope } from "@varve/format";
import { type FsLayer, openLocalBackend } from "@varve/store";
import { afterAll } from "vitest";
import { accountOf, differences } from "./tree-account.mjs";

/** A clock that is far ahead of every file's times, so that nothing is too young to be trusted. */
const lateClock: Clock = {
	now: () => Date.now() + 3_600_000,
	offsetMinutes: () => 0,
};

/** A process that is not there: its leases are dead for certain. */
const gone = { pid: 2 ** 22 + 1, startTicks: "1" };

export const smallParameters = {
	chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
	frameBytes: 4096,
	packBytes: 8192,
} as const;

/** A folder of its own for a test file. */
export function workshop(name: string) {
	const folder = mkdtempSync(join(tmpdir(), `varve-${name}-`));
	let count = 0;
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	return { folder, fresh: (what: string) => join(folder, `${what}${++count}`) };
}

/**
 * A small repository in which packs are a few KiB. Most folders of packs are taken away: each costs every listing a call, and the
 * backend makes those that it needs.
 */
export async function makeSmall(location: string): Promise<void> {
	const repository = await initRepository({
		location,
		parameters: smallParameters,
		workers: 0,
	});
	await repository.close();
	for (const folder of readdirSync(join(location, "packs")))
		if (folder >= "40") rmdirSync(join(location, "packs", folder));
}

/** Opens it, works, and closes it. With `fs`, as a process that will be gone afterwards. */
export async function within<T>(
	location: string,
	work: (repository: Repository) => Promise<T>,
	fs?: FsLayer,
): Promise<T> {
	const repository = await openRepository({
		location: fs ? await openLocalBackend(location, { fs }) : location,
		workers: 0,
		clock: lateClock,
		...(fs ? { identity: gone } : {}),
	});
	try {
		return await work(repository);
	} finally {
		await repository.close();
	}
}

export function takeIn(
	repository: Repository,
	path: string,
): Promise<SnapshotResult> {
	return snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
	});
}

/** Text that chunks and frames are made of, but that does not compress to nothing. */
export function noise(length: number, seed: number): string {
	const letters = Array.from({ length }, (_, i) =>
		((i * i * seed) % 7919).toString(36),
	);
	return letters.join("");
}

/** What a source was when it was taken. */
export interface Kept {
	readonly id: string | undefined;
	readonly source: string;
	readonly account: ReadonlyMap<string, string>;
}

export async function keep(location: string, source: string): Promise<Kept> {
	const { id } = await within(location, (r) => takeIn(r, source));
	return { id, source, account: accountOf(source) };
}

/** Sentences about what is not right with a repository; `kept` are the snapshots that must restore. */
export async function complaintsOf(
	repository: Repository,
	kept: readonly Kept[],
): Promise<string[]> {
	const { findings } = await verify(repository, { level: "data" });
	const complaints = findings.map(({ message }) => message);
	const snapshots = await listSnapshots(repository);
	for (const { id, source, account } of kept) {
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

/** What another process finds after something went wrong with a snapshot of `source`. */
export interface Afterwards {
	/** Ids of the snapshots listed. */
	readonly listed: readonly string[];
	readonly complaints: readonly string[];
}

/** Looks at a repository, takes the next snapshot, and looks again; `kept` must restore, and so must the next one. */
export async function lookAfter(
	location: string,
	{ source, kept }: { source: string; kept: readonly Kept[] },
): Promise<Afterwards> {
	return await within(location, async (repository) => {
		const { findings } = await verify(repository, { level: "data" });
		const complaints = findings.map(({ message }) => message);
		const ids = (await listSnapshots(repository)).map(({ id }) => id);
		const { id } = await takeIn(repository, source);
		const next = { id, source, account: accountOf(source) };
		for (const complaint of await complaintsOf(repository, [...kept, next]))
			complaints.push(`after the next snapshot: ${complaint}`);
		return { listed: ids, complaints };
	});
}

/** Stages and leases. */
export function leftoversIn(location: string): string[] {
	const names = (folder: string) => {
		mkdirSync(join(location, folder), { recursive: true });
		return readdirSync(join(location, folder)).map((n) => `${folder}/${n}`);
	};
	return [...names("tmp"), ...names("leases")];
}

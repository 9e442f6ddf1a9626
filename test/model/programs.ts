import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type SnapshotId, wholeScope } from "@varve/format";
import { forget } from "../../packages/core/src/forget/forget.ts";
import {
	type ForgetPlan,
	planByHand,
} from "../../packages/core/src/forget/plan.ts";
import { unforget } from "../../packages/core/src/forget/unforget.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import type { GcOptions } from "../../packages/core/src/gc/options.ts";
import { pin } from "../../packages/core/src/labels/change-labels.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { readAgain } from "../../packages/core/src/query/rereading.ts";
import { withReaderLease } from "../../packages/core/src/reader-lease.ts";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";
import { allOfIt, readSnapshot } from "./judge.ts";
import type { Program } from "./process.ts";
import {
	backendOf,
	copyOf,
	type Files,
	openModelRepository,
} from "./repository.ts";

export const folder = mkdtempSync(join(tmpdir(), "varve-model-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Bytes that do not compress, the same for the same name. */
export function noise(name: string, length: number): Uint8Array {
	const parts: Buffer[] = [];
	for (let at = 0; at < length; at += 32)
		parts.push(createHash("sha256").update(`${name} ${at}`).digest());
	return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}

/** One chunk in a pack of its own. */
export const chunkBytes = 1280;
/** Three of these share a frame and a pack. */
export const smallBytes = 400;

export function takeStream(repository: Repository, content: string) {
	const bytes = (async function* () {
		yield noise(content, chunkBytes);
	})();
	const done = Promise.resolve();
	return snapshot(repository, {
		roots: [],
		scope: wholeScope,
		stream: { name: "file", bytes, done },
	});
}

/** Dated as it is taken, unless another time is said (ms since 1970). */
export function takeFolder(
	repository: Repository,
	name: string,
	time?: number,
) {
	return snapshot(repository, {
		roots: [{ path: join(folder, name), kind: "directory", names: [] }],
		scope: wholeScope,
		time,
	});
}

/** Files by path below the folder, and what is in each. */
export function fill(
	name: string,
	files: Readonly<Record<string, string>>,
): void {
	for (const [path, content] of Object.entries(files)) {
		const full = join(folder, name, path);
		mkdirSync(dirname(full), { recursive: true });
		writeFileSync(full, noise(content, smallBytes));
	}
}

export async function planFor(repository: Repository, ids: readonly string[]) {
	const all = await listSnapshots(repository);
	return planByHand(all.filter(({ id }) => ids.includes(id)));
}

export async function forgetAll(
	repository: Repository,
	ids: readonly string[],
) {
	await forget(repository, await planFor(repository, ids));
}

/** As it is listed while nobody else is there. */
export async function snapshotIn(
	files: Files,
	id: SnapshotId,
): Promise<Snapshot> {
	const backend = await backendOf(files);
	const all = await listSnapshots(
		await openModelRepository({ name: "list", backend }),
	);
	return all.find((one) => one.id === id) as Snapshot;
}

/** The plan to forget these, made while nobody else is there. */
export async function planIn(files: Files, ids: readonly SnapshotId[]) {
	const backend = await backendOf(files);
	return planFor(await openModelRepository({ name: "plan", backend }), ids);
}

export const writer = (name: string, content: string): Program => ({
	name,
	role: "writer",
	run: (repository) => takeStream(repository, content),
});
export const folderWriter = (name: string, source: string): Program => ({
	name,
	role: "writer",
	run: (repository) => takeFolder(repository, source),
});
export const collector = (
	name: string,
	wait = 0,
	options: GcOptions = {},
): Program => ({
	name,
	role: "gc",
	run: (repository) => gc(repository, { ...allOfIt, wait, ...options }),
});
/** The second time it goes on with what the first had to leave. */
export const collectorTwice = (name: string): Program => ({
	name,
	role: "gc",
	run: async (repository) => {
		await gc(repository, allOfIt);
		return gc(repository, allOfIt);
	},
});
/** By a plan that was made before. */
export const forgetter = (name: string, plan: ForgetPlan): Program => ({
	name,
	role: "forget",
	run: (repository) => forget(repository, plan),
});
export const unforgetter = (
	name: string,
	ids: readonly SnapshotId[],
): Program => ({
	name,
	role: "unforget",
	run: (repository) => unforget(repository, ids),
});
export const pinner = (name: string, ids: readonly SnapshotId[]): Program => ({
	name,
	role: "pin",
	run: (repository) => pin(repository, ids),
});
export const reader = (name: string, id: SnapshotId): Program => ({
	name,
	role: "reader",
	reads: id,
	run: (repository, pause) =>
		withReaderLease(repository, { snapshots: [id], command: "read" }, () =>
			readSnapshot(repository, id, pause),
		),
});

/** As who lists or compares does. */
export const passerby = (name: string, id: SnapshotId): Program => ({
	name,
	role: "reader",
	reads: id,
	run: (repository, pause) =>
		readAgain(repository, () => readSnapshot(repository, id, pause)),
});

/** Restores all of it into an empty folder. */
export const restorer = (name: string, one: Snapshot): Program => ({
	name,
	role: "reader",
	reads: one.id,
	run: async (repository) => {
		const target = mkdtempSync(join(folder, "target-"));
		const { problems } = await restore(repository, {
			snapshot: one,
			target,
			numericIds: true,
		});
		rmSync(target, { recursive: true });
		const problem = problems.find(({ kind }) => kind === "damaged");
		if (problem !== undefined)
			throw new Error(`${problem.path}: ${problem.message}`);
	},
});

/** What was done before, by one who was alone. */
export async function begin(
	work: (repository: Repository) => Promise<void>,
): Promise<Files> {
	const backend = await backendOf(new Map());
	await work(await openModelRepository({ name: "before", backend }));
	return copyOf(backend);
}

import { randomBytes } from "node:crypto";
import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { encodeForgotten, type SnapshotId } from "@varve/format";
import { beforeEach, describe, expect, test } from "vitest";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { listTree } from "../../packages/core/src/query/list-tree.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import { selectSnapshot } from "../../packages/core/src/query/select-snapshot.ts";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { over } from "../model/other-views.ts";
import { condemn, onceListed } from "./condemn.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("late-readers");

async function forgetAndCondemn(
	repository: Repository,
	ids: readonly (string | undefined)[],
	packs: readonly string[] | undefined,
): Promise<void> {
	const { sha256Hex } = repository.tools;
	const time = new Date(repository.clock.now()).toISOString();
	const snapshots = ids as SnapshotId[];
	const lease = { kind: "writer", snapshots: [], command: "test" } as const;
	await withLease(repository, lease, async (stage) => {
		for (const snapshot of snapshots) {
			const mark = { snapshot, time, host: "here", user: "me", reason: "test" };
			const bytes = encodeForgotten(mark, sha256Hex);
			await stage.putBytes("forgotten", snapshot, bytes);
		}
	});
	if (packs !== undefined) await condemn(repository, { packs, snapshots });
}

const packsIn = async ({ backend }: Repository) =>
	(await backend.list("packs")).map(({ name }) => name).sort();

describe("a reader", () => {
	let repository: Repository & { location: string };
	let snapshot: Snapshot;
	let folder: string;

	/** A folder of which an older snapshot has a file more, so that gc has something to move. */
	beforeEach(async () => {
		repository = await place.repository({ clock: lateClock });
		folder = place.fresh("source");
		mkdirSync(join(folder, "below"), { recursive: true });
		for (const name of ["a", "b", "below/c"])
			writeFileSync(join(folder, name), randomBytes(60_000));
		const first = await take(repository, folder);
		rmSync(join(folder, "b"));
		const { id } = await take(repository, folder);
		snapshot = await selectSnapshot(repository, id as string);
		await forgetAndCondemn(repository, [first.id], undefined);
	});

	/** A reader to whom it happens, once it has listed the repository, that a gc which does not see his lease moves what he is going to read. */
	async function overtaken(): Promise<Repository> {
		const reader = await place.repository({ location: repository.location });
		onceListed(reader, async () => {
			const { backend } = repository;
			const list: typeof backend.list = async (kind, options) =>
				kind === "leases" ? [] : backend.list(kind, options);
			const blind = { ...repository, backend: over(backend, { list }) };
			const { packsRepacked } = await gc(blind, {
				grace: 0,
				maxUnused: { bytes: 0 },
			});
			expect(packsRepacked).toBeGreaterThan(0);
		});
		return reader;
	}

	async function losePacks(): Promise<void> {
		const packs = join(repository.location, "packs");
		for (const name of readdirSync(packs))
			rmSync(join(packs, name), { recursive: true });
	}

	function source(): Record<string, Buffer> {
		const names = ["a", "below/c"];
		return Object.fromEntries(
			names.map((name) => [name, readFileSync(join(folder, name))]),
		);
	}

	test("T24 restores what gc moves while it is restored", async () => {
		const target = place.fresh("target");
		const report = await restore(await overtaken(), {
			snapshot,
			subpath: folder,
			target,
		});
		expect(report).toMatchObject({ problems: [], files: 2, directories: 2 });
		for (const [name, content] of Object.entries(source()))
			expect(readFileSync(join(target, name)).equals(content)).toBe(true);
	});

	test("T24 reads a file that gc moves meanwhile, each byte once", async () => {
		const parts: Uint8Array[] = [];
		const path = join(folder, "below/c");
		for await (const part of readFile(await overtaken(), snapshot, path))
			parts.push(part);
		expect(Buffer.concat(parts).equals(readFileSync(path))).toBe(true);
	});

	test("T24 lists what gc moves meanwhile, each entry once", async () => {
		const paths: string[] = [];
		const request = { path: folder, recursive: true };
		for await (const { path } of listTree(await overtaken(), snapshot, request))
			paths.push(path.slice(folder.length));
		expect(paths).toEqual(["/a", "/below", "/below/c"]);
	});

	test("is told once that packs are lost, if they are", async () => {
		const reader = await place.repository({ location: repository.location });
		onceListed(reader, losePacks);
		const target = place.fresh("target");
		const report = await restore(reader, { snapshot, subpath: folder, target });
		const told = report.problems.map(({ path, reason }) => [path, reason]);
		const files = Object.keys(source()).map((name) => join(folder, name));
		expect(told).toEqual(files.map((path) => [path, "MISSING_CHUNK"]));
	});

	test("T24 reads condemned packs where nothing else has what a snapshot needs that stays", async () => {
		await forgetAndCondemn(repository, [], await packsIn(repository));
		const reader = await place.repository({ location: repository.location });
		const target = place.fresh("target");
		const report = await restore(reader, { snapshot, subpath: folder, target });
		expect(report).toMatchObject({ problems: [], files: 2 });
		const { findings } = await verify(reader, { level: "data" });
		expect(findings).toEqual([]);
	});

	test("is not given a snapshot that gc is deleting", async () => {
		await forgetAndCondemn(repository, [snapshot.id], []);
		const reader = await place.repository({ location: repository.location });
		const target = place.fresh("target");
		await expect(
			restore(reader, { snapshot, subpath: folder, target }),
		).rejects.toMatchObject({ code: "NO_SUCH_SNAPSHOT" });
	});

	test("verify overlooks snapshots that gc is deleting, and condemned packs that vanish", async () => {
		const all = await repository.backend.list("snapshots");
		const ids = all.map(({ name }) => name);
		await forgetAndCondemn(repository, ids, await packsIn(repository));
		const reader = await place.repository({ location: repository.location });
		onceListed(reader, losePacks);
		const report = await verify(reader, { level: "data" });
		expect(report).toMatchObject({ findings: [], snapshots: 0 });
	});
});

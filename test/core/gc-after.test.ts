import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { StorageError } from "@varve/format";
import { faultyBackend } from "@varve/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { freedBy } from "../../packages/core/src/gc/freed-by.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { condemn } from "./condemn.ts";
import { take, workplace } from "./snapshot-workplace.ts";

const place = workplace("gc-after");
const hour = 3_600_000;
const day = 24 * hour;
/** Far enough ahead that no file is too young to be trusted. */
const clockAt = (ahead: number) => ({
	now: () => Date.now() + hour + ahead,
	offsetMinutes: () => 0,
});
const clock = clockAt(0);

/** Bytes that do not compress, the same for the same seed. */
function noise(bytes: number, seed: number): Buffer {
	const buffer = Buffer.alloc(bytes);
	let state = seed * 2_654_435_761 + 1;
	for (let i = 0; i < bytes; i++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
		buffer[i] = state >>> 24;
	}
	return buffer;
}

function source(files: Record<string, Buffer>): string {
	const folder = place.fresh("source");
	mkdirSync(folder);
	for (const [name, content] of Object.entries(files))
		writeFileSync(join(folder, name), content);
	return folder;
}

async function forgetOne(repository: Repository, id: string | undefined) {
	const all = await listSnapshots(repository);
	await forget(repository, planByHand(all.filter((one) => one.id === id)));
}

async function expectSound(repository: Repository): Promise<void> {
	const report = await verify(repository, { level: "data" });
	expect(report).toMatchObject({ findings: [] });
}

/** What a process leaves that was killed: a lease nobody holds, which the next one fences. Here the process lives on, so that this is done by hand. */
function bury(location: string): void {
	for (const kind of ["leases", "tmp"])
		for (const name of readdirSync(join(location, kind)))
			rmSync(join(location, kind, name), { recursive: true });
}

describe("a gc that is killed", () => {
	const deleted = { a: noise(150_000, 1), b: noise(90_000, 2) };
	const shared = noise(60_000, 3);

	/** Dead packs, packs that are half dead, several segments. */
	async function prepare() {
		const repository = await place.repository({ clock });
		const folder = source({ ...deleted, shared });
		const first = await take(repository, folder);
		rmSync(join(folder, "a"));
		writeFileSync(join(folder, "b"), noise(90_000, 4));
		await take(repository, folder);
		for (let i = 0; i < 4; i++) {
			writeFileSync(join(folder, "c"), noise(5000, 10 + i));
			await take(repository, folder);
		}
		await forgetOne(repository, first.id);
		return repository;
	}

	const isFault = (error: unknown) => {
		if (!(error instanceof StorageError)) throw error;
	};

	/** A copy of the repository and of what the client knows of it, with all operations failing from the nth on. */
	async function killAt(
		template: { readonly location: string; readonly cacheFolder: string },
		nth: number,
	) {
		const location = place.fresh("copy");
		const cache = place.fresh("cache");
		cpSync(template.location, location, { recursive: true });
		cpSync(template.cacheFolder, cache, { recursive: true });
		const repository = await place.repository({ location, cache, clock });
		const error = () => new StorageError("STORAGE_FAILED", "killed", {});
		const backend = faultyBackend(repository.backend, [
			{ at: writing, nth, always: true, error },
		]);
		const ended = await gc(
			{ ...repository, backend },
			{ grace: 0, maxUnused: { bytes: 0 } },
		).then(() => true, isFault);
		bury(location);
		return { repository, location, isWhole: ended === true };
	}

	const writing = [
		"stage",
		"put",
		"putBytes",
		"remove",
		"fence",
		"release",
	] as const;

	test("at any operation leaves what a snapshot of content like the deleted one can build upon (T10)", async () => {
		const template = await prepare();
		const again = source({ ...deleted, shared, late: noise(20_000, 99) });
		let count = 0;
		for (let nth = 1; ; nth++) {
			const { repository, isWhole } = await killAt(template, nth);
			await take(repository, again);
			await expectSound(repository);
			await gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
			await expectSound(repository);
			expect(await repository.backend.list("gc")).toEqual([]);
			expect(await repository.backend.list("snapshots")).toHaveLength(6);
			count = nth;
			if (isWhole) break;
		}
		expect(count).toBeGreaterThan(15);
	}, 300_000);
});

describe("a snapshot of content like that which gc has freed", () => {
	/** So many that the client's index is in LevelDB. */
	async function grown() {
		const repository = await place.repository({ clock });
		const folders = Array.from({ length: 12 }, (_, i) =>
			source({ own: noise(40_000, 100 + i), same: noise(30_000, 7) }),
		);
		const taken = [];
		for (const folder of folders) taken.push(await take(repository, folder));
		await take(repository, folders[0] as string);
		for (const { id } of taken.slice(2)) await forgetOne(repository, id);
		expect(readdirSync(repository.cacheFolder).length).toBeGreaterThan(0);
		return { repository, folders };
	}

	async function collectElsewhere(location: string) {
		const other = await place.repository({ location, clock });
		const result = await gc(other, { grace: 0, maxUnused: { bytes: 0 } });
		expect(result).toMatchObject({ state: "swept" });
		expect(result.snapshots).toHaveLength(10);
		return other;
	}

	const takeAll = async (repository: Repository, folders: string[]) => {
		for (const folder of folders) await take(repository, folder);
		await expectSound(repository);
		expect(await repository.backend.list("snapshots")).toHaveLength(
			3 + folders.length,
		);
	};

	test("can be restored with an index from before, opened before or after the gc (T10)", async () => {
		const { repository, folders } = await grown();
		await collectElsewhere(repository.location);
		await takeAll(repository, folders.slice(2, 5));
		const second = await grown();
		const { location, cacheFolder: cache } = second.repository;
		await second.repository.close();
		await collectElsewhere(location);
		const reopened = await place.repository({ location, cache, clock });
		await takeAll(reopened, second.folders.slice(2, 5));
	}, 120_000);

	test("can be restored from the client that ran gc, and from one that is new (T10)", async () => {
		const { repository, folders } = await grown();
		const other = await collectElsewhere(repository.location);
		await takeAll(other, folders.slice(2, 5));
		const { location } = repository;
		const stranger = await place.repository({ location, clock });
		await take(stranger, folders[5] as string);
		await expectSound(stranger);
	}, 120_000);

	test("can be restored while another process holds the index from before (T10)", async () => {
		const { repository, folders } = await grown();
		const { location, cacheFolder: cache, config } = repository;
		await repository.close();
		const program = fileURLToPath(
			new URL("../store/hold-index.mjs", import.meta.url),
		);
		const holder = spawn(process.execPath, [
			program,
			location,
			cache,
			config.id,
		]);
		await once(holder.stdout, "data");
		try {
			await collectElsewhere(location);
			const client = await place.repository({ location, cache, clock });
			await takeAll(client, folders.slice(2, 5));
		} finally {
			holder.stdin.end();
			await once(holder, "close");
		}
	}, 120_000);
});

describe("while a generation is pending", () => {
	const content = { a: noise(80_000, 1), b: noise(60_000, 2) };

	/** As if a gc had condemned all packs before a snapshot was committed that needs them. */
	async function condemned() {
		const repository = await place.repository({ clock });
		const folder = source(content);
		await take(repository, folder);
		const packs = await repository.backend.list("packs");
		await condemn(repository, { packs: packs.map(({ name }) => name) });
		return { repository, folder, packs };
	}

	test("what is condemned and there can be read, with the same client and another (T25)", async () => {
		const { repository } = await condemned();
		const { location } = repository;
		for (const one of [repository, await place.repository({ location })]) {
			await expectSound(one);
			const target = place.fresh("target");
			const [snapshot] = await listSnapshots(one);
			const options = { snapshot: snapshot as Snapshot, target, verify: true };
			const report = await restore(one, options);
			expect(report).toMatchObject({ files: 2, problems: [] });
		}
	});

	test("a snapshot refers to nothing that is condemned, whatever was read before, and gc keeps what is needed (T25)", async () => {
		const { repository, packs } = await condemned();
		await expectSound(repository);
		await take(repository, source(content));
		const later = await repository.backend.list("packs");
		expect(later.length).toBeGreaterThan(packs.length);
		const sum = (files: readonly { size: number }[]) =>
			files.reduce((total, { size }) => total + size, 0);
		expect(sum(later)).toBeGreaterThan(sum(packs) * 1.9);
		await expectSound(repository);
		await gc(repository);
		await expectSound(repository);
		expect(await repository.backend.list("gc")).toEqual([]);
	});
});

describe("a gc that had to leave what it condemned", () => {
	test("is finished by the next one once those have ended who were there before its list was, whoever works since", async () => {
		const repository = await place.repository({ clock });
		const folder = source({ a: noise(60_000, 1) });
		const { id } = await take(repository, folder);
		await forgetOne(repository, id);
		const lease = { kind: "writer", snapshots: [], command: "test" } as const;
		const collect = () => gc(repository, { grace: 0 });
		let endLate = () => {};
		let late: Promise<void> | undefined;
		await withLease(repository, lease, async () => {
			expect(await collect()).toMatchObject({ state: "pending", packs: 2 });
			await new Promise<void>((begun) => {
				late = withLease(repository, lease, async () => {
					begun();
					await new Promise<void>((end) => {
						endLate = end;
					});
				});
			});
			const again = await collect();
			expect(again).toMatchObject({ state: "pending", resumed: true });
			expect(again.waitingFor).toHaveLength(1);
		});
		expect(await collect()).toMatchObject({ state: "swept", resumed: true });
		expect(await repository.backend.list("packs")).toEqual([]);
		endLate();
		await late;
		await expectSound(repository);
	});
});

describe("what forgetting would free", () => {
	test("is what gc then frees, but for headers and directories", async () => {
		const repository = await place.repository({ clock });
		const folder = source({ same: noise(200_000, 1), own: noise(300_000, 2) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "own"), noise(300_000, 3));
		const second = await take(repository, folder);
		const ids = [first.id as never];
		const said = await freedBy(repository, ids);
		expect(said).toBeGreaterThan(290_000);
		expect(await freedBy(repository, [])).toBe(0);
		const both = await freedBy(repository, [...ids, second.id as never]);
		expect(both).toBeGreaterThan(790_000);
		await forgetOne(repository, first.id);
		const { bytesFreed } = await gc(repository, {
			grace: 0,
			maxUnused: { bytes: 0 },
		});
		// Of each pack: header, directory and trailer; and frames that were taken apart are compressed anew.
		expect(Math.abs(bytesFreed - said)).toBeLessThan(5_000);
	});
});

describe("clocks that are wrong", () => {
	test("make a mark young that is dated in the future, and never an unforgotten snapshot old (T28)", async () => {
		const repository = await place.repository({ clock });
		const folder = source({ a: noise(50_000, 1) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "a"), noise(50_000, 2));
		await take(repository, folder);
		const { location } = repository;
		const at = (ahead: number) =>
			place.repository({ location, clock: clockAt(ahead) });
		await forgetOne(await at(3 * day), first.id);
		const behind = await at(-365 * day);
		for (const one of [repository, behind])
			for (const grace of [0, 7 * day])
				expect(await gc(one, { grace })).toMatchObject({ state: "nothing" });
		const ahead = await at(365 * day);
		expect(await gc(ahead)).toMatchObject({ snapshots: [first.id] });
		expect(await gc(ahead, { grace: 0 })).toMatchObject({ state: "nothing" });
		await expectSound(repository);
		expect(await repository.backend.list("snapshots")).toHaveLength(1);
	});

	const step = fc.record({
		host: fc.integer({ min: 0, max: 1 }),
		/** Days by which the clock jumps. */
		jump: fc.constantFrom(0, 0, 0, 1, -1, 365, -365),
		act: fc.constantFrom("take", "take", "old", "forget", "gc", "gc0"),
		which: fc.nat({ max: 7 }),
	});

	test("never cost a kept snapshot anything, jumping by a year and three days apart (T28)", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(step, { minLength: 10, maxLength: 18 }),
				async (steps) => {
					const times = [-3 * day, 3 * day];
					const clocks = times.map((_, i) => ({
						now: () => Date.now() + hour + (times[i] as number),
						offsetMinutes: () => 0,
					}));
					const one = await place.repository({ clock: clocks[0] as never });
					const { location } = one;
					const two = await place.repository({
						location,
						clock: clocks[1] as never,
					});
					const kept = new Set<string>();
					const folders = Array.from({ length: 8 }, (_, i) =>
						source({ own: noise(9000, i), same: noise(5000, 50) }),
					);
					let next = 0;
					for (const { host, jump, act, which } of steps) {
						times[host] = (times[host] as number) + jump * day;
						const repository = host === 0 ? one : two;
						if (act === "take" || act === "old") {
							const folder = folders[act === "old" ? which : next++ % 8];
							const { id } = await take(repository, folder as string);
							kept.add(id as string);
						} else if (act === "forget") {
							const id = [...kept][which % Math.max(1, kept.size)];
							if (id === undefined) continue;
							await forgetOne(repository, id);
							kept.delete(id);
						} else await gc(repository, act === "gc" ? {} : { grace: 0 });
						const listed = await listSnapshots(repository);
						expect(new Set(listed.map(({ id }) => id))).toEqual(kept);
					}
					await gc(one, { grace: 0 });
					await expectSound(two);
				},
			),
			{ numRuns: 4 },
		);
	}, 300_000);
});

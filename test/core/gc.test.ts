import {
	mkdirSync,
	readdirSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { encodeForgotten, type LeaseId, type SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import {
	listPolicies,
	setPolicy,
} from "../../packages/core/src/forget/stored-policies.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import type { GcOptions } from "../../packages/core/src/gc/options.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { prepareToRead } from "../../packages/core/src/prepare-to-read.ts";
import { withReaderLease } from "../../packages/core/src/reader-lease.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { withStage } from "../../packages/core/src/with-stage.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("gc");

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

function source(files: Record<string, Buffer | string>): string {
	const folder = place.fresh("source");
	mkdirSync(folder);
	for (const [name, content] of Object.entries(files))
		writeFileSync(join(folder, name), content);
	return folder;
}

const packsOf = (location: string) =>
	readdirSync(join(location, "packs"), { recursive: true }).filter(
		(name) => String(name).length > 40,
	).length;

const bytesOf = (location: string) =>
	readdirSync(join(location, "packs"), { recursive: true })
		.map((name) => statSync(join(location, "packs", String(name))))
		.filter((stat) => stat.isFile())
		.reduce((sum, { size }) => sum + size, 0);

/** As `forget` does. */
async function mark(repository: Repository, id: string | undefined) {
	const snapshot = id as SnapshotId;
	await withLease(
		repository,
		{ kind: "writer", snapshots: [], command: "test" },
		(stage) =>
			stage.putBytes(
				"forgotten",
				snapshot,
				encodeForgotten(
					{
						snapshot,
						time: new Date(repository.clock.now()).toISOString(),
						host: "here",
						user: "me",
						reason: "test",
					},
					repository.tools.sha256Hex,
				),
			),
	);
}

/** Of content: the largest first. */
async function packsNeededBy(repository: Repository, id: string | undefined) {
	const record = (await repository.index.records([id as SnapshotId])).get(
		id as SnapshotId,
	);
	await repository.objects.prepare();
	const packs = new Set<string>();
	for (const { tree } of record?.roots ?? [])
		for (const { content } of repository.objects.nodes(tree)) {
			const [place] = repository.index.places(content.ids.slice(0, 32));
			if (place !== undefined) packs.add(place.pack);
		}
	return [...packs];
}

async function expectSound(repository: Repository, snapshots: number) {
	const report = await verify(repository, { level: "data" });
	expect(report).toMatchObject({ findings: [], notes: [] });
	expect(await repository.backend.list("snapshots")).toHaveLength(snapshots);
	expect(await repository.backend.list("gc")).toEqual([]);
	expect(await repository.backend.list("leases")).toEqual([]);
}

/** A small repository may have little unused: here it is to have none. */
const allOfIt: GcOptions = { grace: 0, maxUnused: { bytes: 0 } };

describe("gc", () => {
	test("frees nothing of what snapshots need, forgotten within the grace or not", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(200_000, 1), b: "text" });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "a"), noise(200_000, 2));
		await take(repository, folder);
		await mark(repository, first.id);
		const before = packsOf(repository.location);
		expect(await gc(repository)).toMatchObject({
			state: "nothing",
			packs: 0,
			bytesFreed: 0,
		});
		expect(packsOf(repository.location)).toBe(before);
		await expectSound(repository, 2);
	});

	test("frees what only forgotten snapshots need once the grace is over, and their records and labels with it", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(200_000, 1), b: noise(100_000, 9) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "a"), noise(200_000, 2));
		await take(repository, folder);
		await mark(repository, first.id);
		const before = bytesOf(repository.location);
		const planned = await gc(repository, { ...allOfIt, dryRun: true });
		expect(planned).toMatchObject({ state: "planned", snapshots: [first.id] });
		expect(bytesOf(repository.location)).toBe(before);
		const result = await gc(repository, allOfIt);
		expect(result).toMatchObject({ state: "swept", snapshots: [first.id] });
		expect(before - bytesOf(repository.location)).toBe(result.bytesFreed);
		expect(result.bytesFreed).toBeGreaterThan(190_000);
		expect(await repository.backend.list("forgotten")).toEqual([]);
		await expectSound(repository, 1);
		const folderAgain = source({ a: noise(200_000, 1) });
		await take(repository, folderAgain);
		await expectSound(repository, 2);
	});

	test("moves the live part of packs that are mostly dead", async () => {
		const repository = await place.repository({ clock: lateClock });
		const files = Object.fromEntries(
			Array.from({ length: 20 }, (_, i) => [`f${i}`, noise(60_000, 100 + i)]),
		);
		const folder = source(files);
		const first = await take(repository, folder);
		for (let i = 1; i < 20; i++) rmSync(join(folder, `f${i}`));
		await take(repository, folder);
		await mark(repository, first.id);
		const result = await gc(repository, allOfIt);
		expect(result).toMatchObject({ state: "swept", bytesUnused: 0 });
		expect(result.packsRepacked).toBeGreaterThan(0);
		expect(bytesOf(repository.location)).toBeLessThan(80_000);
		await expectSound(repository, 1);
	});

	test("leaves dead bytes alone up to the limit given", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(60_000, 1), b: noise(60_000, 2) });
		const first = await take(repository, folder);
		rmSync(join(folder, "b"));
		await take(repository, folder);
		await mark(repository, first.id);
		const result = await gc(repository, {
			grace: 0,
			maxUnused: { share: 0.9 },
		});
		expect(result.packsRepacked).toBe(0);
		expect(result.bytesUnused).toBeGreaterThan(50_000);
		const none = await gc(repository, {
			grace: 0,
			maxUnused: { bytes: 0 },
			maxRepack: 0,
		});
		expect(none.packsRepacked).toBe(0);
		const all = await gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
		expect(all.packsRepacked).toBeGreaterThan(0);
		await expectSound(repository, 1);
	});

	test("condemns, and deletes only when everyone has ended who may not know of it", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(100_000, 1) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "a"), noise(100_000, 2));
		await take(repository, folder);
		await mark(repository, first.id);
		const before = bytesOf(repository.location);
		const other = await place.repository({ location: repository.location });
		await withLease(
			other,
			{ kind: "reader", snapshots: [], command: "restore" },
			async () => {
				const result = await gc(repository, { grace: 0 });
				expect(result).toMatchObject({ state: "pending" });
				expect(result.waitingFor).toHaveLength(1);
				expect(bytesOf(repository.location)).toBe(before);
				expect(await gc(repository, { grace: 0 })).toMatchObject({
					state: "pending",
					resumed: true,
				});
			},
		);
		expect(await gc(repository, { grace: 0 })).toMatchObject({
			state: "swept",
			resumed: true,
		});
		expect(bytesOf(repository.location)).toBeLessThan(before);
		await expectSound(repository, 1);
	});

	test("keeps what is condemned if a snapshot needs it after all", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(100_000, 1) });
		const first = await take(repository, folder);
		await mark(repository, first.id);
		const other = await place.repository({ location: repository.location });
		await withLease(
			other,
			{ kind: "reader", snapshots: [], command: "restore" },
			() => gc(repository, { grace: 0 }),
		);
		// As `unforget` may just before the record is condemned.
		await withLease(
			repository,
			{ kind: "writer", snapshots: [], command: "unforget" },
			(stage) =>
				repository.backend.remove(stage, "forgotten", first.id as string),
		);
		await gc(repository, { grace: 0 });
		await expectSound(repository, 1);
	});

	test("does not let a snapshot build upon what is condemned", async () => {
		const repository = await place.repository({ clock: lateClock });
		const content = noise(100_000, 1);
		const folder = source({ a: content });
		const first = await take(repository, folder);
		await mark(repository, first.id);
		const other = await place.repository({ location: repository.location });
		const reader = { kind: "reader", snapshots: [], command: "x" } as const;
		await withLease(other, reader, () => gc(repository, { grace: 0 }));
		expect(await repository.backend.list("gc")).toHaveLength(1);
		await take(repository, folder);
		await gc(repository, { grace: 0 });
		await expectSound(repository, 1);
	});

	test("T27 backs off from another gc, and with exclusive from anybody", async () => {
		const repository = await place.repository({ clock: lateClock });
		const other = await place.repository({ location: repository.location });
		const held = (kind: "gc" | "reader") => ({
			kind,
			snapshots: [],
			command: kind,
		});
		await withLease(other, held("gc"), async () => {
			await expect(gc(repository)).rejects.toMatchObject({ code: "LOCKED" });
		});
		await withLease(other, held("reader"), async () => {
			await expect(gc(repository, { exclusive: true })).rejects.toMatchObject({
				code: "LOCKED",
			});
			expect(await gc(repository)).toMatchObject({ state: "nothing" });
		});
		expect(await gc(repository, { exclusive: true })).toMatchObject({
			state: "nothing",
		});
	});

	test("T27 backs off from a lease that cannot be read, which may be that of a gc", async () => {
		const repository = await place.repository();
		const lease = "ab".repeat(16);
		await withStage(repository, (stage) =>
			stage.putBytes("leases", `${lease}.0`, new Uint8Array(3)),
		);
		await expect(gc(repository)).rejects.toMatchObject({
			code: "LOCKED",
			message: expect.stringContaining("cannot be read"),
		});
	});

	test("deletes the stage of one who was killed before it had a lease, once it has been there for an hour", async () => {
		const repository = await place.repository();
		const killed = "cd".repeat(16) as LeaseId;
		let uptime = 1000;
		const timer = { ...repository.timer, uptime: () => uptime };
		const patient = { ...repository, timer };
		await repository.backend.stage(killed);
		await gc(patient);
		uptime += 59 * 60_000;
		await gc(patient);
		expect(await repository.backend.listStages()).toEqual([killed]);
		uptime += 60_000;
		await gc(patient);
		expect(await repository.backend.listStages()).toEqual([]);
	});

	test("deletes policies that were replaced, and no others", async () => {
		const repository = await place.repository();
		const retention = (keepLast: number) => ({
			groupBy: ["host"] as const,
			policy: { keepLast },
			exceptions: [],
		});
		const set = (name: string, keepLast: number) =>
			setPolicy(repository, name, retention(keepLast) as never);
		for (const n of [1, 2, 3]) await set("a", n);
		await set("b", 4);
		const before = await listPolicies(repository);
		expect(await repository.backend.list("policies")).toHaveLength(4);
		await gc(repository);
		expect(await repository.backend.list("policies")).toHaveLength(2);
		expect(await listPolicies(repository)).toEqual(before);
	});

	test("deletes nothing while anything that a snapshot needs is missing", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(100_000, 1) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "a"), noise(100_000, 2));
		await take(repository, folder);
		await mark(repository, first.id);
		const packs = await repository.backend.list("packs");
		const largest = packs.toSorted((a, b) => b.size - a.size).slice(0, 2);
		for (const { name } of largest)
			rmSync(join(repository.location, "packs", name.slice(0, 2), name));
		const left = packsOf(repository.location);
		await expect(gc(repository, { grace: 0 })).rejects.toMatchObject({
			name: "CorruptError",
		});
		expect(packsOf(repository.location)).toBe(left);
		expect(await repository.backend.list("snapshots")).toHaveLength(2);
	});

	test("puts many small packs and segments together", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({});
		for (let i = 0; i < 20; i++) {
			writeFileSync(join(folder, `f${i}`), noise(3000, i));
			await take(repository, folder);
		}
		expect(packsOf(repository.location)).toBe(40);
		const result = await gc(repository, { grace: 0 });
		expect(result).toMatchObject({ state: "swept" });
		expect(packsOf(repository.location)).toBe(2);
		expect(await repository.backend.list("segments")).toHaveLength(1);
		await expectSound(repository, 20);
		expect(await gc(repository, { grace: 0 })).toMatchObject({
			state: "nothing",
		});
	});

	test("takes a file with the bytes of a tree for no visit of that tree", async () => {
		const repository = await place.repository({ clock: lateClock });
		const inner = source({ deep: noise(50_000, 77) });
		const first = await take(repository, inner);
		await repository.objects.prepare();
		const tree = repository.objects.read(first.record.roots[0]?.tree as never);
		const folder = source({ copy: Buffer.from(tree) });
		await take(repository, folder);
		const last = source({ x: noise(50_000, 5) });
		const gone = await take(repository, last);
		await mark(repository, gone.id);
		await gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
		await expectSound(repository, 2);
	});

	test("names what a killed run left in no segment, if snapshots need it, and frees it otherwise", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(100_000, 1) });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "b"), noise(100_000, 2));
		const second = await take(repository, folder);
		for (const { name } of await repository.backend.list("segments"))
			rmSync(join(repository.location, "segments", name));
		await mark(repository, second.id);
		const result = await gc(repository, { grace: 0 });
		expect(result).toMatchObject({ state: "swept" });
		expect(result.bytesFreed).toBeGreaterThan(95_000);
		expect((await repository.backend.list("segments")).length).toBeGreaterThan(
			0,
		);
		const fresh = await place.repository({ location: repository.location });
		await expectSound(fresh, 1);
		expect(first.id).toBeDefined();
	});

	test("forgets packs that are not there and that nothing needs", async () => {
		const repository = await place.repository({ clock: lateClock });
		const first = await take(repository, source({ a: noise(100_000, 1) }));
		await take(repository, source({ b: noise(100_000, 2) }));
		const [pack] = await packsNeededBy(repository, first.id);
		await mark(repository, first.id);
		rmSync(
			join(
				repository.location,
				"packs",
				(pack as string).slice(0, 2),
				pack as string,
			),
		);
		await gc(repository, { grace: 0 });
		const fresh = await place.repository({ location: repository.location });
		await expectSound(fresh, 1);
	});

	test("T24 a reader that stays open finds what another process has moved since", async () => {
		const repository = await place.repository({ clock: lateClock });
		const folder = source({ a: noise(60_000, 1), b: noise(60_000, 2) });
		const first = await take(repository, folder);
		rmSync(join(folder, "b"));
		const second = await take(repository, folder);
		const reader = await place.repository({ location: repository.location });
		const lease = { snapshots: [], command: "read" };
		const prepare = () => prepareToRead(reader, [second.id as SnapshotId]);
		await withReaderLease(reader, lease, prepare);
		const other = await place.repository({
			location: repository.location,
			clock: lateClock,
		});
		await mark(other, first.id);
		const { packsRepacked } = await gc(other, allOfIt);
		expect(packsRepacked).toBeGreaterThan(0);
		const lengths = await withReaderLease(reader, lease, async () => {
			await prepare();
			const tree = second.record.roots[0]?.tree as never;
			return [...reader.objects.nodes(tree)].flatMap(({ content }) =>
				[...reader.objects.bytes(content)].map((part) => part.length),
			);
		});
		expect(lengths).toEqual([60_000]);
	});
});

import {
	type Bytes,
	type ChunkId,
	encodeLabel,
	type SnapshotId,
	type TreeId,
	toHex,
	utf8,
} from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { withLease } from "../../packages/core/src/lease.ts";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import type { VerifyLevel } from "../../packages/core/src/verify/options.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { sha256Hex } from "./fake-objects.ts";
import {
	noise,
	readingPlace,
	type TestRepository,
	takeSnapshot,
} from "./reading-workplace.ts";
import {
	flip,
	type TamperedBackend,
	tamperedBackend,
} from "./tampered-backend.ts";

const place = readingPlace("verify");
const bothLevels = ["data", "scrub"] as const;
const scrubOnly = ["scrub"] as const;

interface Subject {
	readonly folder: string;
	readonly backend: TamperedBackend;
	readonly repository: TestRepository;
	readonly first: Snapshot;
	readonly second: Snapshot;
	/** Verifies the backend as someone who opens it now. */
	verify(level: VerifyLevel): ReturnType<typeof verify>;
}

/** Two snapshots that share some files. */
async function subject(): Promise<Subject> {
	const folder = place.fresh("source");
	makeTree(folder, {
		shared: { a: noise(3000, 1), b: "text ".repeat(300) },
		c: noise(2000, 2),
	});
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	const first = await takeSnapshot(repository, folder);
	makeTree(folder, { c: noise(2000, 3), d: noise(9000, 4) });
	const second = await takeSnapshot(repository, folder);
	return {
		folder,
		backend,
		repository,
		first,
		second,
		async verify(level) {
			const opened = await place.repository({
				location: backend,
				isThere: true,
			});
			return verify(opened, { level });
		},
	};
}

function chunksOf({ repository }: Subject, snapshot: Snapshot, path: string) {
	let tree = snapshot.record.roots[0]?.tree as TreeId;
	const names = path.split("/");
	for (const name of names.slice(0, -1))
		tree = repository.objects.lookup(tree, utf8(name))?.tree as TreeId;
	const node = repository.objects.lookup(tree, utf8(names.at(-1) as string));
	if (node === undefined) throw new Error(`no ${path}`);
	return node.content.ids;
}

/** Names of files hurt, and in which of the two snapshots: "c in 1", "shared/a in 1 2". */
function hurtOf(
	{ folder, first, second }: Subject,
	{ findings }: Awaited<ReturnType<typeof verify>>,
): string[] {
	const number = (id: SnapshotId) =>
		id === first.id ? "1" : id === second.id ? "2" : "?";
	const all = findings.flatMap(({ hurt }) =>
		hurt.map(
			({ path, snapshots }) =>
				`${path.slice(folder.length + 1)} in ${snapshots.map(number).sort().join(" ")}`,
		),
	);
	return [...new Set(all)].sort();
}

describe("verify", () => {
	test.each(["structure", "data", "scrub"] as const)(
		"finds nothing in a whole repository (%s), and says what it did not check (T48)",
		async (level) => {
			const given = await subject();
			const report = await given.verify(level);
			expect(report.findings).toEqual([]);
			expect(report.notes).toEqual([]);
			expect(report.notChecked.length).toBeGreaterThan(0);
			expect(report.snapshots).toBe(2);
			const packs = await given.backend.files("packs");
			expect(report.packs).toEqual({
				listed: packs.length,
				read: level === "structure" ? 0 : packs.length,
			});
		},
	);

	test("reads every byte that trailers cover, and proves every chunk", async () => {
		const given = await subject();
		const report = await given.verify("data");
		const packs = await given.backend.files("packs");
		const sizes = packs.reduce((sum, { size }) => sum + size, 0);
		expect(report.bytesRead).toBeGreaterThan(sizes - packs.length * 100);
		expect(report.bytesProved).toBeGreaterThan(3000 + 2000 + 2000 + 9000);
		expect(report.files).toBe(5);
	});

	test("names the files, and the snapshots, that a flipped bit hurts", async () => {
		const given = await subject();
		const { repository, backend, first } = given;
		await repository.objects.prepare();
		for (const [path, hurt] of [
			["shared/a", "shared/a in 1 2"],
			["c", "c in 1"],
		] as const) {
			const ids = chunksOf(given, first, path);
			const found = repository.index.lookup.find(ids, 0);
			if (found === undefined) throw new Error("no place");
			backend.tamper("packs", found.pack, flip(found.offset + 8));
			for (const level of ["data", "scrub"] as const) {
				const report = await given.verify(level);
				expect(hurtOf(given, report)).toContain(hurt);
				expect(report.findings.map(({ code }) => code)).toContain("BAD_BLOCK");
				expect(report.findings.map(({ code }) => code)).toContain("BAD_FRAME");
			}
			backend.heal();
		}
	});

	/** Every bit with VARVE_EXHAUSTIVE set; else one bit of each byte by checksums, and of some by reading. */
	test("finds any flipped bit of any pack, by reading and by checksums alone (T48)", async () => {
		const folder = place.fresh("source");
		makeTree(folder, { a: "content ".repeat(20), b: { c: noise(150) } });
		const backend = tamperedBackend();
		const repository = await place.repository({ location: backend });
		await takeSnapshot(repository, folder);
		const isLong = process.env["VARVE_EXHAUSTIVE"] !== undefined;
		for (const { name, size } of await backend.files("packs"))
			for (let place = 0; place < size * 8; place += isLong ? 1 : 8) {
				const at = place >> 3;
				const bit = isLong ? place & 7 : at & 7;
				backend.tamper("packs", name, flip(at, bit));
				const levels = isLong || at % 11 === 0 ? bothLevels : scrubOnly;
				for (const level of levels) {
					const { findings } = await verify(repository, { level });
					const isFound = findings.some(({ pack }) => pack === name);
					expect({ at, bit, level, isFound }).toMatchObject({ isFound: true });
				}
				backend.heal();
			}
	}, 600_000);

	test("finds a pack that is gone, and one that is cut short", async () => {
		const given = await subject();
		await given.repository.objects.prepare();
		const ids = chunksOf(given, given.first, "shared/a");
		const found = given.repository.index.lookup.find(ids, 0);
		if (found === undefined) throw new Error("no place");
		for (const level of ["structure", "data"] as const) {
			given.backend.tamper("packs", found.pack, () => undefined);
			const gone = await given.verify(level);
			expect(gone.findings.map(({ code }) => code)).toContain("MISSING_PACK");
			expect(hurtOf(given, gone)).toContain("shared/a in 1 2");
			given.backend.tamper("packs", found.pack, (bytes) => bytes.slice(0, -1));
			const cut = await given.verify(level);
			expect(cut.findings.map(({ code }) => code)).toContain("BAD_PACK_SIZE");
			expect(cut.findings.map(({ code }) => code)).toContain("BAD_TRAILER");
			given.backend.heal();
		}
	});

	test.each([
		["snapshots", "BAD_SNAPSHOT"],
		["segments", "BAD_SEGMENT"],
		["config", "BAD_CONFIG"],
	] as const)(
		"finds a flipped bit in any of %s, at every level",
		async (kind, code) => {
			const given = await subject();
			for (const { name, size } of await given.backend.files(kind))
				for (let at = 0; at < size; at += Math.ceil(size / 7)) {
					given.backend.tamper(kind, name, flip(at, 0));
					for (const level of ["structure", "scrub"] as const) {
						const { findings } = await verify(given.repository, { level });
						expect(findings).toMatchObject([{ code, file: { kind, name } }]);
						if (kind === "snapshots")
							expect(findings[0]?.message).toContain("its copy is whole");
					}
					given.backend.heal();
				}
		},
		60_000,
	);

	test("finds damaged labels and files with names that no program gives", async () => {
		const given = await subject();
		const { repository, first } = given;
		const label = encodeLabel(
			{
				snapshot: first.id,
				time: "2026-11-19T12:00:00.000Z",
				op: "add-tag",
				value: "x",
			},
			sha256Hex,
		);
		await withLease(
			repository,
			{ kind: "writer", snapshots: [], command: "test" },
			async (stage) => {
				await stage.putBytes("labels", `${first.id}.0a`, label);
				await stage.putBytes("labels", "strange", label);
				await stage.putBytes("labels", `${"ab".repeat(32)}.0b`, label);
			},
		);
		given.backend.tamper("labels", `${first.id}.0a`, flip(3));
		const { findings } = await given.verify("structure");
		const found = findings.map(({ code, file }) => `${code} ${file?.name}`);
		expect(found.sort()).toEqual(
			[
				`BAD_LABEL ${"ab".repeat(32)}.0b`,
				`BAD_LABEL ${first.id}.0a`,
				"STRANGE_FILE strange",
			].sort(),
		);
	});

	test("follows references from given snapshots only, and reads only packs they need", async () => {
		const given = await subject();
		const { repository, first } = given;
		const report = await verify(repository, {
			level: "data",
			snapshots: [first],
		});
		expect(report.findings).toEqual([]);
		expect(report.snapshots).toBe(1);
		expect(report.packs.read).toBeLessThan(report.packs.listed);
		expect(report.packs.read).toBeGreaterThan(0);
		expect(report.notChecked).toContain("what other snapshots refer to");
	});

	test("reads the part of the packs that is asked for, and says how many it left out", async () => {
		const given = await subject();
		const packs = await given.backend.files("packs");
		let read = 0;
		for (const n of [1, 2, 3]) {
			const report = await verify(given.repository, {
				level: "data",
				subset: { kind: "nth", n, t: 3 },
			});
			read += report.packs.read;
			if (report.packs.read < packs.length)
				expect(report.notChecked).toContain(
					`${packs.length - report.packs.read} of ${packs.length} packs`,
				);
		}
		expect(read).toBe(packs.length);
	});

	test("remembers the packs it found good, and only those", async () => {
		const given = await subject();
		const packs = await given.backend.files("packs");
		const bad = packs[0]?.name as string;
		given.backend.tamper("packs", bad, flip(60));
		const remembered: string[] = [];
		const { index } = given.repository;
		const repository = {
			...given.repository,
			index: new Proxy(index, {
				get: (target, name) =>
					name === "setVerified"
						? async (names: string[], time: number) =>
								void remembered.push(...(time > 0 ? names : []))
						: typeof Reflect.get(target, name) !== "function"
							? Reflect.get(target, name)
							: Reflect.get(target, name).bind(target),
			}),
		};
		await verify(repository, { level: "data" });
		expect(remembered.sort()).toEqual(
			packs
				.map(({ name }) => name)
				.filter((name) => name !== bad)
				.sort(),
		);
	});

	test("finds a chunk that a snapshot needs and no pack holds", async () => {
		const given = await subject();
		const { repository, first, folder } = given;
		const lost = first.record.roots[0]?.tree as ChunkId;
		const { index: whole } = repository;
		const find = (ids: Bytes, at: number) =>
			toHex(ids, at, at + 32) === lost ? undefined : whole.lookup.find(ids, at);
		const places = (ids: Bytes) =>
			whole
				.places(ids)
				.map((place, i) =>
					toHex(ids, i * 32, i * 32 + 32) === lost ? undefined : place,
				);
		const index = new Proxy(whole, {
			get(target, name) {
				if (name === "lookup") return { find };
				if (name === "places") return places;
				const own = Reflect.get(target, name);
				return typeof own === "function" ? own.bind(target) : own;
			},
		});
		const report = await verify(
			{ ...repository, index },
			{ level: "structure" },
		);
		expect(report.findings).toMatchObject([
			{
				code: "MISSING_CHUNK",
				chunk: lost,
				hurt: [{ path: folder, what: "directory", snapshots: [first.id] }],
			},
		]);
	});

	test("stops with the reason of its signal", async () => {
		const given = await subject();
		const reason = new Error("enough");
		await expect(
			verify(given.repository, {
				level: "data",
				signal: AbortSignal.abort(reason),
			}),
		).rejects.toBe(reason);
	});

	test("tells what it does: start, steps up to all bytes, stop", async () => {
		const given = await subject();
		const { repository } = given;
		repository.events.length = 0;
		const report = await verify(repository, { level: "data" });
		const { events } = repository;
		expect(events.at(0)).toMatchObject({ type: "start", verb: "verify" });
		expect(events.at(-1)).toEqual({ type: "stop", verb: "verify" });
		const steps = events.filter((event) => event.type === "step");
		expect(Math.max(...steps.map(({ step }) => step.bytes))).toBe(
			report.bytesRead,
		);
	});
});

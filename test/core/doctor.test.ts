import {
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	encodeLease,
	type LeaseId,
	leastReserve,
	StorageError,
} from "@varve/format";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import {
	type Findings,
	judgeFindings,
} from "../../packages/core/src/doctor/ailments.ts";
import { examine, treat } from "../../packages/core/src/doctor/doctor.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { withStage } from "../../packages/core/src/with-stage.ts";
import { sha256Hex } from "./fake-objects.ts";
import { FakeTimer } from "./fake-timer.ts";
import { foreign } from "./foreign-lease.ts";

const minute = 60_000;
const healthy: Findings = {
	leases: [],
	stages: new Map(),
	fenced: [],
	reserve: 1024 * 1024,
	generations: [],
	packsInNoSegment: 0,
	packsMissing: 0,
	copiesMissing: 0,
	originalsLost: [],
	hasCache: true,
};
const found = {
	lease: foreign.lease,
	names: [`${foreign.lease}.0`],
	record: foreign,
	verdict: "live" as const,
	reason: "unknown" as const,
	silence: 0,
};
const stage = "cd".repeat(16) as LeaseId;

describe("what was found in a repository", () => {
	test.each<[string, Partial<Findings>, readonly string[]]>([
		["nothing", {}, []],
		["someone at work", { leases: [found] }, []],
		[
			"a lease of the dead",
			{ leases: [{ ...found, verdict: "dead", reason: "silent" }] },
			["DEAD_LEASE attention remove-leases"],
		],
		[
			"a lease that cannot be read",
			{ leases: [{ ...found, record: undefined, reason: "unreadable" }] },
			["UNREADABLE_LEASE attention nothing"],
		],
		[
			"a stage without a lease",
			{ stages: new Map([[stage, 59 * minute]]) },
			["STAGE_WITHOUT_LEASE note nothing"],
		],
		[
			"one that was seen an hour ago",
			{ stages: new Map([[stage, 60 * minute]]) },
			["STAGE_WITHOUT_LEASE attention fence-stages"],
		],
		[
			"a stage that was renamed away",
			{ fenced: ["fenced-x"] },
			["FENCED_STAGES attention clear-fenced"],
		],
		[
			"files without a second copy",
			{ copiesMissing: 2 },
			["COPIES_MISSING note make-copies"],
		],
		[
			"copies without their originals",
			{ originalsLost: ["snapshots/x"] },
			["ORIGINALS_LOST attention nothing"],
		],
		[
			"no reserve",
			{ reserve: undefined },
			["NO_RESERVE attention put-reserve"],
		],
		[
			"a pending gc",
			{
				generations: [
					{ name: "x", list: { time: "2026", packs: 1, snapshots: 2 } },
				],
			},
			["PENDING_GC note nothing"],
		],
		[
			"a damaged one",
			{ generations: [{ name: "x", list: undefined }] },
			["DAMAGED_GC_LIST attention put-away-list"],
		],
		[
			"packs without segment, packs that are gone, the latter first",
			{ packsInNoSegment: 1, packsMissing: 1 },
			["PACKS_MISSING attention nothing", "PACKS_IN_NO_SEGMENT note nothing"],
		],
		["no cache", { hasCache: false }, ["NO_CACHE note nothing"]],
	])("%s", (_, changed, expected) => {
		const remarks = judgeFindings({ ...healthy, ...changed });
		expect(
			remarks.map(
				({ code, needsAttention, remedy }) =>
					`${code} ${needsAttention ? "attention" : "note"} ${remedy?.kind ?? "nothing"}`,
			),
		).toEqual(expected);
	});
});

describe("the doctor", () => {
	let folder: string;
	let timer: FakeTimer;
	let repository: Repository;

	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "varve-doctor-"));
		timer = new FakeTimer(Date.parse("2026-11-19T12:00:00Z"));
		repository = await initRepository({
			location: join(folder, "repository"),
			cacheFolder: join(folder, "cache"),
			workers: 0,
			timer,
			clock: timer,
		});
	});
	afterEach(async () => {
		await repository.close();
		rmSync(folder, { recursive: true });
	});
	const path = (...parts: string[]) => join(folder, "repository", ...parts);
	const codes = async () =>
		(await examine(repository)).remarks.map(({ code }) => code);

	test("has nothing to say of a new repository", async () => {
		expect(await codes()).toEqual([]);
	});

	test("finds what was left, changes nothing, and mends it when told to", async () => {
		mkdirSync(path("tmp", `fenced-${stage}-0011`));
		writeFileSync(path("tmp", `fenced-${stage}-0011`, "spool-0"), "x");
		mkdirSync(path("tmp", stage));
		await repository.backend.stage(foreign.lease);
		await withStage(repository, (own) =>
			own.putBytes(
				"leases",
				`${foreign.lease}.0`,
				encodeLease(foreign, sha256Hex),
			),
		);
		rmSync(path("reserve"));
		await examine(repository);
		await timer.pass(61 * minute);
		const { remarks } = await examine(repository);
		const all = [
			"DEAD_LEASE",
			"STAGE_WITHOUT_LEASE",
			"FENCED_STAGES",
			"NO_RESERVE",
		];
		expect(remarks.map(({ code }) => code)).toEqual(all);
		expect(await codes()).toEqual(all);
		const treated = await treat(repository, remarks);
		expect(treated.map(({ failure }) => failure)).toEqual(
			all.map(() => undefined),
		);
		expect(await codes()).toEqual([]);
		expect(await repository.backend.listStages()).toEqual([]);
	});

	test("puts a damaged gc list away, but not while a gc is at work", async () => {
		writeFileSync(path("gc", stage), "no list");
		const found = async () =>
			(await examine(repository)).remarks.filter(
				({ code }) => code === "DAMAGED_GC_LIST",
			);
		await withLease(
			repository,
			{ kind: "gc", snapshots: [], command: "gc" },
			async () => {
				expect(await found()).toMatchObject([{ remedy: undefined }]);
			},
		);
		const [treated] = await treat(repository, await found());
		expect(treated?.failure).toBeUndefined();
		expect(await found()).toEqual([]);
		expect(await repository.backend.list("quarantine")).toHaveLength(1);
	});

	test("finds that second copies are missing, which is no fault, and makes them", async () => {
		rmSync(path("copies"), { recursive: true });
		const { remarks } = await examine(repository);
		expect(remarks).toMatchObject([
			{ code: "COPIES_MISSING", needsAttention: false },
		]);
		const [treated] = await treat(repository, remarks);
		expect(treated?.failure).toBeUndefined();
		expect(readFileSync(path("copies", "config"))).toEqual(
			readFileSync(path("config")),
		);
		expect(await codes()).toEqual([]);
	});

	test("leaves a stage alone whose lease is there", async () => {
		await withLease(
			repository,
			{ kind: "writer", snapshots: [], command: "snapshot" },
			async () => {
				await timer.pass(200 * minute);
				const { leases, remarks } = await examine(repository);
				expect(remarks).toEqual([]);
				expect(leases).toMatchObject([{ record: { command: "snapshot" } }]);
			},
		);
	});

	test("goes on where one thing cannot be mended, and says so", async () => {
		rmSync(path("reserve"));
		mkdirSync(path("tmp", `fenced-${stage}-0011`));
		const { remarks } = await examine(repository);
		const backend = new Proxy(repository.backend, {
			get(target, property) {
				if (property === "clearFenced")
					return async () => {
						throw new StorageError("REFUSED", "no removal here");
					};
				const value = Reflect.get(target, property, target);
				return typeof value === "function" ? value.bind(target) : value;
			},
		});
		const treated = await treat({ ...repository, backend }, remarks);
		expect(
			treated.map(({ remark, failure }) => [remark.code, failure?.code]),
		).toEqual([
			["FENCED_STAGES", "REFUSED"],
			["NO_RESERVE", undefined],
		]);
		expect(await repository.backend.size("reserve", "reserve")).toBe(
			leastReserve,
		);
	});
});

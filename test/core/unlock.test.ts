import { encodeLease, type LeaseId } from "@varve/format";
import { beforeEach, describe, expect, test } from "vitest";
import { identify } from "../../packages/core/src/identity.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import { type UnlockOptions, unlock } from "../../packages/core/src/unlock.ts";
import { sha256Hex } from "./fake-objects.ts";
import { type FakeRepository, fakeRepository } from "./fake-repository.ts";
import { FakeTimer } from "./fake-timer.ts";
import { foreign, putLease } from "./foreign-lease.ts";

const minute = 60_000;
let timer: FakeTimer;
let base: FakeRepository;
let repository: FakeRepository;

beforeEach(async () => {
	base = fakeRepository();
	timer = new FakeTimer(Date.parse("2026-11-19T12:00:00Z"));
	const identity = { ...base.identity, bootId: "here" };
	repository = { ...base, timer, clock: timer, identity };
});

async function hold(lease = foreign): Promise<void> {
	await repository.backend.stage(lease.lease);
	await putLease(base, lease);
}

const outcomes = async (options: UnlockOptions = {}) =>
	(await unlock(repository, options)).map(({ outcome }) => outcome);
const stages = () => repository.backend.listStages();
const leases = () => repository.backend.list("leases");

describe("unlock", () => {
	test("finds nothing to do where nobody works, and leaves nothing", async () => {
		expect(await outcomes()).toEqual([]);
		expect(await stages()).toEqual([]);
	});

	test("keeps what is not dead for certain, and removes it once it is (T21)", async () => {
		await hold();
		expect(await outcomes()).toEqual(["kept"]);
		await timer.pass(29 * minute);
		expect(await outcomes()).toEqual(["kept"]);
		expect(await stages()).toEqual([foreign.lease]);
		await timer.pass(minute);
		expect(await outcomes()).toEqual(["removed"]);
		expect(await stages()).toEqual([]);
		expect(await leases()).toEqual([]);
	});

	test("looks only at those that are named", async () => {
		await hold();
		const other = { ...foreign, lease: "cd".repeat(16) as LeaseId };
		await hold(other);
		const [only, ...more] = await unlock(repository, { leases: ["cdcd"] });
		expect(only?.found.lease).toBe(other.lease);
		expect(more).toEqual([]);
		await expect(unlock(repository, { leases: ["ee"] })).rejects.toMatchObject({
			code: "NO_SUCH_LEASE",
		});
	});
});

describe("unlock by force", () => {
	test("is refused while the holder shows signs of life (T21)", async () => {
		await withLease(
			{ ...repository, identity: { ...repository.identity, bootId: "far" } },
			{ kind: "writer", snapshots: [], command: "snapshot" },
			async (stage) => {
				expect(await outcomes({ force: true })).toEqual(["refused"]);
				await stage.putBytes("labels", "x", new Uint8Array(1));
			},
		);
	});

	test("watches for six minutes, then takes stage and lease of who stays silent (T21)", async () => {
		await hold();
		const began = timer.uptime();
		const watched: number[] = [];
		const watching: UnlockOptions["watching"] = (_, wait) => watched.push(wait);
		expect(await outcomes({ force: true, watching })).toEqual(["forced"]);
		expect(watched).toEqual([6 * minute]);
		expect(timer.uptime() - began).toBe(6 * minute);
		expect(await stages()).toEqual([]);
		expect(await leases()).toEqual([]);
	});

	test("counts the silence that is remembered", async () => {
		await hold();
		await outcomes();
		await timer.pass(20 * minute);
		const began = timer.uptime();
		expect(await outcomes({ force: true })).toEqual(["forced"]);
		expect(timer.uptime() - began).toBe(0);
	});

	test("sees a lease that ends by itself", async () => {
		await hold();
		timer.after(minute, () => {
			void repository.write((stage) =>
				repository.backend.remove(stage, "leases", `${foreign.lease}.0`),
			);
		});
		expect(await outcomes({ force: true })).toEqual(["ended"]);
	});

	test("ends with the reason of its signal, and leaves nothing of its own", async () => {
		await hold();
		const signal = AbortSignal.abort(new Error("interrupted"));
		await expect(unlock(repository, { force: true, signal })).rejects.toThrow(
			"interrupted",
		);
		expect(await stages()).toEqual([foreign.lease]);
	});

	test.runIf(process.platform === "linux")(
		"watches a process that is there longer than it was told to",
		async () => {
			const { user: _, ...us } = identify("test");
			const record = { ...foreign, ...us };
			repository = { ...repository, identity: identify("test") };
			await repository.backend.stage(foreign.lease);
			await putLease(base, foreign, encodeLease(record, sha256Hex));
			const began = timer.uptime();
			expect(await outcomes({ force: true, wait: 0 })).toEqual(["forced"]);
			expect(timer.uptime() - began).toBe(6 * minute);
		},
	);
});

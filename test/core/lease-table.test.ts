import { encodeLease, utf8 } from "@varve/format";
import { beforeEach, describe, expect, test } from "vitest";
import { identify } from "../../packages/core/src/identity.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import {
	fenceDeadLeases,
	listLeases,
} from "../../packages/core/src/lease-table.ts";
import { sha256Hex } from "./fake-objects.ts";
import { type FakeRepository, fakeRepository } from "./fake-repository.ts";
import { FakeTimer } from "./fake-timer.ts";
import { foreign, putLease } from "./foreign-lease.ts";

const minute = 60_000;
let timer: FakeTimer;
let repository: FakeRepository;

/** What each run of this client sees: nothing is shared but the repository and the cache. */
function run(changes: object = {}): FakeRepository {
	const identity = { ...repository.identity, bootId: "here", ...changes };
	return { ...repository, timer, identity, clock: timer };
}

const put = (beat: number, bytes?: Uint8Array) =>
	putLease(repository, { ...foreign, beat }, bytes);

const judged = async (by = run()) =>
	(await listLeases(by)).map(({ verdict, reason }) => `${verdict} ${reason}`);

beforeEach(async () => {
	repository = fakeRepository();
	timer = new FakeTimer(Date.parse("2026-11-19T12:00:00Z"));
	await repository.backend.stage(foreign.lease);
	await put(0);
});

describe("a lease of another machine", () => {
	test("is dead after 30 minutes of observation without a sign of life, summed up over several runs (T22)", async () => {
		expect(await judged()).toEqual(["live unknown"]);
		await timer.pass(29 * minute);
		expect(await judged()).toEqual(["live unknown"]);
		await timer.pass(minute);
		expect(await judged()).toEqual(["dead silent"]);
	});

	test("lives on while its number grows (T22)", async () => {
		for (let beat = 1; beat < 20; beat++) {
			expect(await judged()).toEqual(["live unknown"]);
			await timer.pass(25 * minute);
			await put(beat);
		}
	});

	test("is observed from the beginning again after a start of the observer's machine (T22)", async () => {
		await judged();
		await timer.pass(60 * minute);
		expect(await judged(run({ bootId: "next" }))).toEqual(["live unknown"]);
		await timer.pass(29 * minute);
		expect(await judged(run({ bootId: "next" }))).toEqual(["live unknown"]);
		await timer.pass(minute);
		expect(await judged(run({ bootId: "next" }))).toEqual(["dead silent"]);
	});

	test.each([2, -2])(
		"is judged the same when the observer's clock is set by %d hours (T22)",
		async (hours) => {
			await judged();
			timer.suspend(hours * 60 * minute);
			expect(await judged()).toEqual(["live unknown"]);
			await timer.pass(30 * minute);
			expect(await judged()).toEqual(["dead silent"]);
		},
	);

	test("stays where nothing can be remembered (T22)", async () => {
		const forgetful = (changes: object = {}) => ({
			...run(changes),
			cache: { ...repository.cache, get: async () => undefined },
		});
		await judged(forgetful());
		await timer.pass(1000 * minute);
		expect(await judged(forgetful())).toEqual(["live unknown"]);
		const bootless = run({ bootId: "" });
		await judged(bootless);
		await timer.pass(1000 * minute);
		expect(await judged(bootless)).toEqual(["live unknown"]);
	});

	test("tells how long it has been silent", async () => {
		await judged();
		await timer.pass(7 * minute);
		expect((await listLeases(run()))[0]?.silence).toBe(7 * minute);
	});
});

describe("a lease that cannot be read", () => {
	test.each([
		["empty", new Uint8Array()],
		["damaged", utf8("{}")],
	])("lives for 30 minutes of observation: %s (T22)", async (_, bytes) => {
		await put(0, bytes);
		expect(await judged()).toEqual(["live unreadable"]);
		await timer.pass(29 * minute);
		expect(await judged()).toEqual(["live unreadable"]);
		await timer.pass(minute);
		expect(await judged()).toEqual(["dead silent"]);
	});

	test("is known by a sign of life that can be read", async () => {
		await put(0, utf8("{}"));
		await put(1);
		const [found] = await listLeases(run());
		expect(found?.record?.host).toBe("elsewhere");
	});
});

test.runIf(process.platform === "linux")(
	"a lease whose process is there is alive, however long it is silent (T22)",
	async () => {
		const us = identify("test");
		const { user: _, ...process } = us;
		await put(0, encodeLease({ ...foreign, ...process }, sha256Hex));
		await judged(run(us));
		await timer.pass(1000 * minute);
		expect(await judged(run(us))).toEqual(["live running"]);
	},
);

describe("fencing the dead", () => {
	test("takes stage, signs of life and the lease, and returns who lives", async () => {
		await put(3);
		await put(4);
		const fence = () =>
			repository.write((stage) => fenceDeadLeases(run(), stage));
		expect((await fence()).map(({ lease }) => lease)).toEqual([foreign.lease]);
		expect(await repository.backend.listStages()).toEqual([foreign.lease]);
		await timer.pass(30 * minute);
		expect(await fence()).toEqual([]);
		expect(await repository.backend.listStages()).toEqual([]);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("is done by each writer when it begins", async () => {
		const write = () =>
			withLease(
				run(),
				{ kind: "writer", snapshots: [], command: "snapshot" },
				async () => {},
			);
		await write();
		await timer.pass(60 * minute);
		await write();
		expect(await repository.backend.list("leases")).toEqual([]);
	});
});

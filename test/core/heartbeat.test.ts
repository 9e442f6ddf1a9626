import { decodeLease, StorageError } from "@varve/format";
import { createMemoryBackend, type RemoveBackend } from "@varve/store";
import { type Fault, faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { sha256Hex } from "./fake-objects.ts";
import { FakeTimer } from "./fake-timer.ts";

const minute = 60_000;
const options = { kind: "writer" as const, snapshots: [], command: "test" };

async function setUp(backend: RemoveBackend = createMemoryBackend()) {
	const timer = new FakeTimer(Date.parse("2026-11-19T12:00:00Z"));
	const repository = await initRepository({
		location: backend,
		workers: 0,
		timer,
		clock: timer,
	});
	return { repository, timer };
}

const beatsOf = async ({ backend }: Repository) =>
	(await backend.list("leases"))
		.map(({ name }) => name.slice(name.indexOf(".")))
		.sort();

describe("a lease", () => {
	test("shows a sign of life every five minutes: a new object, and the one before goes, but never the first", async () => {
		const { repository, timer } = await setUp();
		await withLease(repository, options, async (stage) => {
			expect(await beatsOf(repository)).toEqual([".0"]);
			await timer.pass(4 * minute);
			expect(await beatsOf(repository)).toEqual([".0"]);
			await timer.pass(minute);
			expect(await beatsOf(repository)).toEqual([".0", ".1"]);
			await timer.pass(10 * minute);
			expect(await beatsOf(repository)).toEqual([".0", ".3"]);
			const bytes = await repository.backend.read("leases", `${stage.lease}.3`);
			expect(decodeLease(bytes, sha256Hex)).toMatchObject({
				lease: stage.lease,
				beat: 3,
				command: "test",
			});
		});
	});

	test("leaves nothing behind, and nothing that waits, when the work ends well or badly", async () => {
		const { repository, timer } = await setUp();
		const work = withLease(repository, options, async () => {
			await timer.pass(12 * minute);
			throw new StorageError("NO_SPACE", "the disk is full");
		});
		await expect(work).rejects.toThrow("the disk is full");
		expect(await beatsOf(repository)).toEqual([]);
		expect(await repository.backend.listStages()).toEqual([]);
		expect(timer.waiting).toBe(0);
	});

	test("keeps its signs of life until the end where nothing can be removed", async () => {
		const fault: Fault = {
			at: "remove",
			nth: 1,
			always: true,
			error: () => new StorageError("REFUSED", "append-only"),
		};
		const { repository, timer } = await setUp(
			faultyBackend(createMemoryBackend(), [fault]),
		);
		await withLease(repository, options, async (_, lost) => {
			await timer.pass(15 * minute);
			expect(await beatsOf(repository)).toEqual([".0", ".1", ".2", ".3"]);
			expect(lost.aborted).toBe(false);
		});
	});

	test("whose stage was taken away fails its work at the next sign of life (T20)", async () => {
		const { repository, timer } = await setUp();
		const work = withLease(repository, options, async (stage, lost) => {
			await repository.backend.fence(stage.lease);
			await timer.pass(5 * minute);
			lost.throwIfAborted();
		});
		await expect(work).rejects.toMatchObject({
			name: "ConflictError",
			code: "FENCED",
		});
	});
});

describe("a holder that cannot refresh its lease", () => {
	/** Signs of life fail from the second putBytes after init on, until `count` have failed. */
	async function stuck(count: number, code = "STORAGE_FAILED") {
		let left = count;
		const inner = createMemoryBackend();
		const backend = new Proxy(inner, {
			get(target, property) {
				if (property === "stage")
					return async (...args: Parameters<typeof inner.stage>) =>
						failing(await inner.stage(...args));
				const value = Reflect.get(target, property, target);
				return typeof value === "function" ? value.bind(target) : value;
			},
		});
		const failing = (
			stage: Awaited<ReturnType<typeof inner.stage>>,
		): typeof stage =>
			new Proxy(stage, {
				get(target, property) {
					const value = Reflect.get(target, property, target);
					if (property !== "putBytes") return value?.bind?.(target) ?? value;
					return async (...args: Parameters<typeof stage.putBytes>) => {
						if (args[0] === "leases" && !args[1].endsWith(".0") && left-- > 0)
							throw new StorageError(code, "the cable is loose");
						return await stage.putBytes(...args);
					};
				},
			});
		return await setUp(backend);
	}

	test("tries again each minute, and goes on if it then can", async () => {
		const { repository, timer } = await stuck(10);
		const done = await withLease(repository, options, async (_, lost) => {
			await timer.pass(19 * minute);
			expect(lost.aborted).toBe(false);
			expect(await beatsOf(repository)).toEqual([".0", ".1"]);
			await timer.pass(30 * minute);
			return lost.aborted;
		});
		expect(done).toBe(false);
	});

	test("gives up after 20 minutes by the wall clock", async () => {
		const { repository, timer } = await stuck(1000);
		const work = withLease(repository, options, async (_, lost) => {
			await timer.pass(19 * minute);
			expect(lost.aborted).toBe(false);
			await timer.pass(minute);
			expect(lost.aborted).toBe(true);
			lost.throwIfAborted();
		});
		await expect(work).rejects.toMatchObject({
			code: "FENCED",
			message: expect.stringContaining("20 minutes"),
		});
	});

	test.each([
		["NO_SPACE", "reader", false],
		["REFUSED", "reader", false],
		["STORAGE_FAILED", "reader", true],
		["NO_SPACE", "writer", true],
	] as const)(
		"for want of room or permission goes on if it only reads: %s, %s",
		async (code, kind, isLost) => {
			const { repository, timer } = await stuck(1000, code);
			const work = withLease(
				repository,
				{ ...options, kind },
				async (_, lost) => {
					await timer.pass(40 * minute);
					expect(lost.aborted).toBe(isLost);
					lost.throwIfAborted();
				},
			);
			if (isLost) await expect(work).rejects.toMatchObject({ code: "FENCED" });
			else await work;
		},
	);

	test("and whose storage does not answer at all gives up then too", async () => {
		const inner = createMemoryBackend();
		const { repository, timer } = await setUp(inner);
		await withLease(repository, options, async (stage, lost) => {
			let answer = () => {};
			stage.putBytes = () =>
				new Promise((resolve) => {
					answer = resolve;
				});
			await timer.pass(19 * minute);
			expect(lost.aborted).toBe(false);
			await timer.pass(minute);
			expect(lost.aborted).toBe(true);
			answer();
		});
	});

	test("because its machine slept goes on if nobody took its stage meanwhile", async () => {
		const { repository, timer } = await setUp();
		await withLease(repository, options, async (_, lost) => {
			timer.suspend(8 * 60 * minute);
			await timer.pass(5 * minute);
			expect(lost.aborted).toBe(false);
			expect(await beatsOf(repository)).toEqual([".0", ".1"]);
		});
	});
});

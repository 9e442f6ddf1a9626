import type { LeaseId } from "@varve/format";
import { StorageError } from "@varve/format";
import { createMemoryBackend } from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import { withLease } from "../../packages/core/src/lease.ts";
import type { Identity } from "../../packages/core/src/ports.ts";
import { isProvablyDead } from "../../packages/core/src/stale-leases.ts";

const identity: Identity = {
	host: "host",
	user: "user",
	machineId: "machine",
	bootId: "boot",
	pid: 100,
	startTicks: "5000",
	pidNamespace: "pid:[1]",
	program: "varve",
};

const lease = {
	...identity,
	lease: "ab".repeat(16) as LeaseId,
	kind: "writer" as const,
	beat: 0,
	created: "2026-11-19T12:00:00Z",
	snapshots: [],
	command: "snapshot",
};

describe("the holder of a lease", () => {
	test("is dead if its process is gone or is another one now, or the machine was started anew", () => {
		expect(isProvablyDead(lease, identity, () => undefined)).toBe(true);
		expect(isProvablyDead(lease, identity, () => "6000")).toBe(true);
		const restarted = { ...identity, bootId: "later" };
		expect(isProvablyDead(lease, restarted, () => "5000")).toBe(true);
	});

	test("is not dead while nothing proves it", () => {
		expect(isProvablyDead(lease, identity, () => "5000")).toBe(false);
		const elsewhere = { ...identity, pidNamespace: "pid:[2]" };
		expect(isProvablyDead(lease, elsewhere, () => undefined)).toBe(false);
		const other = { ...identity, bootId: "other", machineId: "other" };
		expect(isProvablyDead(lease, other, () => undefined)).toBe(false);
	});

	test("is not dead because a machine with the same machine id and another name runs in another boot: it may be a clone", () => {
		const clone = { ...identity, bootId: "other", host: "clone" };
		expect(isProvablyDead(lease, clone, () => undefined)).toBe(false);
		const unnamed = { ...identity, bootId: "other", host: "" };
		const lost = { ...lease, host: "" };
		expect(isProvablyDead(lost, unnamed, () => undefined)).toBe(false);
	});

	test("is not dead if its process is there and its start cannot be learned, now or when the lease was made", () => {
		expect(isProvablyDead(lease, identity, () => "")).toBe(false);
		const untold = { ...lease, startTicks: "" };
		expect(isProvablyDead(untold, identity, () => "6000")).toBe(false);
		expect(isProvablyDead(untold, identity, () => undefined)).toBe(true);
	});
});

describe("a lease that cannot be removed", () => {
	async function stuckRepository() {
		const error = () => new StorageError("REFUSED", "no removal here");
		const events: VerbEvent[] = [];
		const repository = await initRepository({
			location: faultyBackend(createMemoryBackend(), [
				{ at: "remove", nth: 1, always: true, error },
			]),
			workers: 0,
			observer: { on: (event) => void events.push(event) },
		});
		return { repository, events };
	}
	const options = { kind: "writer" as const, snapshots: [], command: "test" };

	test("does not undo what was done: it is told", async () => {
		const { repository, events } = await stuckRepository();
		expect(await withLease(repository, options, async () => "done")).toBe(
			"done",
		);
		expect(events).toContainEqual({
			type: "warning",
			message: expect.stringContaining("no removal here"),
		});
		expect(await repository.backend.listStages()).toEqual([]);
	});

	test("does not hide why the work failed", async () => {
		const { repository } = await stuckRepository();
		const work = withLease(repository, options, async () => {
			throw new StorageError("NO_SPACE", "the disk is full");
		});
		await expect(work).rejects.toThrow("the disk is full");
	});
});

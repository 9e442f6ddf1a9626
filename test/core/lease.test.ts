import { StorageError } from "@varve/format";
import { createMemoryBackend } from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import { withLease } from "../../packages/core/src/lease.ts";

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

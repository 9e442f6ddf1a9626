import type { LeaseId } from "@varve/format";
import { createMemoryBackend } from "@varve/store";
import { type Fault, faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";

const lease = "a1".repeat(16) as LeaseId;
const bytes = new Uint8Array(3);

/** What a small piece of work does, and whether each step of it succeeds. */
async function work(plan: Fault[]) {
	const backend = faultyBackend(createMemoryBackend(), plan);
	const results: boolean[] = [];
	const step = async (act: () => unknown) => {
		try {
			await act();
			results.push(true);
		} catch (error) {
			expect((error as Error).message).toBe("planned");
			results.push(false);
		}
	};
	const stage = await backend.stage(lease);
	await step(() => stage.putBytes("keys", "a", bytes));
	await step(() => stage.putBytes("keys", "b", bytes));
	await step(() => stage.putBytes("keys", "c", bytes));
	await step(() => backend.list("keys"));
	await step(() => stage.spool.create().write(bytes));
	await step(() => backend.blocking.size("keys", "a"));
	return { backend, results };
}

const planned = () => new Error("planned");

describe("a faulty backend", () => {
	test("without a plan does what the one inside does, and tells the calls in order", async () => {
		const { backend, results } = await work([]);
		expect(results).not.toContain(false);
		expect(backend.calls).toEqual([
			"stage",
			"putBytes",
			"putBytes",
			"putBytes",
			"list",
			"spool.create",
			"spool.write",
			"blocking.size",
		]);
		expect(backend.struck).toBe(0);
		expect(backend.descriptor).toBeUndefined();
	});

	test("fails the n-th call of one kind, once", async () => {
		const { backend, results } = await work([
			{ at: "putBytes", nth: 2, error: planned },
		]);
		expect(results).toEqual([true, false, true, true, true, true]);
		expect(backend.struck).toBe(1);
		expect(await backend.size("keys", "b")).toBeUndefined();
	});

	test("fails all from the n-th on", async () => {
		const { results } = await work([
			{ at: ["putBytes", "list"], nth: 2, always: true, error: planned },
		]);
		expect(results).toEqual([true, false, false, false, true, true]);
	});

	test("counts calls of any kind where none is named, so that a sweep reaches each", async () => {
		for (let nth = 2; nth <= 8; nth++) {
			const { results, backend } = await work([{ nth, error: planned }]);
			expect(results.filter((ok) => !ok)).toHaveLength(1);
			expect(backend.struck).toBe(1);
		}
		const { backend } = await work([{ nth: 9, error: planned }]);
		expect(backend.struck).toBe(0);
	});

	test("removes in stages of its own", async () => {
		const { backend } = await work([]);
		const stage = await backend.stage("b2".repeat(16) as LeaseId);
		await backend.remove(stage, "keys", "a");
		expect(await backend.size("keys", "a")).toBeUndefined();
	});
});

import { isVarveError, type SnapshotId, StorageError } from "@varve/format";
import { faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planForget, removedBy } from "../../packages/core/src/forget/plan.ts";
import { unforget } from "../../packages/core/src/forget/unforget.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { type FakeRepository, fakeRepository } from "./fake-repository.ts";

const days = 8;
const keepLast = 3;

async function daily() {
	const repository = fakeRepository();
	for (let i = 0; i < days; i++) {
		await repository.add({});
		repository.time += 86_400_000;
	}
	return repository;
}

async function planOf(repository: FakeRepository) {
	const snapshots = await listSnapshots(repository);
	return planForget(snapshots, { policy: { keepLast }, now: repository.time });
}

const marks = async ({ backend }: FakeRepository) =>
	(await backend.list("forgotten")).map(({ name }) => name as SnapshotId);

interface Trial {
	readonly nth: number;
	readonly always: boolean;
}

/** Does `work` while one call of the backend fails, once or from then on. Returns its error and the calls there were. */
async function withFault(
	repository: FakeRepository,
	{ nth, always }: Trial,
	work: () => Promise<unknown>,
) {
	const { backend } = repository;
	const error = () => new StorageError("STORAGE_FAILED", "made to fail");
	const faulty = faultyBackend(backend, [{ nth, always, error }]);
	Object.assign(repository, { backend: faulty });
	const failure = await work().then(
		() => undefined,
		(failure: unknown) => failure,
	);
	Object.assign(repository, { backend });
	return { failure, calls: faulty.calls.length };
}

async function callsOf(work: (repository: FakeRepository) => Promise<unknown>) {
	const repository = await daily();
	const never = { nth: 1_000_000, always: false };
	return (await withFault(repository, never, () => work(repository))).calls;
}

function trials(calls: number): Trial[] {
	return Array.from({ length: calls }, (_, i) => i + 1).flatMap((nth) =>
		[false, true].map((always) => ({ nth, always })),
	);
}

describe("whatever call of the backend fails, once or from then on", () => {
	test("forget marks nothing that the plan keeps, says whether it changed anything, and is done by the next run", async () => {
		const run = async (repository: FakeRepository) =>
			forget(repository, await planOf(repository));
		const all = trials(await callsOf(run));
		expect(all.length).toBeGreaterThan(30);
		for (const trial of all) {
			const repository = await daily();
			const planned = removedBy(await planOf(repository));
			const work = () => run(repository);
			const { failure } = await withFault(repository, trial, work);
			const marked = await marks(repository);
			const where = JSON.stringify(trial);
			for (const id of marked) expect(planned, where).toContain(id);
			if (failure === undefined) expect(marked, where).toHaveLength(5);
			else {
				if (!isVarveError(failure)) throw failure;
				expect(failure.code, where).toBe("STORAGE_FAILED");
				expect(failure.details["committed"] === true, where).toBe(
					marked.length > 0,
				);
			}
			await run(repository);
			expect((await marks(repository)).sort()).toEqual([...planned].sort());
		}
	});

	test("unforget brings back only what was asked for, and all of it by the next run", async () => {
		const prepare = async (repository: FakeRepository) =>
			(await forget(repository, await planOf(repository))).forgotten;
		const forgotten = async () => {
			const repository = await daily();
			const ids = await prepare(repository);
			return { repository, ids: ids.slice(0, 3), other: ids.slice(3).sort() };
		};
		const first = await forgotten();
		const { calls } = await withFault(
			first.repository,
			{ nth: 1_000_000, always: false },
			() => unforget(first.repository, first.ids),
		);
		for (const trial of trials(calls)) {
			const { repository, ids, other } = await forgotten();
			const work = () => unforget(repository, ids);
			const { failure } = await withFault(repository, trial, work);
			const marked = await marks(repository);
			expect(marked, JSON.stringify(trial)).toEqual(
				expect.arrayContaining(other),
			);
			if (failure === undefined) expect(marked.sort()).toEqual(other);
			await work();
			expect((await marks(repository)).sort()).toEqual(other);
		}
	});
});

import { isVarveError, type Repository, StorageError } from "@varve/core";
import type { Fault, FaultyBackend } from "@varve/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import {
	type Bench,
	lookAfter,
	makeBench,
	share,
	takeIn,
	within,
} from "./workshop.ts";

/** A prime, so that what is left out here is tried there. */
const step = share || 7;
const codes = ["NO_SPACE", "REFUSED", "STORAGE_FAILED"];

const callsOf = (repository: Repository) =>
	(repository.backend as FaultyBackend).calls;

/** Sentences about what is wrong after one call of the backend failed, once or from then on. */
async function complaintsAbout(
	bench: Bench,
	{ nth, always, code }: { nth: number; always: boolean; code: string },
): Promise<string[]> {
	const disk = bench.disk.copy();
	const error = () => new StorageError(code, "made to fail", {});
	const faults: Fault[] = [{ nth, always, error }];
	let what = `${code} ${always ? "from" : "at"} ${nth}`;
	const end: unknown = await within(
		disk,
		(repository) =>
			takeIn(repository, bench.source).finally(() => {
				what += `, ${callsOf(repository)[nth - 1]}`;
			}),
		{ faults },
	).catch((error) => error);
	const { listed, complaints } = await lookAfter(disk, bench);
	const all = [...complaints];
	if (!(end instanceof Error)) {
		if (listed.length !== 2) all.push("it was said to be done");
	} else if (!isVarveError(end) || end.code !== code)
		all.push(`ended with ${end.stack}`);
	else if (listed.length !== 1) all.push("it failed, and has a record");
	return all.map((complaint) => `${what}: ${complaint}`);
}

describe("a snapshot into a backend that fails at any call, once or from then on", () => {
	const wrong: string[] = [];
	let tried = 0;

	beforeAll(async () => {
		const bench = await makeBench();
		const calls = await within(bench.disk.copy(), async (repository) => {
			await takeIn(repository, bench.source);
			return callsOf(repository).length;
		});
		const faults = codes.flatMap((code) =>
			[false, true].flatMap((always) =>
				Array.from({ length: calls }, (_, i) => ({ nth: i + 1, always, code })),
			),
		);
		for (const fault of faults.filter((_, i) => i % step === 0)) {
			wrong.push(...(await complaintsAbout(bench, fault)));
			tried++;
		}
	}, 600_000);

	test("makes none and fails as the backend did, or is done; the next one succeeds (T12)", () => {
		expect(tried).toBeGreaterThan(120 / step);
		expect(wrong).toEqual([]);
	});
});

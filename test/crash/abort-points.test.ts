import { beforeAll, describe, expect, test } from "vitest";
import type { FsCall } from "./planned-fs.ts";
import {
	type Bench,
	describeCall,
	leftoversOn,
	lookAfter,
	makeBench,
	share,
	takeIn,
	within,
} from "./workshop.ts";

const step = share || 3;
const reason = new Error("enough");

interface Aborted {
	readonly calls: readonly FsCall[];
	readonly complaints: readonly string[];
	readonly isStopped: boolean;
}

/** A snapshot that is aborted while its n-th call to the repository's disk is under way, and what is wrong then. */
async function abortAt(bench: Bench, at: number): Promise<Aborted> {
	const disk = bench.disk.copy();
	const calls: FsCall[] = [];
	const controller = new AbortController();
	const plan = (call: FsCall) => {
		if (calls.push(call) === at) controller.abort(reason);
		return undefined;
	};
	const { signal } = controller;
	const end: unknown = await within(
		disk,
		(repository) => takeIn(repository, bench.source, { signal }),
		{ plan },
	).catch((error) => error);
	const left = leftoversOn(disk).map((name) => `${name} is left`);
	const { listed, complaints } = await lookAfter(disk, bench);
	const isStopped = end === reason;
	const all = [...left, ...complaints];
	if (end instanceof Error && !isStopped) all.push(`ended with ${end.stack}`);
	if (listed.length !== (isStopped ? 1 : 2))
		all.push(`${listed.length} snapshots, ${isStopped ? "" : "not "}stopped`);
	return { calls, complaints: all, isStopped };
}

describe("a snapshot that is aborted during any call to the repository", () => {
	const wrong: string[] = [];
	let stopped = 0;
	let tried = 0;

	beforeAll(async () => {
		const bench = await makeBench();
		const whole = await abortAt(bench, Number.POSITIVE_INFINITY);
		for (let at = 1; at <= whole.calls.length; at += step, tried++) {
			const { calls, complaints, isStopped } = await abortAt(bench, at);
			const when = `aborted at ${at}, ${describeCall(calls[at - 1])}`;
			wrong.push(...complaints.map((complaint) => `${when}: ${complaint}`));
			if (isStopped) stopped++;
		}
	}, 600_000);

	test("makes none and leaves nothing, or is done; the next one succeeds (T06)", () => {
		expect(wrong).toEqual([]);
		expect(tried).toBeGreaterThan(100 / step);
		expect(stopped / tried).toBeGreaterThan(0.5);
	});
});

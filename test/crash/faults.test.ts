import { isVarveError } from "@varve/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { MemoryDisk } from "./memory-disk.ts";
import { type FsCall, systemError } from "./planned-fs.ts";
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

interface Fault {
	/** Which call fails, from 1. */
	readonly at: number;
	readonly errno: string;
	/** Those after it fail too. */
	readonly always: boolean;
}

/** Listing packs reads a folder for each first byte: one of them stands for all. */
const counts = ({ operation, path = "" }: FsCall) =>
	operation !== "readdir" || !/packs\/..$/.test(path) || path.endsWith("00");

interface Trial {
	readonly disk: MemoryDisk;
	readonly calls: readonly FsCall[];
	/** Id of the snapshot, or how it failed. */
	readonly id: string | undefined;
	readonly error: unknown;
	readonly unread: number;
}

async function tryWith(
	{ disk: base, source }: Bench,
	{ at, errno, always }: Fault,
): Promise<Trial> {
	const disk = base.copy();
	const calls: FsCall[] = [];
	const plan = (call: FsCall) => {
		if (!counts(call)) return undefined;
		calls.push(call);
		const isDue = always ? calls.length >= at : calls.length === at;
		return isDue ? systemError(errno, call) : undefined;
	};
	try {
		const { id, record } = await within(disk, (r) => takeIn(r, source), {
			plan,
		});
		const unread = record.unread.length;
		return { disk, calls, id, error: undefined, unread };
	} catch (error) {
		return { disk, calls, id: undefined, error, unread: 0 };
	}
}

const codes: Readonly<Record<string, string>> = {
	ENOSPC: "NO_SPACE",
	EDQUOT: "NO_SPACE",
	EIO: "STORAGE_FAILED",
	EACCES: "REFUSED",
	EROFS: "REFUSED",
};

/** Sentences about how the run itself ended. */
function complaintsOfEnd(
	{ id, error, unread }: Trial,
	{ errno }: Fault,
	listed: readonly string[],
): string[] {
	if (unread > 0) return [`${unread} entries of the source count as unread`];
	if (error === undefined)
		return id !== undefined && listed.includes(id) ? [] : ["not listed"];
	if (!isVarveError(error)) return [`ended with ${String(error)}`];
	const { name, code, message } = error;
	return name === "StorageError" && code === codes[errno]
		? []
		: [`ended with ${name} ${code}: ${message}`];
}

/** What is done to clear up begins with the removal of the lease. */
const isClearing = ({ operation, path = "" }: FsCall) =>
	operation === "rename" && path.includes("/leases/");

interface Outcome {
	readonly wrong: readonly string[];
	/** It failed, and there is a record of which nothing was said. */
	readonly hidden: readonly string[];
	/** Stages and leases that were left, though it was not clearing up that failed. */
	readonly left: readonly string[];
}

async function outcomeOf(bench: Bench, fault: Fault): Promise<Outcome> {
	const trial = await tryWith(bench, fault);
	const { disk, calls, error } = trial;
	const { errno, always, at } = fault;
	const call = describeCall(calls[at - 1]);
	const what = `${errno} ${always ? "from" : "at"} ${at}, ${call}`;
	const told = (complaint: string) => `${what}: ${complaint}`;
	const isClearingUp = calls.slice(0, at).some(isClearing);
	const left = always || isClearingUp ? [] : leftoversOn(disk);
	const { listed, complaints } = await lookAfter(disk, bench);
	const end = complaintsOfEnd(trial, fault, listed);
	const isHidden =
		isVarveError(error) &&
		listed.length > 1 &&
		error.details["committed"] !== true;
	return {
		wrong: [...end, ...complaints].map(told),
		hidden: isHidden ? [told(error.message)] : [],
		left: left.map(told),
	};
}

/** A prime, so that what is left out here is tried there. */
const step = share || 19;
const errnos = ["ENOSPC", "EIO", "EACCES"];
const never: Fault = { at: Infinity, errno: "EIO", always: false };

/** The record has its name; its directory is about to be synced. */
const isAfterCommit = ({ operation, path = "" }: FsCall) =>
	operation === "open" && path.endsWith("/snapshots");

describe("a snapshot into a repository whose storage fails once, or from then on", () => {
	const outcomes: Outcome[] = [];

	beforeAll(async () => {
		const bench = await makeBench();
		const { calls } = await tryWith(bench, never);
		const faults = errnos.flatMap((errno) =>
			[false, true].flatMap((always) =>
				calls.map((_, i) => ({ at: i + 1, errno, always })),
			),
		);
		for (const fault of faults.filter((_, i) => i % step === 0))
			outcomes.push(await outcomeOf(bench, fault));
	}, 1_800_000);

	test("makes no snapshot or a good one, fails as the storage did, and the next one succeeds (T12)", () => {
		expect(outcomes.length).toBeGreaterThan(500 / step);
		expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
	});

	test("leaves no stage and no lease, unless it is clearing up that fails", () => {
		expect(outcomes.flatMap(({ left }) => left)).toEqual([]);
	});
});

describe("a snapshot whose storage fails after the record has its name", () => {
	const hidden: string[] = [];

	beforeAll(async () => {
		const bench = await makeBench();
		const { calls } = await tryWith(bench, never);
		for (let at = calls.findIndex(isAfterCommit) + 1; at <= calls.length; at++)
			hidden.push(
				...(await outcomeOf(bench, { at, errno: "EIO", always: false })).hidden,
			);
	});

	test("succeeds if it is clearing up that fails", () => {
		expect(hidden.filter((text) => !text.includes("/snapshots"))).toEqual([]);
	});

	// Not yet so: it is thrown as if nothing had been committed, which makes exit code 1, 13 or 15 instead of 9.
	test.fails("says that the record is there if its directory cannot be synced", () => {
		expect(hidden).toEqual([]);
	});
});

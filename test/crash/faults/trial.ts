import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gc, isVarveError, type Repository, unlock } from "@varve/core";
import type { FaultyBackend } from "@varve/testkit";
import type { MemoryDisk } from "../memory-disk.ts";
import type { FsCall } from "../planned-fs.ts";
import { worse, wrong } from "../repair/bench.ts";
import {
	describeCall,
	leftoversOn,
	type Trouble,
	within,
} from "../workshop.ts";
import type { Act } from "./act.ts";
import { backendError, type FaultKind } from "./kinds.ts";
import { type Look, lookAt, type State } from "./state.ts";
import type { World } from "./world.ts";

/** An act that is done without faults, to compare with. */
export interface Course {
	readonly act: Act;
	readonly world: World;
	readonly begin: MemoryDisk;
	readonly before: Look;
	readonly after: Look;
	readonly packs: number;
	readonly calls: readonly FsCall[];
	readonly backendCalls: number;
}

/** Listing packs reads a folder for each first byte: one of them stands for all. */
const counts = ({ operation, path = "" }: FsCall) =>
	operation !== "readdir" || !/packs\/..$/.test(path) || path.endsWith("00");

export async function runWithout(act: Act, world: World): Promise<Course> {
	const begin = await act.begin(world);
	const disk = begin.copy();
	const calls: FsCall[] = [];
	const plan = (call: FsCall) => {
		if (counts(call)) calls.push(call);
		return undefined;
	};
	let backendCalls = 0;
	await withCache(act, world, (cacheFolder) =>
		within(
			disk,
			async (repository) => {
				const complaints = (await act.work(repository, world)) ?? [];
				if (complaints.length > 0) throw new Error(complaints.join("; "));
				backendCalls = callsOf(repository).length;
			},
			{ plan, cacheFolder, stays: true },
		),
	);
	const [after, packs] = await within(disk, async (repository) => [
		await lookAt(repository, reads(act)),
		await settle(act, repository, []),
	]);
	await requireDurable(disk, { act, after });
	const before = await within(begin, (r) => lookAt(r, reads(act)));
	return { act, world, begin, before, after, packs, calls, backendCalls };
}

const reads = ({ mends }: Act) => mends === true;

const callsOf = (repository: Repository) =>
	(repository.backend as FaultyBackend).calls;

async function withCache<T>(
	{ isCached }: Act,
	{ folder }: World,
	work: (cacheFolder: string | undefined) => Promise<T>,
): Promise<T> {
	if (isCached !== true) return await work(undefined);
	const cache = mkdtempSync(join(folder, "cache-"));
	try {
		return await work(cache);
	} finally {
		rmSync(cache, { recursive: true, force: true });
	}
}

/** Calls at which a fault of this kind can begin, from 1. */
export function pointsOf(course: Course, { disk }: FaultKind): number[] {
	const { calls, backendCalls } = course;
	if (disk === undefined)
		return Array.from({ length: backendCalls }, (_, i) => i + 1);
	return calls.flatMap((call, i) => (disk.hits(call) ? [i + 1] : []));
}

/** A fault that strikes at the n-th call, or the first one after it that it can strike. */
class Strike {
	readonly #kind: FaultKind;
	readonly #at: number;
	#calls = 0;
	struck = 0;
	/** What it struck first. */
	what = "";
	isClearingUp = false;

	constructor(kind: FaultKind, at: number) {
		this.#kind = kind;
		this.#at = at;
	}

	get trouble(): Trouble {
		const { disk, code, lasts } = this.#kind;
		if (disk !== undefined) return { plan: (call) => this.#fateOf(call, disk) };
		const error = () => {
			this.struck++;
			return backendError(code ?? "");
		};
		return { faults: [{ nth: this.#at, always: lasts, error }] };
	}

	#fateOf(call: FsCall, { hits, fate }: NonNullable<FaultKind["disk"]>) {
		if (this.struck === 0) this.isClearingUp ||= isClearing(call);
		if (!counts(call)) return undefined;
		if (++this.#calls < this.#at || !hits(call)) return undefined;
		if (this.struck > 0 && !this.#kind.lasts) return undefined;
		if (this.struck++ === 0) this.what = describeCall(call);
		return fate(call);
	}
}

/** What is done to clear up begins with the removal of the lease. */
const isClearing = ({ operation, path = "" }: FsCall) =>
	(operation === "rename" && path.includes("/leases/")) ||
	path.includes("/tmp/fenced-");

export interface Trial {
	/** Calls that failed. */
	readonly struck: number;
	readonly complaints: readonly string[];
}

/** Does an act while the storage fails, looks at what is left, and does it again. */
export async function tryFault(
	course: Course,
	kind: FaultKind,
	at: number,
): Promise<Trial> {
	const { act, world, begin } = course;
	return await withCache(act, world, async (cacheFolder) => {
		const disk = begin.copy();
		const strike = new Strike(kind, at);
		const trouble = { ...strike.trouble, cacheFolder };
		const end = await within(
			disk,
			async (repository) => {
				const complaints = await act.work(repository, world);
				return { complaints: complaints ?? [] };
			},
			trouble,
		).catch((error: unknown) => ({ error }));
		const complaints = [
			...complaintsOfEnd(end, kind),
			...leftBehind(course, { kind, strike, disk }),
		];
		const rest =
			kind.powerLoss === "at once" ? disk.afterPowerLoss(() => false) : disk;
		if (isAsBefore(course, rest)) complaints.push(...unlessUndone(course, end));
		else {
			await within(
				rest,
				async (repository) => {
					const half = await lookAt(repository, reads(act));
					complaints.push(...complaintsHalfway(course, half, end));
					complaints.push(...(await again(course, repository)));
				},
				{ cacheFolder, stays: true },
			);
			if (kind.powerLoss === "when done again")
				complaints.push(...(await notDurable(course, rest)));
		}
		const what = `${kind.name}, at ${at}, ${strike.what}`;
		return {
			struck: strike.struck,
			complaints: complaints.map((text) => `${what}: ${text}`),
		};
	});
}

const leaseIn = (name: string) => /[0-9a-f]{32}/.exec(name)?.[0];

type End =
	| { readonly complaints: readonly string[] }
	| { readonly error: unknown };

/** It ends well, or as the storage did. */
function complaintsOfEnd(end: End, { code }: FaultKind): readonly string[] {
	if (!("error" in end)) return end.complaints;
	const { error } = end;
	if (!isVarveError(error)) return [`ended with ${(error as Error).stack}`];
	// What cannot be read is told as damage of one object, with what the storage said as the cause.
	for (let one: unknown = error; isVarveError(one); one = one.cause)
		if (one.name === "StorageError" && one.code === code) return [];
	return [`ended with ${error.name} ${error.code}: ${error.message}`];
}

/** Stages and leases, though it was not clearing up that failed. */
function leftBehind(
	{ begin }: Course,
	{ kind, strike, disk }: { kind: FaultKind; strike: Strike; disk: MemoryDisk },
): string[] {
	if (kind.lasts || kind.disk === undefined || strike.isClearingUp) return [];
	// Of the dead there may be something left as before, under another name.
	const dead = leftoversOn(begin).map(leaseIn);
	const left = leftoversOn(disk).filter(
		(name) => !dead.includes(leaseIn(name)),
	);
	return left.map((name) => `${name} is left`);
}

/** To the last byte: looking at it and doing the act again would only repeat what was done without faults. */
function isAsBefore({ act, begin }: Course, disk: MemoryDisk): boolean {
	return act.isCached !== true && disk.equals(begin);
}

/** Nothing has come of the act. */
function unlessUndone({ before, after }: Course, end: End): string[] {
	return "error" in end ? [] : unlike(before.state, after.state);
}

/** Nothing is lost, nothing is there that nobody wanted; and if it was said to be done, it is. */
function complaintsHalfway(
	{ act, before, after }: Course,
	half: Look,
	end: End,
): string[] {
	const complaints = "error" in end ? [] : unlike(half.state, after.state);
	if (act.mends)
		complaints.push(
			...worse(before.contents, half.contents).map(
				(path) => `${path} cannot be read any more`,
			),
			...wrong(after.contents, half.contents).map((path) => `${path} is wrong`),
		);
	else {
		complaints.push(...half.state.findings);
		const [was, is, will] = [before, half, after].map(
			({ state }) => new Set(state.live),
		) as [Set<string>, Set<string>, Set<string>];
		for (const text of was)
			if (will.has(text) && !is.has(text))
				complaints.push(`a snapshot is gone: ${text}`);
		for (const text of is)
			if (!was.has(text) && !will.has(text))
				complaints.push(`a snapshot is there: ${text}`);
	}
	return complaints;
}

/** What is not as it should be, leases aside. */
function unlike(state: State, expected: State): string[] {
	return (Object.keys(expected) as (keyof State)[]).flatMap((what) => {
		if (what === "leases") return [];
		const [is, was] = [state, expected].map((one) => JSON.stringify(one[what]));
		return is === was ? [] : [`${what}: ${is}, not ${was}`.slice(0, 600)];
	});
}

/** Without faults: then all is as if there had been none. */
async function again(
	{ act, world, after, packs }: Course,
	repository: Repository,
): Promise<string[]> {
	const complaints: string[] = [];
	try {
		complaints.push(...((await act.work(repository, world)) ?? []));
	} catch (error) {
		return [`done again it ended with ${(error as Error).stack}`];
	}
	await unlock(repository);
	const { state } = await lookAt(repository, reads(act));
	complaints.push(...unlike(state, after.state));
	if (state.leases > after.state.leases)
		complaints.push(`${state.leases} leases are left`);
	const count = await settle(act, repository, complaints);
	if (count !== packs) complaints.push(`${count} packs, not ${packs}`);
	return complaints.map((text) => `done again: ${text}`);
}

type Done = Pick<Course, "act" | "after">;

async function requireDurable(disk: MemoryDisk, done: Done): Promise<void> {
	const complaints = await notDurable(done, disk);
	if (complaints.length > 0) throw new Error(complaints.join("; "));
}

/** What was told to be done, and is not there when power is lost after it. */
async function notDurable(
	{ act, after }: Done,
	disk: MemoryDisk,
): Promise<string[]> {
	const left = disk.afterPowerLoss(() => false);
	const { state } = await within(left, (r) => lookAt(r, reads(act)));
	return unlike(state, after.state).map((text) => `not durable: ${text}`);
}

/** Collects until nothing is left to do; the number of packs then. */
async function settle(
	{ settles }: Act,
	repository: Repository,
	complaints: string[],
): Promise<number> {
	if (settles === undefined) return 0;
	let state = "";
	for (let times = 0; times < 3 && state !== "nothing"; times++)
		({ state } = await gc(repository, settles));
	if (state !== "nothing") complaints.push(`gc ends with ${state} each time`);
	return (await repository.backend.list("packs")).length;
}

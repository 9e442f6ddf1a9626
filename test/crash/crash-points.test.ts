import { NotFoundError } from "@varve/format";
import { beforeAll, describe, expect, test } from "vitest";
import { type Luck, MemoryDisk } from "./memory-disk.ts";
import type { FsCall, FsPlan } from "./planned-fs.ts";
import { seeded } from "./random.mjs";
import {
	type Bench,
	complaintsOf,
	describeCall,
	initOn,
	leftoversOn,
	location,
	lookAfter,
	makeBench,
	share,
	takeIn,
	within,
} from "./workshop.ts";

interface Dying {
	readonly plan: FsPlan;
	/** Changes made, the last of them not. */
	readonly calls: FsCall[];
}

/** A process that dies at the n-th change it makes to the disk: nothing that it does from then on has an effect. */
function dyingAt(at: number): Dying {
	const calls: FsCall[] = [];
	const plan = (call: FsCall) => {
		if (call.changes && calls.length < at) calls.push(call);
		return calls.length >= at ? new Error("the process is dead") : undefined;
	};
	return { plan, calls };
}

interface Death {
	/** As the process leaves it. */
	readonly disk: MemoryDisk;
	readonly calls: readonly FsCall[];
}

async function dieInSnapshot(bench: Bench, at: number): Promise<Death> {
	const disk = bench.disk.copy();
	const { plan, calls } = dyingAt(at);
	await within(disk, (r) => takeIn(r, bench.source), { plan }).catch(() => {});
	return { disk, calls };
}

const never = Number.POSITIVE_INFINITY;
/** Nothing that no fsync has covered has reached the disk. */
const noLuck: Luck = () => false;

/** Whatever no fsync has covered has reached the disk, or not, or in part, each for itself. */
function someLuck(seed: number): Luck {
	const random = seeded(seed);
	return () => random.below(2) === 0;
}

describe("a snapshot whose process dies at any of its changes to the repository", () => {
	const wrong: string[] = [];
	const left: string[] = [];
	const undone: string[] = [];
	let points = 0;

	beforeAll(async () => {
		const bench = await makeBench();
		const undisturbed = await dieInSnapshot(bench, never);
		for (let at = 1; at <= undisturbed.calls.length; at++, points++) {
			const { disk, calls } = await dieInSnapshot(bench, at);
			const when = `dead at ${at}, ${describeCall(calls[at - 1])}`;
			const { complaints, kept } = await lookAfter(disk, bench);
			wrong.push(...complaints.map((complaint) => `${when}: ${complaint}`));
			const lost = await within(disk.afterPowerLoss(noLuck), (r) =>
				complaintsOf(r, bench.source, kept),
			);
			undone.push(...lost.map((complaint) => `${when}: ${complaint}`));
			left.push(...leftoversOn(disk).map((name) => `${when}: ${name}`));
		}
	});

	test("leaves no damage, and the next one succeeds (T06)", () => {
		expect(points).toBeGreaterThan(40);
		expect(wrong).toEqual([]);
	});

	test("leaves nothing on which the next one relies, and which a loss of power after that takes away (T01, T06)", () => {
		expect(undone).toEqual([]);
	});

	test("leaves no lease that the next one does not clear", () => {
		expect(left.filter((name) => name.includes(": leases/"))).toEqual([]);
	});

	// Not yet so: a stage without a lease cannot be judged, and is there just before the lease comes and just after it went.
	test.fails("leaves no stage that the next one does not clear", () => {
		expect(left).toEqual([]);
	});
});

describe("power lost", () => {
	const lucks = share === 1 ? [1, 2, 3, 4, 5, 6, 7, 8] : [1];

	test("after any change of a snapshot leaves earlier ones whole and nothing half done listed (T01, T02)", async () => {
		const bench = await makeBench();
		const { calls } = await dieInSnapshot(bench, never);
		const wrong: string[] = [];
		for (let at = 2; at <= calls.length + 1; at++) {
			const death = await dieInSnapshot(bench, at);
			const when = `lost after ${at - 1}, ${describeCall(death.calls[at - 2])}`;
			const all = [noLuck, ...lucks.map((seed) => someLuck(seed * 1000 + at))];
			const tried = share === 1 ? all : [all[at % all.length] as Luck];
			for (const luck of tried) {
				const disk = death.disk.afterPowerLoss(luck);
				const { complaints } = await lookAfter(disk, bench);
				wrong.push(...complaints.map((complaint) => `${when}: ${complaint}`));
			}
		}
		expect(wrong).toEqual([]);
	});

	test("after a snapshot was reported as done leaves it done (T01, T02)", async () => {
		const bench = await makeBench();
		const { source, account, first } = bench;
		for (const luck of [noLuck, ...lucks.map(someLuck)]) {
			const disk = bench.disk.copy();
			const { id } = await within(disk, (r) => takeIn(r, source));
			const rest = disk.afterPowerLoss(luck);
			const complaints = await within(rest, (r) =>
				complaintsOf(r, source, [first, { id, account }]),
			);
			expect(complaints).toEqual([]);
		}
	});

	test("after an init was reported as done leaves a repository (T01, T02)", async () => {
		const disk = new MemoryDisk();
		await initOn(disk);
		const opened = within(disk.afterPowerLoss(noLuck), async ({ config }) => {
			return config.packBytes;
		});
		expect(await opened).toBe(8192);
	});
});

describe("an init whose process dies, or whose power is lost, at any of its changes", () => {
	const wrong: string[] = [];
	/** It stopped between the two files that it makes. */
	const stuck: string[] = [];
	/** There was a snapshot in it. */
	const undone: string[] = [];

	beforeAll(async () => {
		const bench = await makeBench();
		const whole = dyingAt(never);
		await initOn(new MemoryDisk(), whole.plan);
		for (let at = 1; at <= whole.calls.length; at++) {
			const call = whole.calls[at - 1];
			if (isPackFolder(call) && share !== 1) continue;
			const disk = new MemoryDisk();
			await initOn(disk, dyingAt(at).plan).catch(() => {});
			// Making second copies would make the config durable too.
			const bare = new MemoryDisk();
			await initOn(bare, dyingAt(at).plan, { copies: false }).catch(() => {});
			for (const complaint of await complaintsAfterFirst(bare, bench))
				undone.push(`${at}, ${describeCall(call)}: ${complaint}`);
			for (const luck of [() => true, noLuck, someLuck(at)]) {
				const complaint = await complaintAboutInit(disk.afterPowerLoss(luck));
				if (complaint === undefined) continue;
				const list = complaint.includes("holds reserve") ? stuck : wrong;
				list.push(`${at}, ${describeCall(call)}: ${complaint}`);
			}
		}
	});

	test("leaves a repository, or none and room for one", () => {
		expect(wrong).toEqual([]);
	});

	test("leaves a repository in which a snapshot is safe from a loss of power as soon as it is taken (T01)", () => {
		expect(undone).toEqual([]);
	});

	test("leaves room for one also between its two files", () => {
		expect(stuck).toEqual([]);
	});
});

/** Takes a snapshot, after an init if there is no repository, and then power is lost. */
async function complaintsAfterFirst(
	disk: MemoryDisk,
	{ source, account }: Bench,
): Promise<string[]> {
	await within(disk, async () => {}).catch(() => initOn(disk));
	const { id } = await within(disk, (r) => takeIn(r, source));
	return await within(disk.afterPowerLoss(noLuck), (r) =>
		complaintsOf(r, source, [{ id, account }]),
	).catch((error) => [String(error)]);
}

/** One of 256. */
function isPackFolder(call: FsCall | undefined): boolean {
	return (
		call?.operation === "mkdir" && /packs\/.[1-9a-f]$/.test(call.path ?? "")
	);
}

/** Undefined if there is a repository, or can be one. */
async function complaintAboutInit(
	disk: MemoryDisk,
): Promise<string | undefined> {
	try {
		await within(disk, async () => {});
		return undefined;
	} catch (error) {
		const isAbsent =
			error instanceof NotFoundError && error.code === "NO_REPOSITORY";
		if (!isAbsent) return `opening ends with ${String(error)}`;
	}
	try {
		await initOn(disk);
		return undefined;
	} catch (error) {
		const names = disk.namesIn(location).join(", ");
		return `a second init ends with ${String(error)} (${names})`;
	}
}

import { type GcOptions, gc } from "@varve/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Luck, MemoryDisk } from "./memory-disk.ts";
import type { FsCall, FsPlan } from "./planned-fs.ts";
import { seeded } from "./random.mjs";
import {
	type Bench,
	complaintsOf,
	describeCall,
	type Kept,
	leftoversOn,
	location,
	makeBench,
	share,
	takeIn,
	within,
} from "./workshop.ts";

const step = share || 3;
const never = Number.POSITIVE_INFINITY;
const options: GcOptions = { grace: 0, repack: { age: 0 } };

interface Death {
	/** As the process leaves it. */
	readonly disk: MemoryDisk;
	/** Changes made, the last of them not. */
	readonly calls: readonly FsCall[];
}

/** A gc that puts old content together dies at its n-th change of the repository. */
async function dieInGc(before: MemoryDisk, at: number): Promise<Death> {
	const disk = before.copy();
	const calls: FsCall[] = [];
	const plan: FsPlan = (call) => {
		if (call.changes && calls.length < at) calls.push(call);
		return calls.length >= at ? new Error("the process is dead") : undefined;
	};
	await within(disk, (r) => gc(r, options), { plan }).catch(() => {});
	return { disk, calls };
}

const packsOn = (disk: MemoryDisk) =>
	disk
		.namesIn(`${location}/packs`)
		.flatMap((folder) => disk.namesIn(`${location}/packs/${folder}`)).length;

/** Whatever no fsync has covered has reached the disk, or not, or in part, each for itself. */
function someLuck(seed: number): Luck {
	const random = seeded(seed);
	return () => random.below(2) === 0;
}

interface Scene {
	readonly bench: Bench;
	readonly disk: MemoryDisk;
	readonly kept: readonly Kept[];
}

async function makeScene(): Promise<Scene> {
	const bench = await makeBench();
	const { disk, source, first, account } = bench;
	const { id } = await within(disk, (r) => takeIn(r, source));
	return { bench, disk, kept: [first, { id, account }] };
}

/** What is wrong with what is left, and after gcs that go on where it ended. */
async function lookAt(
	disk: MemoryDisk,
	{ bench: { source }, kept }: Scene,
): Promise<string[]> {
	const complaints = await within(disk, (r) => complaintsOf(r, source, kept));
	await within(disk, (r) => gc(r, options));
	await within(disk, (r) => gc(r, options));
	const { state } = await within(disk, (r) => gc(r, options));
	if (state !== "nothing") complaints.push(`the last gc ended with ${state}`);
	for (const complaint of await within(disk, (r) =>
		complaintsOf(r, source, kept),
	))
		complaints.push(`after the next gc: ${complaint}`);
	const leases = leftoversOn(disk).filter((name) => name.startsWith("leases"));
	return [...complaints, ...leases.map((name) => `${name} is left`)];
}

describe("a gc --repack whose process dies, or whose power is lost, at any of its changes to the repository", () => {
	const wrong: string[] = [];
	const packs = new Set<number>();
	let points = 0;
	let before = 0;
	let undisturbed = 0;

	beforeAll(async () => {
		const scene = await makeScene();
		before = packsOn(scene.disk);
		const whole = await dieInGc(scene.disk, never);
		undisturbed = packsOn(whole.disk);
		for (let at = 1; at <= whole.calls.length; at += step, points++) {
			const { disk, calls } = await dieInGc(scene.disk, at);
			const isPowerLost = points % 2 === 1;
			const rest = isPowerLost ? disk.afterPowerLoss(someLuck(at)) : disk;
			const when = `${isPowerLost ? "lost" : "dead"} at ${at}, ${describeCall(calls[at - 1])}`;
			const complaints = await lookAt(rest, scene);
			wrong.push(...complaints.map((complaint) => `${when}: ${complaint}`));
			packs.add(packsOn(rest));
		}
	}, 600_000);

	test("leaves every snapshot whole, and the next one goes on (T06)", () => {
		expect(points).toBeGreaterThan(10);
		expect(wrong).toEqual([]);
	});

	test("leaves nothing twice that the next one does not clear", () => {
		expect(undisturbed).toBeLessThan(before);
		expect([...packs]).toEqual([undisturbed]);
	});
});

import { rmSync } from "node:fs";
import { join } from "node:path";
import {
	addTags,
	gc,
	listSnapshots,
	pin,
	type Repository,
	removeTags,
	restore,
	type SnapshotId,
	setTags,
	unpin,
	withLease,
} from "@varve/core";
import { seeded } from "../random.mjs";
import { lossOf, type Random } from "./loss.ts";
import { location, type Recorder } from "./recorder.ts";
import { repairs } from "./repairs.ts";
import { ProcessDead } from "./simulated-fs.ts";

export interface Scenario {
	readonly name: string;
	/** Does something to a disk, part of it after `settle`: at each operation of that, power will be lost. */
	readonly run: (recorder: Recorder, random: Random) => Promise<void>;
}

/** All that is done to a repository. To add something is to add a line here, and to say what it promises by the recorder. */
export const scenarios: readonly Scenario[] = [
	{ name: "init", run: init },
	{ name: "first snapshot", run: firstSnapshot },
	{ name: "next snapshot", run: nextSnapshot },
	{ name: "unchanged snapshot", run: unchangedSnapshot },
	{ name: "snapshot that reads back", run: checkedSnapshot },
	{ name: "snapshot of a stream", run: streamSnapshot },
	{ name: "two writers", run: twoWriters },
	{ name: "two first writers", run: twoFirstWriters },
	{ name: "snapshot and restore", run: snapshotAndRestore },
	{ name: "interrupted and resumed", run: interrupted },
	{ name: "killed and resumed", run: killed },
	{ name: "power lost and resumed", run: powerLost },
	{ name: "index rebuilt", run: indexRebuilt },
	{ name: "labels", run: labels },
	{ name: "forget and unforget", run: forgetAndUnforget },
	{ name: "gc", run: collectAll },
	{ name: "gc without repacking", run: collectWhole },
	{ name: "gc that waits", run: collectLater },
	{ name: "gc and snapshot", run: collectWhileTaking },
	{ name: "gc killed and resumed", run: collectAgain },
	...repairs,
];

async function init(recorder: Recorder): Promise<void> {
	recorder.change(1);
	await recorder.init();
}

async function firstSnapshot(recorder: Recorder): Promise<void> {
	await recorder.init();
	recorder.change(1);
	recorder.settle();
	await recorder.within((r) => recorder.take(r));
}

/** A repository with a snapshot, whose source has changed since. */
async function withOne(recorder: Recorder): Promise<SnapshotId> {
	await recorder.init();
	recorder.change(1);
	const id = await recorder.within((r) => recorder.take(r));
	recorder.change(2);
	recorder.settle();
	return id;
}

async function nextSnapshot(recorder: Recorder): Promise<void> {
	await withOne(recorder);
	await recorder.within((r) => recorder.take(r));
}

async function unchangedSnapshot(recorder: Recorder): Promise<void> {
	await withOne(recorder);
	await recorder.within((r) => recorder.take(r));
	recorder.settle();
	await recorder.within((r) => recorder.take(r));
}

async function checkedSnapshot(recorder: Recorder): Promise<void> {
	await withOne(recorder);
	const options = { verify: true, paranoid: true, force: true };
	await recorder.within((r) => recorder.take(r, options));
}

async function streamSnapshot(
	recorder: Recorder,
	random: Random,
): Promise<void> {
	await withOne(recorder);
	const bytes = random.bytes(20_000);
	await recorder.within((r) => recorder.takeStream(r, bytes));
}

/** Calls of several writers come in an order that follows from the seed. */
function interleave({ disk }: Recorder, random: Random): void {
	const pause = async () => {
		for (let turns = random.below(12); turns > 0; turns--)
			await Promise.resolve();
	};
	disk.options = { pause };
}

async function twoWriters(recorder: Recorder, random: Random): Promise<void> {
	await withOne(recorder);
	interleave(recorder, random);
	const sub = join(recorder.source, "sub");
	await Promise.all([
		recorder.within((r) => recorder.take(r, { force: true })),
		recorder.within((r) => recorder.takeOf(r, sub)),
	]);
}

async function twoFirstWriters(
	recorder: Recorder,
	random: Random,
): Promise<void> {
	await recorder.init();
	recorder.change(1);
	recorder.settle();
	interleave(recorder, random);
	const take = (r: Repository) => recorder.take(r);
	await Promise.all([recorder.within(take), recorder.within(take)]);
}

async function snapshotAndRestore(
	recorder: Recorder,
	random: Random,
): Promise<void> {
	await withOne(recorder);
	interleave(recorder, random);
	const target = `${recorder.source}-restored`;
	await Promise.all([
		recorder.within((r) => recorder.take(r)),
		recorder.within(async (r) => {
			const snapshot = (await listSnapshots(r))[0];
			if (snapshot) await restore(r, { snapshot, target });
		}),
	]);
	rmSync(target, { recursive: true, force: true });
}

/** Operations of a snapshot of a few files: about as many as `nextSnapshot` records. */
const somewhere = (random: Random) => 3 + random.below(40);

async function interrupted(recorder: Recorder, random: Random): Promise<void> {
	await withOne(recorder);
	const stop = new AbortController();
	let left = somewhere(random);
	recorder.disk.options = {
		fail: () => {
			if (left-- === 0) stop.abort();
			return undefined;
		},
	};
	const { signal } = stop;
	await recorder.within((r) => recorder.take(r, { signal })).catch(() => {});
	await recorder.within((r) => recorder.take(r));
}

async function killed(recorder: Recorder, random: Random): Promise<void> {
	await withOne(recorder);
	await dieSomewhere(recorder, random);
	await recorder.within((r) => recorder.take(r));
}

/** A process that does nothing more after some operation. */
async function dieSomewhere(
	recorder: Recorder,
	random: Random,
	work: (repository: Repository) => Promise<unknown> = (r) => recorder.take(r),
): Promise<void> {
	let left = somewhere(random);
	const dead = new ProcessDead();
	recorder.disk.options = { fail: () => (left-- > 0 ? undefined : dead) };
	const how = { dies: true };
	await recorder.within(work, how).catch(() => {});
	recorder.disk.options = {};
}

/** Power is lost a second time, while the work that the first time has stopped is done again. */
async function powerLost(recorder: Recorder, random: Random): Promise<void> {
	await withOne(recorder);
	await dieSomewhere(recorder, random);
	recorder.losePower(lossOf(random.below(20), random));
	await recorder.within((r) => recorder.take(r), { boot: 2 });
}

/** No segment is left: a snapshot finds out from the packs what is stored, and writes segments anew. */
async function indexRebuilt(recorder: Recorder): Promise<void> {
	await withOne(recorder);
	await recorder.within((r) => recorder.take(r));
	recorder.change(3);
	const { disk } = recorder;
	for (const name of disk.namesIn(`${location}/segments`))
		disk.layer.unlinkSync(`${location}/segments/${name}`);
	recorder.settle();
	await recorder.within((r) => recorder.take(r));
}

async function labels(recorder: Recorder): Promise<void> {
	const id = await withOne(recorder);
	recorder.labelled(id, [], false);
	const changes: readonly LabelStep[] = [
		[(r) => addTags(r, [id], ["a", "b"]), ["a", "b"], false],
		[(r) => pin(r, [id]), ["a", "b"], true],
		[(r) => removeTags(r, [id], ["a"]), ["b"], true],
		[(r) => setTags(r, [id], ["c"]), ["c"], true],
		[(r) => unpin(r, [id]), ["c"], false],
	];
	for (const [change, tags, isPinned] of changes) {
		recorder.relabelling(id);
		await recorder.within(change);
		recorder.labelled(id, tags, isPinned);
	}
}

type LabelStep = readonly [
	change: (repository: Repository) => Promise<unknown>,
	tags: readonly string[],
	isPinned: boolean,
];

async function forgetAndUnforget(recorder: Recorder): Promise<void> {
	const first = await withOne(recorder);
	const second = await recorder.within((r) => recorder.take(r));
	recorder.settle();
	await recorder.forget([first, second]);
	await recorder.unforget([first]);
}

const everything = { grace: 0, maxUnused: { bytes: 0 } };

/**
 * Three snapshots of one folder, one of another with content of its own; all but the second are forgotten. The source is then what it
 * was in one of those, so that what comes after the loss is of content that is being deleted (T10).
 */
async function withForgotten(recorder: Recorder): Promise<void> {
	const first = await withOne(recorder);
	await recorder.within((r) => recorder.take(r));
	recorder.change(3);
	const third = await recorder.within((r) => recorder.take(r));
	const stream = seeded(99).bytes(20_000);
	const other = await recorder.within((r) => recorder.takeStream(r, stream));
	await recorder.forget([first, third, other]);
	recorder.change(1);
	recorder.settle();
}

/** Marks, repacks, condemns, sweeps. */
async function collectAll(recorder: Recorder): Promise<void> {
	await withForgotten(recorder);
	await recorder.within((r) => gc(r, everything));
}

/** Only packs in which nothing lives. */
async function collectWhole(recorder: Recorder): Promise<void> {
	await withForgotten(recorder);
	const options = { grace: 0, maxUnused: { share: 1 } };
	await recorder.within((r) => gc(r, options));
}

/** Somebody still works when the packs are condemned; the next gc deletes them. */
async function collectLater(recorder: Recorder): Promise<void> {
	await withForgotten(recorder);
	const lease = { kind: "reader", snapshots: [], command: "test" } as const;
	await recorder.within((r) =>
		withLease(r, lease, async () => {
			await recorder.within((other) => gc(other, everything));
		}),
	);
	await recorder.within((r) => gc(r, everything));
}

async function collectWhileTaking(
	recorder: Recorder,
	random: Random,
): Promise<void> {
	await withForgotten(recorder);
	interleave(recorder, random);
	const force = random.below(2) === 0;
	await Promise.all([
		recorder.within((r) => gc(r, everything)),
		recorder.within((r) => recorder.take(r, { force })),
	]);
	await recorder.within((r) => gc(r, everything));
}

async function collectAgain(recorder: Recorder, random: Random): Promise<void> {
	await withForgotten(recorder);
	await dieSomewhere(recorder, random, (r) => gc(r, everything));
	await recorder.within((r) => recorder.take(r));
	await recorder.within((r) => gc(r, everything));
}

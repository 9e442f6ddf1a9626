import {
	addTags,
	examine,
	forget,
	gc,
	isVarveError,
	listSnapshots,
	pin,
	planByHand,
	planForget,
	type Repository,
	recover,
	removePolicy,
	repairIndex,
	repairPacks,
	repairSnapshots,
	setPolicy,
	treat,
	unforget,
	withLease,
} from "@varve/core";
import type { MemoryDisk } from "../memory-disk.ts";
import type { FsCall } from "../planned-fs.ts";
import { takeIn, within } from "../workshop.ts";
import { lookAt, type State } from "./state.ts";
import type { World } from "./world.ts";

/** What one process dies at, and another one does after it. */
export interface PairAct {
	readonly name: string;
	readonly work: (repository: Repository, world: World) => Promise<unknown>;
	/** What must be as it was when this had ended, if power is lost then. */
	readonly promises: readonly (keyof State)[];
	/** Only after another one. */
	readonly mends?: boolean;
}

const everything = { grace: 0, maxUnused: { bytes: 0 } };
const stays = { stays: true } as const;
const all = (repository: Repository) =>
	listSnapshots(repository, { forgotten: true });
const idsOf = async (repository: Repository) =>
	(await all(repository)).map(({ id }) => id);
const keepLast = (count: number) => ({
	groupBy: ["host" as const],
	policy: { keepLast: count },
	exceptions: [],
});
const ignoring = (code: string) => (error: unknown) => {
	if (!isVarveError(error) || error.code !== code) throw error;
};

export const pairActs: readonly PairAct[] = [
	{
		name: "snapshot",
		work: (r, { source }) => takeIn(r, source),
		promises: [],
	},
	{
		name: "snapshot --skip-if-unchanged",
		work: (r, { source }) => takeIn(r, source, { skipIfUnchanged: true }),
		promises: ["live"],
	},
	{
		name: "forget",
		work: async (r) => forget(r, planByHand((await all(r)).slice(0, 1))),
		promises: ["live", "forgotten"],
	},
	{
		name: "forget --keep-last 1",
		work: async (r) => {
			const policy = { keepLast: 1 };
			const live = await listSnapshots(r);
			await forget(r, planForget(live, { policy, now: r.clock.now() }));
		},
		promises: ["live"],
	},
	{
		name: "unforget",
		work: async (r) => unforget(r, await idsOf(r)),
		promises: ["live", "forgotten"],
	},
	{
		name: "tag",
		work: async (r) => addTags(r, await idsOf(r), ["some"]),
		promises: ["live", "labels"],
	},
	{
		name: "pin",
		work: async (r) => pin(r, (await idsOf(r)).slice(-1)),
		promises: ["live", "labels"],
	},
	{
		name: "policy set",
		work: (r) => setPolicy(r, "one", keepLast(3)),
		promises: ["policies"],
	},
	{
		name: "policy remove",
		work: (r) => removePolicy(r, "one").catch(ignoring("NO_SUCH_POLICY")),
		promises: ["policies"],
	},
	{
		name: "gc",
		work: (r) => gc(r, everything),
		promises: ["live", "forgotten"],
	},
	{
		name: "gc --repack",
		work: (r) => gc(r, { ...everything, repack: { age: 0 } }),
		promises: ["live", "forgotten"],
	},
	{
		name: "doctor --fix",
		work: async (r) => treat(r, (await examine(r)).remarks),
		promises: [],
		mends: true,
	},
	{
		name: "repair index",
		work: (r) => repairIndex(r),
		promises: ["live"],
		mends: true,
	},
	{
		name: "repair packs",
		work: (r) => repairPacks(r, { readData: true }),
		promises: ["live"],
		mends: true,
	},
	{
		name: "repair snapshots",
		work: (r) => repairSnapshots(r),
		promises: ["live", "forgotten"],
		mends: true,
	},
	{
		name: "recover",
		work: (r) => recover(r),
		promises: ["live"],
		mends: true,
	},
];

/** Labels, a policy set twice, a forgotten snapshot; with second copies, without, and with a gc that has condemned and waits. */
export async function pairDisks({
	disk,
	plain,
}: World): Promise<ReadonlyMap<string, MemoryDisk>> {
	const prepared = async (from: MemoryDisk) => {
		const copy = from.copy();
		await within(
			copy,
			async (r) => {
				await addTags(r, await idsOf(r), ["old"]);
				for (const count of [2, 4]) await setPolicy(r, "one", keepLast(count));
				await forget(r, planByHand((await all(r)).slice(0, 1)));
			},
			stays,
		);
		return copy;
	};
	const copies = await prepared(disk);
	const pending = copies.copy();
	await within(
		pending,
		async (reader) => {
			const snapshots = (await idsOf(reader)).slice(-1);
			const lease = { kind: "reader", snapshots, command: "" } as const;
			const collect = () => within(pending, (r) => gc(r, everything));
			await withLease(reader, lease, collect);
		},
		stays,
	);
	return new Map([
		["copies", copies],
		["no copies", await prepared(plain)],
		["a gc that waits", pending],
	]);
}

/** A process that does nothing more from its n-th sync on. */
function dyingAtSync(at: number) {
	let syncs = 0;
	return (call: FsCall) => {
		if (call.operation === "fsync") syncs++;
		return syncs >= at ? new Error("the process is dead") : undefined;
	};
}

export async function syncsOf(
	{ work }: PairAct,
	begin: MemoryDisk,
	world: World,
): Promise<number> {
	let syncs = 0;
	const plan = ({ operation }: FsCall) => {
		if (operation === "fsync") syncs++;
		return undefined;
	};
	await within(begin.copy(), (r) => work(r, world), { plan, ...stays }).catch(
		() => {},
	);
	return syncs;
}

export interface Pair {
	readonly first: PairAct;
	/** The sync of the first one that it dies at, from 1. */
	readonly at: number;
	readonly second: PairAct;
}

/** One dies, another one is done, and power is lost: what the second has promised is so, nothing is lost of what was there before, and work goes on. */
export async function tryPair(
	begin: MemoryDisk,
	world: World,
	{ first, at, second }: Pair,
): Promise<string[]> {
	const disk = begin.copy();
	const plan = dyingAtSync(at);
	await within(disk, (r) => first.work(r, world), { plan }).catch(() => {});
	try {
		await within(disk, (r) => second.work(r, world), stays);
	} catch (error) {
		// It has promised nothing.
		if (isVarveError(error)) return [];
		return [`ended with ${(error as Error).stack}`];
	}
	const told = await stateOf(disk);
	const left = disk.afterPowerLoss(() => false);
	const is = await stateOf(left);
	const complaints = undone(second, told, is);
	complaints.push(...is.findings);
	for (const text of (await stateOf(begin)).live)
		if (told.live.includes(text) && !is.live.includes(text))
			complaints.push(`it is gone: ${text}`);
	const later = await within(
		left,
		async (r) => {
			await takeIn(r, world.source);
			await gc(r, everything);
			return (await lookAt(r, false)).state.findings;
		},
		stays,
	).catch((error) => [String(error)]);
	return [...complaints, ...later.map((text) => `later: ${text}`)];
}

const stateOf = async (disk: MemoryDisk): Promise<State> =>
	(await within(disk, (r) => lookAt(r, false), stays)).state;

function undone({ promises }: PairAct, told: State, is: State): string[] {
	return promises.flatMap((what) => {
		const [before, after] = [told, is].map((one) => JSON.stringify(one[what]));
		return before === after ? [] : [`${what}: ${before}, and then ${after}`];
	});
}

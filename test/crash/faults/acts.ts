import {
	addTags,
	examine,
	forget,
	type GcOptions,
	gc,
	isVarveError,
	listSnapshots,
	pin,
	planByHand,
	type Repository,
	removePolicy,
	setPolicy,
	snapshot,
	treat,
	unforget,
	withLease,
} from "@varve/core";
import { wholeScope } from "@varve/format";
import { openLocalBackend } from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import type { MemoryDisk } from "../memory-disk.ts";
import type { FsCall } from "../planned-fs.ts";
import { type Woe, woes } from "../repair/woes.ts";
import { location, takeIn, within } from "../workshop.ts";
import type { Act } from "./act.ts";
import { readingActs } from "./reading-acts.ts";
import { idsOn, type World } from "./world.ts";

const all: GcOptions = { grace: 0, maxUnused: { bytes: 0 } };
const cold: GcOptions = { ...all, repack: { age: 0 } };

async function newest(repository: Repository) {
	const list = await listSnapshots(repository);
	const last = list.at(-1);
	if (last === undefined) throw new Error("no snapshot");
	return last;
}

const nothing = () => undefined;
const copyOf = (which: "empty" | "disk" | "plain" | "forgotten") => {
	return (world: World) => world[which].copy();
};

const snapshotActs: readonly Act[] = [
	{
		name: "a first snapshot",
		begin: copyOf("empty"),
		work: (repository, { source }) =>
			takeIn(repository, source).then(notUnread),
	},
	{
		name: "a snapshot with differences",
		begin: copyOf("disk"),
		work: (repository, { source }) =>
			takeIn(repository, source).then(notUnread),
	},
	{
		name: "a snapshot that is read back, without second copies",
		begin: copyOf("plain"),
		work: (repository, { source }) =>
			snapshot(repository, {
				roots: [{ path: source, kind: "directory", names: [] }],
				scope: wholeScope,
				force: true,
				paranoid: true,
			}).then(notUnread),
	},
	{
		name: "a snapshot that goes on where one was killed",
		begin: killedAmongPacks,
		work: (repository, { source }) =>
			takeIn(repository, source).then(notUnread),
	},
	{
		name: "a snapshot that is left out where nothing has changed",
		begin: copyOf("disk"),
		work: (repository, { source }) =>
			takeIn(repository, source, { skipIfUnchanged: true }).then(notUnread),
	},
	{
		name: "a snapshot that makes its index anew",
		begin: copyOf("disk"),
		work: (repository, { source }) =>
			takeIn(repository, source).then(notUnread),
		isCached: true,
	},
];

/** What fails in the repository is no fault of the source. */
function notUnread({
	record: { unread },
}: {
	readonly record: { readonly unread: readonly unknown[] };
}): string[] {
	return unread.length === 0
		? []
		: [`${unread.length} entries of the source count as unread`];
}

/** Some of its packs are there, which no segment names. */
async function killedAmongPacks({
	disk: base,
	source,
}: World): Promise<MemoryDisk> {
	const disk = base.copy();
	let packs = 0;
	const plan = ({ path = "", operation }: FsCall) => {
		if (operation === "open" && /packs\/..$/.test(path)) packs++;
		return packs > 2 ? new Error("the process is dead") : undefined;
	};
	await within(disk, (r) => takeIn(r, source), { plan }).catch(nothing);
	return disk;
}

const markActs: readonly Act[] = [
	{
		name: "forget",
		begin: copyOf("disk"),
		async work(repository) {
			const [first] = await listSnapshots(repository, { forgotten: true });
			if (first !== undefined) await forget(repository, planByHand([first]));
			return undefined;
		},
	},
	{
		name: "unforget",
		begin: copyOf("forgotten"),
		async work(repository) {
			const list = await listSnapshots(repository, { forgotten: true });
			await unforget(
				repository,
				list.map(({ id }) => id),
			);
			return undefined;
		},
	},
	{
		name: "labels",
		begin: copyOf("disk"),
		async work(repository) {
			const ids = (await listSnapshots(repository)).map(({ id }) => id);
			await addTags(repository, ids, ["some", "more"]);
			await pin(repository, ids.slice(0, 1));
			return undefined;
		},
	},
	{
		name: "policies",
		begin: copyOf("disk"),
		async work(repository) {
			const rule = (keepLast: number) => ({
				groupBy: ["host"],
				policy: { keepLast },
				exceptions: [],
			});
			await setPolicy(repository, "one", rule(3));
			await setPolicy(repository, "two", rule(4));
			await removePolicy(repository, "one");
			return undefined;
		},
	},
];

const collect =
	(options: GcOptions) =>
	async (repository: Repository): Promise<undefined> => {
		await gc(repository, options);
	};

const gcActs: readonly Act[] = [
	{
		name: "gc",
		begin: copyOf("forgotten"),
		work: collect(all),
		settles: all,
	},
	{
		name: "gc that goes on with what another has condemned",
		begin: condemned,
		work: collect(all),
		settles: all,
	},
	{
		name: "gc --repack",
		begin: copyOf("disk"),
		work: collect(cold),
		settles: cold,
	},
	{
		name: "gc --repack of what was forgotten too, without second copies",
		async begin({ plain }) {
			const disk = plain.copy();
			await within(disk, async (repository) => {
				const [first] = await listSnapshots(repository);
				await forget(repository, planByHand(first ? [first] : []));
			});
			return disk;
		},
		work: collect(cold),
		settles: cold,
	},
];

/** Somebody read while a gc ran, which could not wait. */
async function condemned({ forgotten }: World): Promise<MemoryDisk> {
	const disk = forgotten.copy();
	await within(disk, async (reader) => {
		const { id } = await newest(reader);
		const lease = { kind: "reader", snapshots: [id], command: "" } as const;
		await withLease(reader, lease, () => within(disk, collect(all)));
	});
	return disk;
}

const mendingActs: readonly Act[] = [
	...woes.flatMap((woe) => [
		mending(`${woe.name}, with second copies`, woe, "disk"),
		mending(`${woe.name}, without second copies`, woe, "plain"),
	]),
	{
		name: "doctor --fix",
		begin: ailing,
		async work(repository) {
			const { remarks } = await examine(repository);
			for (const { failure } of await treat(repository, remarks))
				if (failure !== undefined) throw failure;
			return undefined;
		},
	},
];

function mending(name: string, woe: Woe, which: "disk" | "plain"): Act {
	return {
		name,
		mends: true,
		async begin(world) {
			const disk = world[which].copy();
			const [first, second] = await idsOn(disk);
			const local = await openLocalBackend(location, { fs: disk.layer });
			// Without a descriptor, all goes through the disk in memory.
			const backend = faultyBackend(local, []);
			await woe.damage(backend, { first, second } as never);
			await backend.close();
			return disk;
		},
		work: (repository) => woe.mend(repository).then(nothing),
	};
}

/** Without reserve and second copies, and with the lease of a dead process. */
async function ailing({ disk: base }: World): Promise<MemoryDisk> {
	const disk = base.copy();
	const fs = disk.layer;
	await fs.unlink(`${location}/reserve`);
	await fs.unlink(`${location}/copies/config`);
	for (const name of disk.namesIn(`${location}/copies/snapshots`))
		await fs.unlink(`${location}/copies/snapshots/${name}`);
	const lease = { kind: "writer", snapshots: [], command: "" } as const;
	let isDead = false;
	const plan = () => (isDead ? new Error("the process is dead") : undefined);
	await within(
		disk,
		(repository) =>
			withLease(repository, lease, async () => {
				isDead = true;
			}),
		{ plan },
	).catch((error) => {
		if (isVarveError(error)) throw error;
	});
	return disk;
}

export const acts: readonly Act[] = [
	...snapshotActs,
	...markActs,
	...gcActs,
	...mendingActs,
	...readingActs,
];

import {
	gc,
	listSnapshots,
	NotFoundError,
	type Repository,
	type Snapshot,
	verify,
} from "@varve/core";
import { prepareToRead } from "../../../packages/core/src/prepare-to-read.ts";
import type { DiskImage } from "./operations.ts";
import {
	initOn,
	isWithin,
	location,
	openOn,
	type Recording,
	takeIn,
} from "./recorder.ts";
import { SimulatedFs } from "./simulated-fs.ts";
import {
	type Content,
	contentOfFolder,
	contentOfSnapshot,
	isSame,
} from "./sources.ts";

/** A disk after a power loss, and when that was. */
export interface Aftermath {
	readonly image: DiskImage;
	/** Operations of the recording before the loss. */
	readonly point: number;
	/** The next snapshot reads all of its source again, instead of relying on the last one. */
	readonly force: boolean;
	/** What comes after the look at what is left: nothing, the next snapshot, or that and a gc. */
	readonly next: "nothing" | "snapshot" | "gc";
}

/** Sentences about what is not as promised when the machine has power again; none if all is well. */
export async function complaintsAbout(
	aftermath: Aftermath,
	recording: Recording,
): Promise<string[]> {
	const disk = new SimulatedFs(aftermath.image);
	const complaints: string[] = [];
	const check = { aftermath, recording, complaints };
	try {
		const repository = await reopen(disk, aftermath.point, recording);
		try {
			if (recording.mend !== undefined) {
				const { work, isReadable } = recording.mend;
				if (isReadable)
					complaints.push(...(await misread(repository, recording)));
				await work(repository);
			}
			await lookAt(repository, check);
			const isPending = disk.namesIn(`${location}/gc`).length > 0;
			if (isPending) await collect(repository, check);
			if (isPending) await lookAt(repository, check);
			if (aftermath.next !== "nothing") await goOn(repository, check);
			if (aftermath.next === "gc") await collect(repository, check);
		} finally {
			await repository.close();
		}
		const left = disk.namesIn(`${location}/leases`);
		if (left.length > 0 && aftermath.next !== "nothing")
			complaints.push(`${left.length} leases are left`);
	} catch (error) {
		complaints.push(`it ends with ${String(error)}`);
	}
	return complaints;
}

/** Until there was a repository for certain, there may be none; then it must be possible to make one. */
async function reopen(
	disk: SimulatedFs,
	point: number,
	{ repositorySince }: Recording,
): Promise<Repository> {
	try {
		return await openOn(disk, { boot: 9 });
	} catch (error) {
		const isAbsent =
			error instanceof NotFoundError && error.code === "NO_REPOSITORY";
		if (!isAbsent || point >= repositorySince) throw error;
	}
	await initOn(disk);
	return openOn(disk, { boot: 9 });
}

interface Check {
	readonly aftermath: Aftermath;
	readonly recording: Recording;
	readonly complaints: string[];
}

/** Nothing is damaged, what was promised is there, and what is there is whole. */
async function lookAt(
	repository: Repository,
	{ aftermath: { point }, recording, complaints }: Check,
): Promise<void> {
	const { findings } = await verify(repository, { level: "data" });
	complaints.push(...findings.map(({ message }) => `verify: ${message}`));
	const listed = await listSnapshots(repository);
	const byId = new Map(listed.map((each) => [each.id, each]));
	for (const promise of recording.snapshots)
		if (isWithin(promise, point) && !byId.has(promise.id))
			complaints.push(`the snapshot ${promise.id} is not listed`);
	for (const { id, tags, pin, ...promise } of recording.labels) {
		const there = byId.get(id);
		if (!isWithin(promise, point) || there === undefined) continue;
		const said = `${there.tags.join()} ${there.pin}`;
		if (said !== `${tags.join()} ${pin}`)
			complaints.push(`the labels of ${id} are ${said}`);
	}
	for (const { id, ...promise } of recording.forgotten)
		if (isWithin(promise, point) && byId.has(id))
			complaints.push(`the snapshot ${id} is not forgotten`);
	complaints.push(...(await changedSnapshots(repository, recording)));
}

/** What was promised and is not to be replaced can be read while it is being mended. */
async function misread(
	repository: Repository,
	{ snapshots }: Recording,
): Promise<string[]> {
	const listed = await listSnapshots(repository);
	await prepareToRead(
		repository,
		listed.map(({ id }) => id),
	);
	return listed.flatMap((snapshot) => {
		const promise = snapshots.find(({ id }) => id === snapshot.id);
		if (promise === undefined || promise.until === -1) return [];
		const isThere = isSame(
			contentOfSnapshot(repository, snapshot),
			promise.content,
		);
		return isThere ? [] : [`the snapshot ${snapshot.id} cannot be read`];
	});
}

/** All that is listed must restore as it was taken. */
async function changedSnapshots(
	repository: Repository,
	recording: Recording,
): Promise<string[]> {
	const listed = await listSnapshots(repository);
	await prepareToRead(
		repository,
		listed.map(({ id }) => id),
	);
	return listed
		.filter((snapshot) => !isAsTaken(repository, snapshot, recording))
		.map(({ id }) => `the snapshot ${id} restores something else`);
}

function isAsTaken(
	repository: Repository,
	snapshot: Snapshot,
	{ snapshots, contents }: Recording,
): boolean {
	const found = contentOfSnapshot(repository, snapshot);
	const known = snapshots.find(({ id }) => id === snapshot.id)?.content;
	const expected: readonly Content[] = known === undefined ? contents : [known];
	return expected.some((content) => isSame(content, found));
}

/** The next snapshot succeeds and restores, and leaves all whole. */
async function goOn(
	repository: Repository,
	{ aftermath, recording, complaints }: Check,
): Promise<void> {
	const { source } = recording;
	const { force } = aftermath;
	const { id } = await takeIn(repository, source, {
		force,
		compression: "fastest",
	});
	const snapshots = await listSnapshots(repository);
	const taken = snapshots.find((each) => each.id === id);
	await repository.objects.prepare();
	const isThere =
		taken !== undefined &&
		isSame(contentOfSnapshot(repository, taken), contentOfFolder(source));
	if (!isThere) complaints.push("the next snapshot restores something else");
	const level = force ? "data" : "structure";
	const { findings } = await verify(repository, { level });
	complaints.push(
		...findings.map(({ message }) => `verify after the next: ${message}`),
	);
}

/** A gc takes away what is forgotten and what nobody refers to, however it was left, and nothing else. */
async function collect(
	repository: Repository,
	{ recording, complaints }: Check,
): Promise<void> {
	const before = await listSnapshots(repository);
	const { state } = await gc(repository, { grace: 0, maxUnused: { bytes: 0 } });
	if (state !== "swept" && state !== "nothing")
		complaints.push(`the next gc is ${state}`);
	const after = await listSnapshots(repository);
	if (after.length !== before.length)
		complaints.push(
			`gc has left ${after.length} of ${before.length} snapshots`,
		);
	const { findings } = await verify(repository, { level: "data" });
	complaints.push(
		...findings.map(({ message }) => `verify after gc: ${message}`),
		...(await changedSnapshots(repository, recording)),
	);
}

import {
	gc,
	type Repository,
	repairIndex,
	repairPacks,
	repairSnapshots,
	type SnapshotId,
} from "@varve/core";
import { location, type Recorder } from "./recorder.ts";

/** Power lost while a damaged repository is repaired: whatever is left, the repairs done again end as they were to end. */
export const repairs = [
	{ name: "repair packs", run: mendPacks },
	{ name: "repair index", run: mendIndex },
	{ name: "repair snapshots", run: mendSnapshots },
];

/** Two snapshots of one folder. */
async function withTwo(recorder: Recorder): Promise<readonly SnapshotId[]> {
	await recorder.init();
	recorder.change(1);
	const first = await recorder.within((r) => recorder.take(r));
	recorder.change(2);
	const second = await recorder.within((r) => recorder.take(r));
	return [first, second];
}

/** Everything that a user would call, in order. */
async function mendAll(repository: Repository): Promise<void> {
	await repairPacks(repository, { readData: true });
	await repairIndex(repository);
}

async function mendPacks(recorder: Recorder): Promise<void> {
	await withTwo(recorder);
	for (const path of packPaths(recorder))
		change(recorder, path, (bytes) => flip(bytes, bytes.length - 12));
	recorder.settle();
	recorder.mendsBy({ work: mendAll, isReadable: true });
	await recorder.within((r) => repairPacks(r, { readData: true }));
}

async function mendIndex(recorder: Recorder): Promise<void> {
	await withTwo(recorder);
	const { disk } = recorder;
	for (const name of disk.namesIn(`${location}/segments`))
		change(recorder, `${location}/segments/${name}`, (bytes) =>
			flip(bytes, 70),
		);
	const [path] = packPaths(recorder);
	if (path !== undefined)
		change(recorder, path, (bytes) => flip(bytes, bytes.length - 12));
	recorder.settle();
	recorder.mendsBy({ work: mendAll, isReadable: false });
	await recorder.within((r) => repairIndex(r));
}

/** What was in a pack is lost for good: other snapshots take the places of those that need it. */
async function mendSnapshots(recorder: Recorder): Promise<void> {
	const damaged = await withTwo(recorder);
	const place = await recorder.within(async (r) => {
		await r.objects.prepare();
		const [id] = damaged;
		const record = (await r.index.records([id as SnapshotId])).get(
			id as SnapshotId,
		);
		const tree = record?.roots[0]?.tree;
		if (tree === undefined) throw new Error("no tree");
		const name = new TextEncoder().encode("kept");
		const node = r.objects.lookup(tree, name);
		return r.index.places(node?.content.ids.slice(0, 32) as Uint8Array)[0];
	});
	const path = packPaths(recorder).find((one) =>
		one.endsWith(place?.pack ?? "?"),
	);
	if (path === undefined) throw new Error("no pack");
	recorder.disk.layer.unlinkSync(path);
	recorder.settle();
	recorder.mayGo(damaged);
	const work = async (r: Repository) => {
		await repairSnapshots(r, { forget: true });
		await gc(r, { grace: 0 });
	};
	recorder.mendsBy({ work, isReadable: true });
	const { snapshots } = await recorder.within((r) =>
		repairSnapshots(r, { forget: true }),
	);
	for (const { id, replacement, lost } of snapshots)
		recorder.replaced(id, replacement as SnapshotId, lost);
}

function packPaths({ disk }: Recorder): string[] {
	return disk
		.namesIn(`${location}/packs`)
		.flatMap((folder) =>
			disk
				.namesIn(`${location}/packs/${folder}`)
				.map((name) => `${location}/packs/${folder}/${name}`),
		)
		.sort();
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
	bytes[at] = (bytes[at] as number) ^ 1;
	return bytes;
}

/** Writes a file anew, past all order, as damage does. */
function change(
	{ disk: { layer } }: Recorder,
	path: string,
	how: (bytes: Uint8Array) => Uint8Array,
): void {
	const bytes = new Uint8Array(layer.statSync(path).size);
	const from = layer.openSync(path, "r");
	layer.readSync(from, bytes, 0);
	layer.closeSync(from);
	layer.unlinkSync(path);
	const to = layer.openSync(path, "wx");
	layer.writeSync(to, how(bytes));
	layer.closeSync(to);
}

import {
	type Repository,
	recover,
	repairIndex,
	repairPacks,
	repairSnapshots,
} from "@varve/core";
import { packHeaderBytes } from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { type Bench, noise, openOn, put, remove } from "./bench.ts";

/** What a repository can suffer from, and what mends it. */
export interface Woe {
	readonly name: string;
	readonly damage: (backend: RemoveBackend, bench: Bench) => Promise<void>;
	readonly mend: (repository: Repository) => Promise<unknown>;
}

/** Packs with what segments name in them, those of content first and the largest of each kind before the others. */
export async function packsIn(backend: RemoveBackend) {
	await using repository = await openOn(backend);
	const listing = await repository.objects.prepare();
	const segments = await repository.openSegments(listing);
	const packs = segments.segments.flatMap((segment) => segment.contents());
	segments.close();
	return packs.sort((a, b) => a.kind - b.kind || b.size - a.size);
}

export async function changeFile(
	backend: RemoveBackend,
	kind: "packs" | "copies/packs" | "segments" | "snapshots",
	name: string,
	change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
	const bytes = (await backend.read(kind, name)).slice();
	await put(backend, [{ kind, name, bytes: change(bytes) }]);
}

export const flipAt = (at: number) => (bytes: Uint8Array) => {
	bytes[at] = (bytes[at] as number) ^ 4;
	return bytes;
};

export const woes: readonly Woe[] = [
	{
		name: "repair packs",
		async damage(backend) {
			const [content, ...others] = await packsIn(backend);
			if (content === undefined) throw new Error("no pack");
			const at = (content.frames[0]?.offset ?? 0) + 700;
			await changeFile(backend, "packs", content.id, flipAt(at));
			const trees = others.at(-1);
			if (trees !== undefined)
				await changeFile(backend, "packs", trees.id, (bytes) =>
					flipAt(bytes.length - 20)(flipAt(packHeaderBytes + 3)(bytes)),
				);
		},
		mend: (repository) => repairPacks(repository, { readData: true }),
	},
	{
		name: "repair index",
		async damage(backend) {
			const [content] = await packsIn(backend);
			if (content === undefined) throw new Error("no pack");
			await changeFile(backend, "packs", content.id, (bytes) =>
				flipAt(bytes.length - 3)(flipAt(packHeaderBytes + 700)(bytes)),
			);
			for (const { name } of await backend.list("segments"))
				await changeFile(backend, "segments", name, flipAt(90));
		},
		mend: (repository) => repairIndex(repository),
	},
	{
		name: "repair snapshots",
		async damage(backend) {
			const [content] = await packsIn(backend);
			await remove(backend, "packs", content?.id as string);
		},
		mend: (repository) => repairSnapshots(repository, { forget: true }),
	},
	{
		name: "recover",
		async damage(backend, { first, second }) {
			await changeFile(backend, "snapshots", first, flipAt(50));
			await changeFile(backend, "snapshots", second, () => noise(200, 9));
		},
		mend: (repository) => recover(repository),
	},
];

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	forget,
	listSnapshots,
	planByHand,
	type SnapshotId,
} from "@varve/core";
import { makeTree } from "@varve/testkit";
import { MemoryDisk } from "../memory-disk.ts";
import { noise } from "../repair/bench.ts";
import { accountOf, type TreeAccount } from "../tree-account.mjs";
import { initOn, takeIn, within } from "../workshop.ts";

/** What all trials begin with. Nobody changes the disks: each trial has copies. */
export interface World {
	readonly folder: string;
	/** As the next snapshot finds it. */
	readonly source: string;
	/** With a repository without a snapshot. */
	readonly empty: MemoryDisk;
	/** With two snapshots, the second with frames that were compressed beside the first's. */
	readonly disk: MemoryDisk;
	/** The same, without second copies of anything. */
	readonly plain: MemoryDisk;
	/** `disk` with the first snapshot forgotten. */
	readonly forgotten: MemoryDisk;
	/** Of the source when the second snapshot was taken. */
	readonly account: TreeAccount;
}

/** Removed by whoever made it. */
export async function makeWorld(): Promise<World> {
	const folder = mkdtempSync(join(tmpdir(), "varve-faults-"));
	const source = join(folder, "source");
	const [empty, plain] = [new MemoryDisk(), new MemoryDisk()];
	await initOn(empty);
	await initOn(plain, undefined, { copies: false });
	const disk = empty.copy();
	const both = [disk, plain];
	const large = noise(9000, 2);
	makeTree(source, {
		kept: noise(1500, 1),
		sub: { large, text: "words ".repeat(400) },
		changed: noise(2000, 3),
	});
	for (const one of both) await within(one, (r) => takeIn(r, source));
	const later = large.slice();
	for (const at of [300, 4800]) later.set(noise(20, at), at);
	writeFileSync(join(source, "sub", "large"), later);
	makeTree(source, { changed: noise(2500, 4), more: { a: noise(1200, 5) } });
	for (const one of both) await within(one, (r) => takeIn(r, source));
	const account = accountOf(source);
	const forgotten = disk.copy();
	await within(forgotten, async (repository) => {
		const [first] = await listSnapshots(repository);
		await forget(repository, planByHand(first === undefined ? [] : [first]));
	});
	for (const at of [2500, 7000]) later.set(noise(20, at), at);
	writeFileSync(join(source, "sub", "large"), later);
	makeTree(source, { added: { b: noise(2200, 6), c: "short" } });
	return { folder, source, empty, disk, plain, forgotten, account };
}

export function removeWorld({ folder }: World): void {
	rmSync(folder, { recursive: true, force: true });
}

/** The snapshots of a world, the oldest first. */
export async function idsOn(disk: MemoryDisk): Promise<SnapshotId[]> {
	const list = await within(disk, (repository) =>
		listSnapshots(repository, { forgotten: true }),
	);
	return list.map(({ id }) => id);
}

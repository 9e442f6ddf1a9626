import {
	FrameKind,
	type GcList,
	type PackId,
	type Place,
	type SnapshotId,
	type SnapshotRecord,
} from "@varve/format";
import type { ChunkTable, Stage } from "@varve/store";
import { namesOf } from "../copies/copy-files.ts";
import type { FrameSources } from "../frame-cache.ts";
import { heldLeases } from "../lease-table.ts";
import type { Repository } from "../repository.ts";
import { settleUnnamed } from "../settle-seen.ts";
import { forgottenSince, type Inventory, takeInventory } from "./inventory.ts";
import { LiveMark } from "./live-mark.ts";
import { rewriteSegments } from "./segments.ts";

export interface Swept {
	readonly snapshots: readonly SnapshotId[];
	readonly packs: number;
	readonly packBytes: number;
	readonly segmentsBefore: number;
	readonly segmentsAfter: number;
}

/**
 * Phase two: everyone has ended who may not have known of the list. Marks again, and deletes what is condemned still, in the order in which
 * every interruption leaves something that another gc can finish: records, packs, segments (new ones before old ones), the list.
 */
export async function sweep(
	repository: Repository,
	stage: Stage,
	list: GcList,
	signal: AbortSignal | undefined,
): Promise<Swept> {
	const forgotten = await forgottenSince(repository);
	// Its own list condemns nothing here: what is still needed must be found.
	using inventory = await takeInventory(repository, signal);
	await settleUnnamed(repository, inventory.segments.adopted);
	const held = await heldLeases(repository);
	const dying = list.snapshots.filter((id) => forgotten.has(id));
	const packs = await stillDead(repository, inventory, { list, dying, signal });
	await removeSnapshots(repository, stage, dying);
	const removed = await removePacks(repository, stage, inventory, packs);
	const before = inventory.segments.segments.length;
	const after = await rewriteSegments(repository, stage, {
		inventory,
		gone: packs,
		held,
		signal,
	});
	await repository.backend.remove(stage, "gc", list.generation);
	repository.objects.outdate();
	return {
		snapshots: dying,
		...removed,
		segmentsBefore: before,
		segmentsAfter: after,
	};
}

interface Question {
	readonly list: GcList;
	readonly dying: readonly SnapshotId[];
	readonly signal: AbortSignal | undefined;
}

/** Condemned packs, without those that hold something that a snapshot needs and that is nowhere else. */
async function stillDead(
	repository: Repository,
	{ records, segments }: Inventory,
	{ list, dying, signal }: Question,
): Promise<Set<PackId>> {
	const condemned = new Set<string>(list.packs);
	const others = new Set<string>();
	for (const { packs } of segments.segments)
		for (const { id } of packs) if (!condemned.has(id)) others.add(id);
	for (const { id } of segments.adopted) if (!condemned.has(id)) others.add(id);
	const inside = segments.table(others);
	const tables = [segments.table(condemned), inside];
	const mark = new LiveMark({
		tables,
		sources: sourcesOf(repository, tables),
		signal,
	});
	await mark.add(rootsBut(records, dying));
	const dead = new Set(list.packs);
	for (const { id, liveChunks } of inside.use())
		if (liveChunks > 0) dead.delete(id);
	return dead;
}

/** Every record that is not about to go is a root, forgotten or not. */
export function rootsBut(
	records: ReadonlyMap<SnapshotId, SnapshotRecord>,
	dying: readonly SnapshotId[],
): SnapshotRecord[] {
	const gone = new Set(dying);
	return [...records].filter(([id]) => !gone.has(id)).map(([, r]) => r);
}

/** What frames are read with; their bases are looked for in these tables. */
export function sourcesOf(
	{ backend, tools }: Repository,
	tables: readonly ChunkTable[],
): FrameSources {
	const find = (ids: Uint8Array, at: number) => {
		let based: Place | undefined;
		for (const table of tables) {
			const place = table.find(ids, at);
			if (place?.frame.plain) return place;
			based ??= place;
		}
		return based;
	};
	return { reads: backend.blocking, tools, lookup: { find } };
}

async function removeSnapshots(
	{ backend }: Repository,
	stage: Stage,
	ids: readonly SnapshotId[],
): Promise<void> {
	if (ids.length === 0) return;
	const copied = namesOf(await backend.list("copies/snapshots"));
	for (const id of ids) {
		// A copy alone would say that the record is lost.
		if (copied.has(id)) await backend.remove(stage, "copies/snapshots", id);
		await backend.remove(stage, "snapshots", id);
	}
	const gone = new Set<string>(ids);
	for (const { name } of await backend.list("labels"))
		if (gone.has(name.slice(0, name.indexOf("."))))
			await backend.remove(stage, "labels", name);
	for (const id of ids) await backend.remove(stage, "forgotten", id);
}

async function removePacks(
	{ backend }: Repository,
	stage: Stage,
	{ listing, segments }: Inventory,
	packs: ReadonlySet<string>,
): Promise<{ packs: number; packBytes: number }> {
	let count = 0;
	let bytes = 0;
	const copied = namesOf(await backend.list("copies/packs"));
	for (const { packs } of segments.segments)
		for (const { id, kind } of packs)
			if (kind === FrameKind.meta) copied.add(id);
	for (const { id, kind } of segments.adopted)
		if (kind === FrameKind.meta) copied.add(id);
	for (const { name, size } of listing.packs) {
		if (!packs.has(name)) continue;
		// Also where it is not listed any more: that may not be durable.
		if (copied.has(name)) await backend.remove(stage, "copies/packs", name);
		await backend.remove(stage, "packs", name);
		count++;
		bytes += size;
	}
	return { packs: count, packBytes: bytes };
}

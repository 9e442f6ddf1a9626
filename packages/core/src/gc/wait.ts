import { encodeGcList, type GcList, type LeaseId } from "@varve/format";
import type { Stage } from "@varve/store";
import { type FoundLease, fenceDeadLeases } from "../lease-table.ts";
import type { Repository } from "../repository.ts";
import type { GcOptions } from "./options.ts";

const pause = 500;

export interface WaitOptions extends Pick<GcOptions, "wait" | "signal"> {
	/** What is condemned, durable. Undefined where something else is to be deleted that everyone who lives now may need. */
	readonly list?: GcList | undefined;
}

/**
 * Who must have ended before anything that is condemned is deleted: every lease that lived when the list was there, for its owner may have looked
 * before. Those who come later know of it, also if another gc goes on with this list: so it is written into it who is waited for. Waits for
 * them if it may, and returns who is left.
 */
export async function waitForLeases(
	repository: Repository,
	stage: Stage,
	{ list, wait = 0, signal }: WaitOptions,
): Promise<FoundLease[]> {
	let live = await fenceDeadLeases(repository, stage);
	const awaited = new Set(
		list?.waitsFor ?? (await noteAwaited(repository, stage, { list, live })),
	);
	const left = () => live.filter(({ lease }) => awaited.has(lease));
	for (let waited = 0; left().length > 0 && waited < wait; waited += pause) {
		await repository.timer.sleep(Math.min(pause, wait - waited), signal);
		live = await fenceDeadLeases(repository, stage);
	}
	return left();
}

interface Noted {
	readonly list: GcList | undefined;
	readonly live: readonly FoundLease[];
}

/** Killed before this is done, the next gc waits for those who live then: for more than it need. */
async function noteAwaited(
	{ tools }: Repository,
	stage: Stage,
	{ list, live }: Noted,
): Promise<readonly LeaseId[]> {
	const waitsFor = live.map(({ lease }) => lease);
	if (list === undefined || waitsFor.length === 0) return waitsFor;
	const bytes = encodeGcList({ ...list, waitsFor }, tools.sha256Hex);
	await stage.putBytes("gc", list.generation, bytes);
	return waitsFor;
}

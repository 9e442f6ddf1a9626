import type { Stage } from "@varve/store";
import { type FoundLease, fenceDeadLeases } from "../lease-table.ts";
import type { Repository } from "../repository.ts";
import type { GcOptions } from "./options.ts";

const pause = 500;

/**
 * Who must have ended before anything that is condemned is deleted: every lease that lives now, for its owner may have looked before the list was
 * there. Those who come later know of it. Waits for them if it may, and returns who is left.
 */
export async function waitForLeases(
	repository: Repository,
	stage: Stage,
	{ wait = 0, signal }: Pick<GcOptions, "wait" | "signal">,
): Promise<FoundLease[]> {
	let left = await fenceDeadLeases(repository, stage);
	for (let waited = 0; left.length > 0 && waited < wait; waited += pause) {
		await repository.timer.sleep(Math.min(pause, wait - waited), signal);
		const live = await fenceDeadLeases(repository, stage);
		const names = new Set<string>(live.map(({ lease }) => lease));
		left = left.filter(({ lease }) => names.has(lease));
	}
	return left;
}

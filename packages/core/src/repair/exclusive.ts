import type { Stage } from "@varve/store";
import { either, withLease } from "../lease.ts";
import { type FoundLease, fenceDeadLeases } from "../lease-table.ts";
import { lockedBy } from "../locked-by.ts";
import type { Repository } from "../repository.ts";
import { settleQuarantined, settleSeen } from "../settle-seen.ts";

export interface RepairLease {
	/** For people: "repair packs". */
	readonly command: string;
	readonly signal: AbortSignal | undefined;
}

/**
 * Works under a lease of the kind that a gc has, so that none runs beside it: what a gc knows of where chunks lie must not change under it. Who writes when
 * it begins must end first (ConflictError "LOCKED"); one that comes later loses nothing, since no chunk leaves a pack before it is in
 * another one. Who reads goes on.
 */
export async function withRepairLease<T>(
	repository: Repository,
	{ command, signal }: RepairLease,
	work: (stage: Stage, signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const lease = { kind: "gc", snapshots: [], command } as const;
	return await withLease(repository, lease, async (stage, lost) => {
		requireNoWriter(await fenceDeadLeases(repository, stage), command);
		// What was listed before the lease was there may have been moved by a gc since.
		repository.objects.outdate();
		// What another repair has put in the place of something, or moved away, may not be durable.
		await settleSeen(repository);
		await settleQuarantined(repository);
		return await work(stage, either(lost, signal));
	});
}

function requireNoWriter(others: readonly FoundLease[], command: string): void {
	const other = others.find(({ record }) => record?.kind !== "reader");
	if (other !== undefined) throw lockedBy(other, command);
}

import type { LeaseId } from "@varve/format";
import { heldLeases } from "./lease-table.ts";
import type { Repository } from "./repository.ts";
import { timeUnchanged } from "./silence.ts";

const hour = 3_600_000;
/** A stage without a lease is left by the dead once it has been seen for so long, ms: nobody needs one for longer than moments. */
export const leftAfter = hour;

/**
 * Stages that have no lease, with the time, ms, for which this client has seen them. `held` was listed before: who has ended meanwhile has lost
 * its stage too, and who begins makes its stage first.
 */
export async function stagesWithoutLease(
	repository: Repository,
	held: Iterable<LeaseId>,
): Promise<Map<LeaseId, number>> {
	const leases = new Set(held);
	const free = (await repository.backend.listStages()).filter(
		(stage) => !leases.has(stage),
	);
	const looks = new Map(free.map((stage): [string, number] => [stage, 0]));
	const times = await timeUnchanged(repository, "stages", looks);
	return new Map(free.map((stage) => [stage, times.get(stage) ?? 0]));
}

/** Fences the stages of those who were killed before they had a lease, or while they gave it back. */
export async function fenceLeftStages(repository: Repository): Promise<void> {
	const stages = await stagesWithoutLease(
		repository,
		await heldLeases(repository),
	);
	for (const [stage, seen] of stages)
		if (seen >= leftAfter) await repository.backend.fence(stage);
}

import {
	CorruptError,
	decodeLease,
	type Lease,
	type LeaseId,
	NotFoundError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import type { Identity } from "./ports.ts";
import type { Repository } from "./repository.ts";

/** What this machine can say for sure about a process: undefined if there is none with this number, "" if there is one and no more is told. */
export type StartTicksOf = (pid: number) => string | undefined;

/**
 * True only if the holder of a lease is gone for certain. A process number means something within one boot, whose id no two machines
 * share, and one pid namespace; clocks and other hosts prove nothing.
 */
export function isProvablyDead(
	lease: Lease,
	here: Identity,
	startTicksOf: StartTicksOf,
): boolean {
	if (lease.bootId === "" || here.bootId === "") return false;
	if (lease.bootId !== here.bootId) return isThisMachine(lease, here);
	if (lease.pidNamespace === "" || lease.pidNamespace !== here.pidNamespace)
		return false;
	const ticks = startTicksOf(lease.pid);
	if (ticks === undefined) return true;
	return ticks !== "" && lease.startTicks !== "" && ticks !== lease.startTicks;
}

/** Images of machines and of containers are cloned with their machine id, but get names of their own. */
function isThisMachine(lease: Lease, here: Identity): boolean {
	return (
		lease.machineId !== "" &&
		lease.machineId === here.machineId &&
		lease.host !== "" &&
		lease.host === here.host
	);
}

/** Fences what killed runs of this machine left, so that their stages do not pile up. Leases that cannot be judged stay. */
export async function clearStaleLeases(
	repository: Repository,
	stage: Stage,
	startTicksOf: StartTicksOf,
): Promise<void> {
	const { backend, identity } = repository;
	for (const { name } of await backend.list("leases")) {
		const lease = await readLease(repository, name);
		if (lease === undefined || lease.lease === stage.lease) continue;
		if (!isProvablyDead(lease, identity, startTicksOf)) continue;
		await backend.fence(lease.lease as LeaseId);
		await backend.remove(stage, "leases", name);
	}
}

async function readLease(
	{ backend, tools }: Repository,
	name: string,
): Promise<Lease | undefined> {
	try {
		return decodeLease(await backend.read("leases", name), (bytes) =>
			tools.sha256Hex(bytes),
		);
	} catch (error) {
		// Released meanwhile, or not readable: then nothing is known of its holder.
		if (error instanceof NotFoundError || error instanceof CorruptError)
			return undefined;
		throw error;
	}
}

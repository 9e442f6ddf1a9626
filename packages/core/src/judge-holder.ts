import type { Lease } from "@varve/format";
import type { Identity } from "./ports.ts";

/** What this machine can say for sure about a process: undefined if there is none with this number, "" if there is one and no more is told. */
export type StartTicksOf = (pid: number) => string | undefined;

/** A process, as others can recognise it. */
export type Holder = Pick<
	Lease,
	"host" | "machineId" | "bootId" | "pid" | "startTicks" | "pidNamespace"
>;

/** What others can recognise this process by. */
export function holderOf(identity: Identity): Holder {
	const { host, machineId, bootId, pid, startTicks, pidNamespace } = identity;
	return { host, machineId, bootId, pid, startTicks, pidNamespace };
}

/**
 * What can be said for sure of the holder of a lease. A process number means something within one boot, whose id no two machines
 * share, and one pid namespace; clocks and other hosts prove nothing, and then it is "unknown".
 */
export function judgeHolder(
	lease: Holder,
	here: Identity,
	startTicksOf: StartTicksOf,
): "ended" | "running" | "unknown" {
	if (lease.bootId === "" || here.bootId === "") return "unknown";
	if (lease.bootId !== here.bootId)
		return isThisMachine(lease, here) ? "ended" : "unknown";
	if (lease.pidNamespace === "" || lease.pidNamespace !== here.pidNamespace)
		return "unknown";
	const ticks = startTicksOf(lease.pid);
	if (ticks === undefined) return "ended";
	if (ticks === "" || lease.startTicks === "") return "unknown";
	return ticks === lease.startTicks ? "running" : "ended";
}

/** Images of machines and of containers are cloned with their machine id, but get names of their own. */
function isThisMachine(lease: Holder, here: Identity): boolean {
	return (
		lease.machineId !== "" &&
		lease.machineId === here.machineId &&
		lease.host !== "" &&
		lease.host === here.host
	);
}

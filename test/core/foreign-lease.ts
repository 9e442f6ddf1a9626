import { encodeLease, type Lease, type LeaseId } from "@varve/format";
import { sha256Hex } from "./fake-objects.ts";
import type { FakeRepository } from "./fake-repository.ts";

/** A lease of another machine, of whose process nothing can be known here. */
export const foreign: Lease = {
	lease: "ab".repeat(16) as LeaseId,
	kind: "writer",
	beat: 0,
	host: "elsewhere",
	machineId: "other",
	bootId: "other",
	pid: 7,
	startTicks: "5",
	pidNamespace: "pid:[9]",
	created: "2026-11-19T10:00:00.000Z",
	snapshots: [],
	program: "varve",
	command: "snapshot /srv",
};

/** Puts a file of it into the repository: its record with this number, or other bytes. */
export async function putLease(
	repository: FakeRepository,
	lease: Lease,
	bytes: Uint8Array = encodeLease(lease, sha256Hex),
): Promise<void> {
	await repository.write((stage) =>
		stage.putBytes("leases", `${lease.lease}.${lease.beat}`, bytes),
	);
}

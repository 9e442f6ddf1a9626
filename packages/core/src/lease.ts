import {
	ConflictError,
	encodeLease,
	isVarveError,
	type Lease,
	type LeaseId,
	type SnapshotId,
	toHex,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { fenceDeadLeases } from "./lease-table.ts";
import type { Repository } from "./repository.ts";

export interface LeaseOptions {
	readonly kind: Lease["kind"];
	/** Snapshots this run inherits from or reads. */
	readonly snapshots: readonly SnapshotId[];
	/** What is being done, for people. */
	readonly command: string;
}

/**
 * Works under a lease of its own: the stage is made, then the lease is durable, then `work` runs; both go when it ends. `lost` aborts
 * when the lease can be held no longer, and then the ConflictError "FENCED" that is its reason is what this fails with: work that
 * takes long ends early by it. A commit needs no look at it, since it fails by itself once the stage is gone.
 */
export async function withLease<T>(
	repository: Repository,
	options: LeaseOptions,
	work: (stage: Stage, lost: AbortSignal) => Promise<T>,
): Promise<T> {
	const lease = toHex(repository.tools.random(16)) as LeaseId;
	const stage = await repository.backend.stage(lease);
	const record = leaseRecord(repository, lease, options);
	let heart: Heartbeat | undefined;
	try {
		await stage.putBytes(
			"leases",
			`${lease}.0`,
			encodeLease(record, repository.tools.sha256Hex),
		);
		if (options.kind === "writer") await fenceDeadLeases(repository, stage);
		heart = startHeartbeat(repository, stage, record);
		return await work(stage, heart.lost);
	} catch (error) {
		throw await lossOr(error, repository, { stage, lost: heart?.lost });
	} finally {
		await endLease(repository, stage, (await heart?.stop()) ?? []);
	}
}

/** Whoever was fenced is told that, whatever it met first: packs are missing that others could delete only because of it. */
async function lossOr(
	error: unknown,
	{ backend }: Repository,
	{
		stage,
		lost,
	}: { readonly stage: Stage; readonly lost: AbortSignal | undefined },
): Promise<unknown> {
	if (lost?.aborted === true) return lost.reason;
	if (!isVarveError(error) || error.code === "FENCED") return error;
	try {
		if ((await backend.listStages()).includes(stage.lease)) return error;
	} catch (other) {
		if (!isVarveError(other)) throw other;
		return error;
	}
	return new ConflictError(
		"FENCED",
		`the lease ${stage.lease} was taken away, and then: ${error.message}`,
		{ lease: stage.lease },
		{ cause: error },
	);
}

/** What was done stands, and what failed is told, whatever becomes of the lease: one that is left is dead with this process. */
async function endLease(
	{ backend, observer }: Repository,
	stage: Stage,
	beats: readonly string[],
): Promise<void> {
	try {
		try {
			for (const name of [...beats, `${stage.lease}.0`])
				await backend.remove(stage, "leases", name);
		} finally {
			await stage.release();
		}
	} catch (error) {
		if (!isVarveError(error)) throw error;
		const message = `the lease ${stage.lease} could not be removed: ${error.message}`;
		observer.on({ type: "warning", message });
	}
}

function leaseRecord(
	{ identity, clock }: Repository,
	lease: LeaseId,
	{ kind, snapshots, command }: LeaseOptions,
): Lease {
	const { host, machineId, bootId, pid, startTicks, pidNamespace, program } =
		identity;
	return {
		lease,
		kind,
		beat: 0,
		host,
		machineId,
		bootId,
		pid,
		startTicks,
		pidNamespace,
		created: new Date(clock.now()).toISOString(),
		snapshots,
		program,
		command,
	};
}

/** Aborts as soon as one of them does. */
export function either(
	lost: AbortSignal,
	signal: AbortSignal | undefined,
): AbortSignal {
	return signal === undefined ? lost : AbortSignal.any([signal, lost]);
}

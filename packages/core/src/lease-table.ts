import {
	CorruptError,
	decodeLease,
	type Lease,
	type LeaseId,
	NotFoundError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { startTicksOf } from "./identity.ts";
import type { Repository } from "./repository.ts";
import { isProvablyDead } from "./stale-leases.ts";

/** A lease that is listed, and what is known of its holder. */
export interface FoundLease {
	readonly lease: LeaseId;
	/** Its files, `<lease>.<n>`. */
	readonly names: readonly string[];
	/** undefined if it cannot be read. */
	readonly record: Lease | undefined;
	/** What cannot be told for sure lives. */
	readonly verdict: "live" | "dead";
}

/** Every lease there is. `leases/<lease>.0` stays until release, so that none is missed between two heartbeats. */
export async function listLeases(
	repository: Repository,
): Promise<FoundLease[]> {
	const names = (await repository.backend.list("leases")).map((f) => f.name);
	const byLease = new Map<string, string[]>();
	for (const name of names) {
		const lease = name.slice(0, name.lastIndexOf("."));
		byLease.set(lease, [...(byLease.get(lease) ?? []), name]);
	}
	const found: FoundLease[] = [];
	for (const [lease, own] of byLease) {
		const record = await readLease(repository, own);
		if (record === "gone") continue;
		const dead =
			record !== undefined &&
			isProvablyDead(record, repository.identity, startTicksOf);
		found.push({
			lease: lease as LeaseId,
			names: own,
			record,
			verdict: dead ? "dead" : "live",
		});
	}
	return found;
}

/** Fences the dead, whose owners can then never commit, and removes their leases. Returns those that live, this run's own left out. */
export async function fenceDeadLeases(
	repository: Repository,
	stage: Stage,
): Promise<FoundLease[]> {
	const live: FoundLease[] = [];
	for (const found of await listLeases(repository)) {
		if (found.lease === stage.lease) continue;
		if (found.verdict === "live") {
			live.push(found);
			continue;
		}
		await repository.backend.fence(found.lease);
		for (const name of found.names)
			await repository.backend.remove(stage, "leases", name);
	}
	return live;
}

/** "gone" if it was released meanwhile, undefined if it is damaged. */
async function readLease(
	{ backend, tools }: Repository,
	names: readonly string[],
): Promise<Lease | "gone" | undefined> {
	for (const name of names)
		try {
			return decodeLease(await backend.read("leases", name), (bytes) =>
				tools.sha256Hex(bytes),
			);
		} catch (error) {
			if (error instanceof NotFoundError) continue;
			if (error instanceof CorruptError) return undefined;
			throw error;
		}
	return "gone";
}

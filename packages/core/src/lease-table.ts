import {
	CorruptError,
	decodeLease,
	type Lease,
	type LeaseId,
	NotFoundError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { startTicksOf } from "./identity.ts";
import { judgeHolder } from "./judge-holder.ts";
import type { Repository } from "./repository.ts";
import { silentAfter, timeUnchanged } from "./silence.ts";

/** A lease that is listed, and what is known of its holder. */
export interface FoundLease {
	readonly lease: LeaseId;
	/** Its files, `<lease>.<n>`, in the order of n. */
	readonly names: readonly string[];
	/** undefined if it cannot be read. */
	readonly record: Lease | undefined;
	/** What cannot be told for sure lives. */
	readonly verdict: "live" | "dead";
	readonly reason: LeaseReason;
	/** For how long, ms, this client has seen no new sign of life of a lease it cannot judge otherwise; else 0. */
	readonly silence: number;
}

export type LeaseReason =
	/** Dead: its process is gone, or the machine was started anew. */
	| "ended"
	/** Dead: nothing else is known of its holder, and it has shown no sign of life for half an hour. */
	| "silent"
	/** Alive: its process is there. */
	| "running"
	/** Taken for alive: another machine or another pid namespace, or its process cannot be looked at. */
	| "unknown"
	/** Taken for alive: the file cannot be read. */
	| "unreadable";

interface Read {
	readonly lease: LeaseId;
	readonly names: readonly string[];
	readonly record: Lease | undefined;
	readonly reason: "ended" | "running" | "unknown" | "unreadable";
}

/** Every lease there is. `leases/<lease>.0` stays until release, so that none is missed between two heartbeats. */
export async function listLeases(
	repository: Repository,
): Promise<FoundLease[]> {
	const all: Read[] = [];
	for (const [lease, names] of await listNames(repository)) {
		const record = await readLease(repository, lease, names);
		if (record === "gone") continue;
		const reason =
			record === undefined
				? "unreadable"
				: judgeHolder(record, repository.identity, startTicksOf);
		all.push({ lease, names, record, reason });
	}
	const silences = await timeUnchanged(
		repository,
		"leases",
		new Map(
			all
				.filter(({ reason }) => reason === "unknown" || reason === "unreadable")
				.map(({ lease, names }) => [lease, lastBeat(names)]),
		),
	);
	return all.map((read) => ({
		...read,
		...judge(read, silences.get(read.lease)),
	}));
}

function judge(
	{ reason }: Read,
	silence = 0,
): Pick<FoundLease, "verdict" | "reason" | "silence"> {
	if (silence >= silentAfter)
		return { verdict: "dead", reason: "silent", silence };
	return { verdict: reason === "ended" ? "dead" : "live", reason, silence };
}

/** Ids of all leases, dead or alive. */
export async function heldLeases({
	backend,
}: Repository): Promise<Set<LeaseId>> {
	const listed = await backend.list("leases");
	return new Set(
		listed.map(({ name }) => name.slice(0, name.lastIndexOf(".")) as LeaseId),
	);
}

/** Fences the dead, whose owners can then never commit, and removes their leases. Returns those that live, this run's own left out. */
export async function fenceDeadLeases(
	repository: Repository,
	stage: Stage,
): Promise<FoundLease[]> {
	const others = (await listLeases(repository)).filter(
		({ lease }) => lease !== stage.lease,
	);
	const dead = others.filter(({ verdict }) => verdict === "dead");
	await fenceLeases(repository, stage, dead);
	return others.filter(({ verdict }) => verdict === "live");
}

/** Takes their stages away, then what is in `leases/` of them. */
export async function fenceLeases(
	repository: Repository,
	stage: Stage,
	leases: readonly Pick<FoundLease, "lease">[],
): Promise<void> {
	if (leases.length === 0) return;
	const { backend } = repository;
	for (const { lease } of leases) await backend.fence(lease);
	// Listed once more: the holder may have shown a sign of life just before it was fenced.
	const names = await listNames(repository);
	for (const { lease } of leases)
		for (const name of [...(names.get(lease) ?? [])].reverse())
			await backend.remove(stage, "leases", name);
}

const leaseName = /^[0-9a-f]{32}\.\d{1,15}$/;
const beatOf = (name: string) => Number(name.slice(name.indexOf(".") + 1));
const lastBeat = (names: readonly string[]) => beatOf(names.at(-1) as string);

/** Names in `leases/` by lease, in the order of their numbers. */
async function listNames({
	backend,
}: Repository): Promise<Map<LeaseId, string[]>> {
	const byLease = new Map<LeaseId, string[]>();
	for (const { name } of await backend.list("leases")) {
		if (!leaseName.test(name)) continue;
		const lease = name.slice(0, 32) as LeaseId;
		byLease.set(lease, [...(byLease.get(lease) ?? []), name]);
	}
	for (const names of byLease.values())
		names.sort((a, b) => beatOf(a) - beatOf(b));
	return byLease;
}

/** "gone" if it was released meanwhile, undefined if none of its files can be read. */
async function readLease(
	{ backend, tools }: Repository,
	lease: LeaseId,
	names: readonly string[],
): Promise<Lease | "gone" | undefined> {
	let isThere = false;
	for (const name of names)
		try {
			const record = decodeLease(await backend.read("leases", name), (bytes) =>
				tools.sha256Hex(bytes),
			);
			if (record.lease === lease) return record;
			isThere = true;
		} catch (error) {
			if (error instanceof NotFoundError) continue;
			if (!(error instanceof CorruptError)) throw error;
			isThere = true;
		}
	return isThere ? undefined : "gone";
}

import { NotFoundError } from "@varve/format";
import { beatInterval } from "./heartbeat.ts";
import { type FoundLease, fenceLeases, listLeases } from "./lease-table.ts";
import type { Repository } from "./repository.ts";
import { withStage } from "./with-stage.ts";

export interface UnlockOptions {
	/** Only those whose ids begin so; all, if none are given. */
	readonly leases?: readonly string[] | undefined;
	/** Takes away too what may be alive, if it shows no sign of life while it is watched. */
	readonly force?: boolean | undefined;
	/** For how long, ms; what was remembered of its silence counts. A process that is there is watched for `defaultWait` at least. */
	readonly wait?: number | undefined;
	/** Called with what is going to be watched, and for how long at most, before that begins. */
	readonly watching?: (leases: readonly FoundLease[], wait: number) => void;
	readonly signal?: AbortSignal | undefined;
}

export interface UnlockedLease {
	readonly found: FoundLease;
	readonly outcome: /** It was dead. */
		| "removed"
		/** It showed no sign of life, and was taken away by force. */
		| "forced"
		/** It ended by itself meanwhile. */
		| "ended"
		/** It is alive, or taken for alive. */
		| "kept"
		/** It was to go by force, and is alive. */
		| "refused";
}

/** More than the time between two signs of life. */
export const defaultWait = beatInterval + 60_000;
const longestPause = 5_000;

/**
 * Fences and removes the leases of the dead; with `force` those too that show no sign of life. The holder of a lease that was taken
 * away can commit nothing any more, and ends with FENCED. NotFoundError "NO_SUCH_LEASE" for a name that fits none.
 */
export async function unlock(
	repository: Repository,
	options: UnlockOptions = {},
): Promise<UnlockedLease[]> {
	const all = chosen(await listLeases(repository), options);
	const dead = all.filter(({ verdict }) => verdict === "dead");
	const live = all.filter(({ verdict }) => verdict === "live");
	await takeAway(repository, dead);
	return [
		...dead.map((found) => ({ found, outcome: "removed" as const })),
		...(options.force === true
			? await force(repository, { ...options, live })
			: live.map((found) => ({ found, outcome: "kept" as const }))),
	];
}

/** With a stage for as long as that takes: one that is there for long without a lease counts as left by the dead. */
export async function takeAway(
	repository: Repository,
	leases: readonly FoundLease[],
): Promise<void> {
	if (leases.length === 0) return;
	await withStage(repository, (stage) =>
		fenceLeases(repository, stage, leases),
	);
}

function chosen(
	all: readonly FoundLease[],
	{ leases = [] }: UnlockOptions,
): readonly FoundLease[] {
	for (const start of leases)
		if (!all.some(({ lease }) => lease.startsWith(start)))
			throw new NotFoundError(
				"NO_SUCH_LEASE",
				`there is no lease ${start}: it has ended, or never was`,
				{ lease: start },
			);
	if (leases.length === 0) return all;
	return all.filter(({ lease }) =>
		leases.some((start) => lease.startsWith(start)),
	);
}

interface Watch {
	readonly found: FoundLease;
	/** By the time since this machine was started. */
	readonly until: number;
}

async function force(
	repository: Repository,
	options: UnlockOptions & { readonly live: readonly FoundLease[] },
): Promise<UnlockedLease[]> {
	const { live, watching, signal } = options;
	if (live.length === 0) return [];
	const { timer } = repository;
	const now = timer.uptime();
	const watches = live.map((found) => ({
		found,
		until: now + needed(found, options),
	}));
	watching?.(live, Math.max(...watches.map(({ until }) => until - now)));
	const settled: UnlockedLease[] = [];
	let open: readonly Watch[] = watches;
	while (open.length > 0) {
		open = await look(repository, open, settled);
		const next = Math.min(...open.map(({ until }) => until));
		const left = next - timer.uptime();
		if (open.length > 0)
			await timer.sleep(Math.max(1, Math.min(longestPause, left)), signal);
	}
	return settled;
}

function needed(
	{ reason, silence }: FoundLease,
	{ wait = defaultWait }: UnlockOptions,
): number {
	if (reason === "running") return Math.max(wait, defaultWait);
	return Math.max(0, wait - silence);
}

/** Sorts out who has ended, who lives, and whose time is over; returns who is to be watched on. */
async function look(
	repository: Repository,
	watches: readonly Watch[],
	settled: UnlockedLease[],
): Promise<Watch[]> {
	const there = new Map(
		(await listLeases(repository)).map((found) => [found.lease, found]),
	);
	const open: Watch[] = [];
	for (const watch of watches) {
		const { found, until } = watch;
		const now = there.get(found.lease);
		if (now === undefined) settled.push({ found, outcome: "ended" });
		else if (now.names.at(-1) !== found.names.at(-1))
			settled.push({ found, outcome: "refused" });
		else if (now.verdict === "live" && repository.timer.uptime() < until)
			open.push(watch);
		else {
			await takeAway(repository, [now]);
			const outcome = now.verdict === "dead" ? "removed" : "forced";
			settled.push({ found: now, outcome });
		}
	}
	return open;
}

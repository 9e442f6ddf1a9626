import type { FoundLease, UnlockedLease } from "@varve/core";
import type { Message } from "./json-line.ts";
import { shortId } from "./short-id.ts";
import { formatTime, type OffsetAt } from "./times.ts";
import { formatDuration } from "./units.ts";

/** A lease as programs read it. */
export function leaseFields({
	lease,
	record,
	verdict,
	reason,
	silence,
}: FoundLease): Message {
	return {
		lease,
		kind: record?.kind,
		hostname: record?.host,
		pid: record?.pid,
		since: record?.created,
		command: record?.command,
		program_version: record?.program,
		verdict,
		reason,
		seconds_silent: silence / 1000,
	};
}

export interface Moment {
	/** ms since 1970. */
	readonly now: number;
	readonly offsetAt: OffsetAt;
}

/** "1a2b3c4d  snapshot /srv (writer) on web1, process 4711, since 2026-11-19 10:00:00 +0100, 2 h 03 min ago". */
export function holderLine(
	{ lease, record }: FoundLease,
	{ now, offsetAt }: Moment,
): string {
	const id = shortId(lease);
	if (record === undefined) return `${id}  (its file cannot be read)`;
	const { command, kind, host, pid, created } = record;
	const time = Date.parse(created);
	// By another machine's clock, which may be ahead of ours.
	const age = now > time ? `, ${formatDuration(now - time)} ago` : "";
	return `${id}  ${command} (${kind}) on ${host}, process ${pid}, since ${formatTime(time, offsetAt)}${age}`;
}

const half = "it is taken for dead after 30 min without a sign of life";

/** Why it counts as dead or alive. */
export function reasonWords({ reason, silence }: FoundLease): string {
	const silent = formatDuration(silence);
	switch (reason) {
		case "ended":
			return "its process is gone";
		case "silent":
			return `no sign of life for ${silent}`;
		case "running":
			return "its process is there, on this machine";
		case "unknown":
			return `its process cannot be seen from here; ${half}, ${silent} so far`;
		case "unreadable":
			return `nothing is known of its holder; ${half}, ${silent} so far`;
	}
}

const outcomes: Readonly<Record<UnlockedLease["outcome"], string>> = {
	removed: "removed",
	forced: "removed by force",
	ended: "ended by itself",
	kept: "kept",
	refused: "refused: it has shown a sign of life",
};

/** That, below its holder. */
export function reasonLine(found: FoundLease): string {
	return `          ${found.verdict === "dead" ? "dead" : "alive"}: ${reasonWords(found)}`;
}

/** What became of a lease. */
export function outcomeLine({ found, outcome }: UnlockedLease): string {
	const words = outcomes[outcome];
	return outcome === "kept" || outcome === "removed"
		? `          ${words}: ${reasonWords(found)}`
		: `          ${words}`;
}

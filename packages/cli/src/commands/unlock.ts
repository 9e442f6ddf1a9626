import { defaultWait, type UnlockedLease, unlock } from "@varve/core";
import { Option } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { waitValue } from "../durations.ts";
import { ExitCode } from "../exit-code.ts";
import {
	holderLine,
	leaseFields,
	type Moment,
	outcomeLine,
} from "../lease-account.ts";
import { withRepository } from "../open-repository.ts";
import type { Session } from "../session.ts";
import { formatCounted, formatDuration } from "../units.ts";

interface Flags {
	readonly force?: boolean;
	readonly wait: number;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Take the leases of the dead away, and say who holds the others. Snapshots and restores never wait for each other, and each snapshot does this by itself: it is for when a gc waits for somebody.",
			)
			.argument("[lease...]", "only these, by the beginning of their ids")
			.option(
				"--force",
				"take away too what shows no sign of life while it is watched; its owner then commits nothing and ends with 11",
			)
			.addOption(
				new Option(
					"--wait <duration>",
					"how long --force watches; a sign of life comes every 5 minutes, so less proves little",
				)
					.argParser(waitValue)
					.default(defaultWait, "6m"),
			);
	},
	examples: [
		["varve unlock", "remove what the dead left, and see who is at work"],
		[
			"varve unlock --force 1a2b3c4d",
			"take away the lease of a machine that will not come back",
		],
	],
	async run(session, command) {
		const { force = false, wait } = command.opts<Flags>();
		const moment = momentOf(session);
		const all = await withRepository(session, { workers: 0 }, (repository) =>
			unlock(repository, {
				...{ leases: command.args, force, wait, signal: session.signal },
				watching: (leases, longest) =>
					session.report.account([
						...leases.map((found) => holderLine(found, moment)),
						`watching for a sign of life, for up to ${formatDuration(longest)}`,
					]),
			}),
		);
		tell(session, all, moment);
		const isRefused = all.some(({ outcome }) => outcome === "refused");
		return isRefused ? ExitCode.locked : ExitCode.done;
	},
};

function momentOf({ surroundings: { now, offsetAt } }: Session): Moment {
	return { now: now(), offsetAt };
}

function tell(
	{ report }: Session,
	all: readonly UnlockedLease[],
	moment: Moment,
): void {
	for (const { found, outcome } of all)
		report.message("lease", () => ({ ...leaseFields(found), outcome }));
	const count = (...outcomes: readonly string[]) =>
		all.filter(({ outcome }) => outcomes.includes(outcome)).length;
	const removed = count("removed", "forced");
	const left = count("kept", "refused");
	report.message("summary", {
		leases_removed: removed,
		leases_kept: left,
		leases_refused: count("refused"),
	});
	report.account([
		...all.flatMap((one) => [holderLine(one.found, moment), outcomeLine(one)]),
		all.length === 0
			? "nobody holds a lease"
			: `${formatCounted(removed, "lease")} removed, ${left} left`,
	]);
}

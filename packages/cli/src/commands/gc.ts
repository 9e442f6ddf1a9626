import { gc, retryLocked, type UnusedLimit } from "@varve/core";
import { InvalidArgumentError } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { retryLockOption, waitValue } from "../durations.ts";
import { ExitCode } from "../exit-code.ts";
import { gcAccount, gcSummary } from "../gc-account.ts";
import { withRepository } from "../open-repository.ts";
import { sizeValue } from "../option-values.ts";

interface Flags {
	readonly dryRun?: boolean;
	readonly grace?: number;
	readonly maxUnused?: UnusedLimit;
	readonly maxRepack?: number;
	readonly exclusive?: boolean;
	readonly wait?: number;
	readonly retryLock?: number;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Free what no snapshot needs: snapshots that were forgotten longer than the grace ago, and all that only they referred to. Others may take and restore snapshots meanwhile: what they could still need is deleted by the next gc.",
			)
			.option("-n, --dry-run", "only say what would be freed")
			.option(
				"--grace <duration>",
				"how long a forgotten snapshot can be brought back; 7d if not said",
				waitValue,
			)
			.option(
				"--max-unused <limit>",
				"dead bytes that may stay among live ones: 5%, 200M or unlimited; 5% if not said",
				unusedValue,
			)
			.option(
				"--max-repack <size>",
				"rewrite packs of so many bytes at most",
				sizeValue,
			)
			.option(
				"--exclusive",
				"refuse to begin while anybody else works in the repository",
			)
			.option(
				"--wait <duration>",
				"wait so long for those who work in the repository, and then delete at once",
				waitValue,
			)
			.addOption(retryLockOption());
	},
	examples: [
		["varve gc", "free what is no longer needed"],
		["varve gc --dry-run", "say how much that would be"],
		[
			"varve gc --grace 0",
			"do not wait until forgotten snapshots are a week old",
		],
	],
	async run(session, command) {
		const { retryLock: retryFor, ...flags } = command.opts<Flags>();
		const { signal, report } = session;
		return await withRepository(session, {}, async (repository) => {
			const result = await retryLocked(
				() => gc(repository, { ...flags, signal }),
				{ repository, retryFor, signal },
			);
			report.message("summary", gcSummary(result));
			report.account(gcAccount(result));
			return ExitCode.done;
		});
	},
};

function unusedValue(text: string): UnusedLimit {
	if (text === "unlimited") return { share: 1 };
	const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
	if (percent === null) return { bytes: unusedBytes(text) };
	const share = Number(percent[1]) / 100;
	if (share > 1) throw new InvalidArgumentError("It must be at most 100%.");
	return { share };
}

function unusedBytes(text: string): number {
	try {
		return sizeValue(text);
	} catch (error) {
		if (!(error instanceof InvalidArgumentError)) throw error;
		throw new InvalidArgumentError(
			"It must be a share, a size or unlimited: 5%, 200M.",
		);
	}
}

import {
	type GcOptions,
	gc,
	InputError,
	retryLocked,
	type UnusedLimit,
} from "@varve/core";
import { InvalidArgumentError, Option } from "commander";
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
	readonly repack?: boolean;
	readonly repackAge?: number;
	readonly compression?: "better" | "max";
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
				"--repack",
				"also put old content together by path, in long frames that are compressed well: slower to make and to read single files of, and smaller",
			)
			.option(
				"--repack-age <duration>",
				"what counts as old for --repack: what a snapshot holds that is so old; 30d if not said",
				waitValue,
			)
			.addOption(
				new Option(
					"--compression <mode>",
					"how hard --repack compresses; better if not said",
				).choices(["better", "max"]),
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
		[
			"varve gc --repack --max-repack 20G",
			"put old content together, 20 GiB of packs in this run",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const options = optionsOf(flags);
		const { retryLock: retryFor } = flags;
		const { signal, report } = session;
		return await withRepository(session, {}, async (repository) => {
			const result = await retryLocked(
				() => gc(repository, { ...options, signal }),
				{ repository, retryFor, signal },
			);
			report.message("summary", gcSummary(result));
			report.account(gcAccount(result));
			return ExitCode.done;
		});
	},
};

function optionsOf(flags: Flags): GcOptions {
	const { repack, repackAge: age, compression, ...others } = flags;
	if (repack === true)
		return {
			...others,
			repack: {
				age,
				compression: compression === "max" ? "coldest" : "cold",
			},
		};
	if (age !== undefined || compression !== undefined)
		throw new InputError(
			"WRONG_MIXTURE",
			"--repack-age and --compression say something of --repack, which is missing",
		);
	return others;
}

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

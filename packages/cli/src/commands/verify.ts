import { InputError, type Subset, type VerifyLevel, verify } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { waitValue } from "../durations.ts";
import { ExitCode } from "../exit-code.ts";
import { withRepository } from "../open-repository.ts";
import { workersOption } from "../option-values.ts";
import { subsetValue } from "../read-subset.ts";
import { namedSnapshots } from "../selected-snapshots.ts";
import {
	findingFields,
	findingLines,
	verifyAccount,
	verifySummary,
} from "../verify-account.ts";

interface Flags {
	readonly readData?: boolean;
	readonly readDataSubset?: Subset;
	readonly budget?: number;
	readonly restoreSim?: boolean;
	readonly scrub?: boolean;
	readonly workers?: number;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Prove that what is stored can be restored: that everything snapshots refer to is there and, with --read-data, that every byte of it is what it should be. Says what it did not look at.",
			)
			.argument("[snapshot...]", "only these; else all")
			.option("--read-data", "read and prove every byte")
			.option(
				"--read-data-subset <subset>",
				"read a part: 2/5 the second of five; 10% or 2G so much of what was read longest ago",
				subsetValue,
			)
			.option(
				"--budget <duration>",
				"read what was read longest ago, and stop when the time is used up: 10m, 1h",
				waitValue,
			)
			.option(
				"--restore-sim",
				"do all that a restore of the snapshots does, but write nothing",
			)
			.option(
				"--scrub",
				"only compare checksums of all files, as fast as they can be read",
			)
			.addOption(workersOption());
	},
	examples: [
		["varve verify", "check the structure, which is quick"],
		["varve verify --read-data", "prove every byte"],
		[
			"varve verify --budget 10m",
			"every night ten minutes more, until all has been read, and then from the beginning",
		],
		[
			"varve verify --restore-sim latest",
			"see whether the latest snapshot can be restored whole",
		],
		[
			"varve verify --read-data-subset 1/7",
			"on Mondays, the first of seven parts",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const level = levelOf(flags);
		const { readDataSubset: subset, budget, workers } = flags;
		return await withRepository(session, { workers }, async (repository) => {
			const names = command.args;
			const snapshots =
				names.length === 0
					? undefined
					: await namedSnapshots(repository, names);
			const { signal, report } = session;
			const options = { snapshots, level, subset, budget, signal };
			const result = await verify(repository, options);
			for (const finding of result.findings) {
				report.message("error", findingFields(finding));
				if (!report.json)
					for (const line of findingLines(finding))
						session.screen.printError(line);
			}
			report.message("summary", verifySummary(result));
			report.account(verifyAccount(result, session.surroundings.offsetAt));
			return result.findings.length > 0 ? ExitCode.damaged : ExitCode.done;
		});
	},
};

/** What each flag excludes. */
function levelOf({
	readData,
	readDataSubset,
	budget,
	restoreSim,
	scrub,
}: Flags): VerifyLevel {
	const isPart = readDataSubset !== undefined || budget !== undefined;
	const wanted = [
		...(readData === true || (isPart && scrub !== true) ? ["--read-data"] : []),
		...(restoreSim === true ? ["--restore-sim"] : []),
		...(scrub === true ? ["--scrub"] : []),
		...(budget !== undefined && scrub === true ? ["--budget"] : []),
	];
	if (wanted.length > 1)
		throw new InputError(
			"WRONG_MIXTURE",
			`${wanted.join(" and ")} cannot be combined: --read-data reads every byte, --restore-sim what a restore needs, --scrub compares checksums alone`,
		);
	if (scrub === true) return "scrub";
	if (restoreSim === true) return "restore-sim";
	return readData === true || isPart ? "data" : "structure";
}

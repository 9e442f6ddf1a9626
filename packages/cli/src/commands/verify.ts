import { InputError, type Subset, type VerifyLevel, verify } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
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
				"read a part: 2/5 the second of five, 10% a random share, 2G about so much",
				subsetValue,
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
			"varve verify --read-data-subset 1/7",
			"on Mondays, the first of seven parts",
		],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		const level = levelOf(flags);
		const { readDataSubset: subset, workers } = flags;
		return await withRepository(session, { workers }, async (repository) => {
			const names = command.args;
			const snapshots =
				names.length === 0
					? undefined
					: await namedSnapshots(repository, names);
			const { signal, report } = session;
			const options = { snapshots, level, subset, signal };
			const result = await verify(repository, options);
			for (const finding of result.findings) {
				report.message("error", findingFields(finding));
				if (!report.json)
					for (const line of findingLines(finding))
						session.screen.printError(line);
			}
			report.message("summary", verifySummary(result));
			report.account(verifyAccount(result));
			return result.findings.length > 0 ? ExitCode.damaged : ExitCode.done;
		});
	},
};

function levelOf({ readData, readDataSubset, scrub }: Flags): VerifyLevel {
	const reads = readData === true || readDataSubset !== undefined;
	if (scrub !== true) return reads ? "data" : "structure";
	if (readData === true)
		throw new InputError(
			"WRONG_MIXTURE",
			"--scrub cannot be combined with --read-data, which does more",
		);
	return "scrub";
}

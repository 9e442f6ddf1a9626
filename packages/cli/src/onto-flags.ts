import { InputError, type OnConflict, type Overwrite } from "@varve/core";
import { type Command, Option } from "commander";

/** Options of restoring onto what is there. */
export interface OntoFlags {
	readonly inPlace?: boolean;
	readonly overwrite?: Overwrite;
	readonly onConflict?: OnConflict;
	readonly delete?: boolean;
	/** --no-undo */
	readonly undo: boolean;
	readonly resume?: boolean;
	readonly abort?: boolean;
}

export function addOntoFlags(command: Command): Command {
	return command
		.option("--in-place", "to where everything came from, onto what is there")
		.addOption(
			new Option(
				"--overwrite <when>",
				"which files that are there give way: all that differ, the same but trusting size and time, those that are older than the snapshot's, none",
			).choices(["always", "if-changed", "if-newer", "never"]),
		)
		.addOption(
			new Option(
				"--on-conflict <what>",
				"what to do about files changed after the snapshot, entries of another kind, and directories where files should be; overwrite if not said",
			).choices(["skip", "overwrite", "keep-both", "ask"]),
		)
		.option(
			"--delete",
			"delete what the snapshot has not, as far as it would have captured it",
		)
		.option("--no-undo", "keep nothing by which this could be taken back")
		.option("--resume", "finish a restore that was killed")
		.option("--abort", "put back what was there before a restore was killed");
}

/** True if what is there may be changed. */
export function isOnto(flags: OntoFlags): boolean {
	const { inPlace, overwrite, onConflict } = flags;
	return (
		inPlace === true ||
		overwrite !== undefined ||
		onConflict !== undefined ||
		flags.delete === true
	);
}

/** InputError "BAD_OPTIONS" for options that contradict each other, "NO_TARGET" for none that says where to. */
export function requireSense(
	flags: OntoFlags & { readonly target?: string },
	snapshot: string | undefined,
): void {
	const { inPlace, target, resume, abort } = flags;
	if (inPlace === true && target !== undefined)
		throw bad("say --in-place or --target, not both");
	if (resume === true && abort === true)
		throw bad("say --resume or --abort, not both");
	const isFinish = resume === true || abort === true;
	if (isFinish && snapshot !== undefined)
		throw bad(
			"--resume and --abort go on with the restore that was begun: they take no snapshot",
		);
	if (!isFinish && snapshot === undefined)
		throw bad("say which snapshot to restore");
	if (!isFinish && inPlace !== true && (target === undefined || target === ""))
		throw new InputError(
			"NO_TARGET",
			"say where to restore: -t DIR, or --in-place",
		);
}

function bad(message: string): InputError {
	return new InputError("BAD_OPTIONS", message);
}

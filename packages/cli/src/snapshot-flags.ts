import { type Command, Option } from "commander";
import {
	gather,
	gatherWords,
	rateValue,
	sizeValue,
	workersOption,
} from "./option-values.ts";

/** What `varve snapshot` was told. */
export interface SnapshotFlags {
	readonly exclude?: readonly string[];
	readonly iexclude?: readonly string[];
	readonly excludeFile?: readonly string[];
	readonly excludeCaches?: boolean;
	readonly excludeIfPresent?: readonly string[];
	readonly excludeLargerThan?: number;
	readonly gitignore?: boolean;
	readonly oneFileSystem?: boolean;
	readonly tag?: readonly string[];
	readonly host?: string;
	readonly time?: string;
	readonly pin?: boolean;
	readonly note?: string;
	readonly parent?: string;
	readonly dryRun?: boolean;
	readonly force?: boolean;
	readonly skipIfUnchanged?: boolean;
	readonly filesFrom?: readonly string[];
	readonly filesFromRaw?: readonly string[];
	readonly stdin?: boolean;
	readonly stdinFilename: string;
	readonly stdinFromCommand?: boolean;
	readonly verify?: boolean;
	readonly compression: "auto" | "off" | "fastest" | "better" | "max";
	readonly workers?: number;
	readonly limitRead?: number;
	readonly lowPriority?: boolean;
	readonly paranoid?: boolean;
	/** False for --no-delta. */
	readonly delta: boolean;
	readonly forget?: boolean;
	readonly forgetPolicy?: string;
}

export function addSnapshotFlags(command: Command): void {
	addScopeFlags(command);
	addSourceFlags(command);
	addRecordFlags(command);
	addWorkFlags(command);
	command
		.option(
			"--forget",
			"afterwards, forget what the policy named default does not keep of the snapshots of the same host and paths",
		)
		.option("--forget-policy <name>", "the same by another policy");
}

function addScopeFlags(command: Command): void {
	command
		.option("-e, --exclude <pattern>", "leave out what matches", gather)
		.option("--iexclude <pattern>", "the same, whatever the case", gather)
		.option(
			"--exclude-file <file>",
			"read patterns from a file, one in a line",
			gather,
		)
		.option("--exclude-caches", "leave out directories with a CACHEDIR.TAG")
		.option(
			"--exclude-if-present <name>",
			"leave out what is in directories that hold a file of this name; with NAME:HEADER, one that begins so",
			gather,
		)
		.option(
			"--exclude-larger-than <size>",
			"leave out files larger than this, as 100M",
			sizeValue,
		)
		.option("--gitignore", "leave out what .gitignore files say")
		.option("-x, --one-file-system", "do not enter other file systems");
}

function addSourceFlags(command: Command): void {
	command
		.option(
			"--files-from <file>",
			"read paths and patterns to take from a file, one in a line; - for standard input",
			gather,
		)
		.option(
			"--files-from-raw <file>",
			"read paths to take from a file, each ended by a zero byte",
			gather,
		)
		.option("--stdin", "take what comes from standard input, as one file")
		.option("--stdin-filename <name>", "the name of that file", "stdin")
		.option(
			"--stdin-from-command",
			"take what a command prints, as one file; the command stands behind --, and if it fails there is no snapshot",
		);
}

function addRecordFlags(command: Command): void {
	command
		.option("--tag <tag>", "label it; several times, or a,b", gatherWords)
		.addOption(
			new Option(
				"-H, --host <name>",
				"record this name instead of the machine's",
			).env("VARVE_HOST"),
		)
		.option("--time <time>", "record this time instead of now")
		.option("--pin", "exempt it from retention")
		.option("--note <text>", "keep a remark with it")
		.option(
			"--parent <snapshot>",
			"compare with this one instead of the newest of the same paths",
		)
		.option("-f, --force", "read all content again")
		.option("--skip-if-unchanged", "make no snapshot if nothing has changed")
		.option("-n, --dry-run", "only tell what would be stored");
}

function addWorkFlags(command: Command): void {
	command
		.option("--verify", "read back what was stored before it counts")
		.option(
			"--paranoid",
			"hash everything again before it is stored, and read it back before it counts",
		)
		.addOption(
			new Option("--compression <mode>", "how hard to compress")
				.choices(["auto", "off", "fastest", "better", "max"])
				.default("auto")
				.env("VARVE_COMPRESSION"),
		)
		.option(
			"--no-delta",
			"store changed files whole, not as differences from what they were",
		)
		.addOption(workersOption())
		.option(
			"--limit-read <rate>",
			"read at most this much a second, as 50M",
			rateValue,
		)
		.option("--low-priority", "let everything else on the machine go first");
}
